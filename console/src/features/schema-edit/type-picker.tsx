import { Command } from "cmdk";
import { Check, ChevronsUpDown } from "lucide-react";
import { Popover } from "radix-ui";
import { useMemo, useState } from "react";
import { baseTypes, canonical, shortType } from "@/features/schema-edit/column-types";
import { cn } from "@/lib/cn";
import type { DatabaseType } from "@/lib/catalog";
import { useCatalog, useNames } from "@/lib/project-data";

interface Props {
  value: string;
  onChange: (type: string) => void;
  array?: boolean;
  id?: string;
  disabled?: boolean;
  label: string;
  "aria-invalid"?: boolean;
  "aria-describedby"?: string;
}

const item = "flex min-h-8 cursor-default items-center gap-2 rounded px-2 py-1 text-sm data-[selected=true]:bg-hover";

/** All types that a column may have: Postgres' own, the project's, and whatever is typed. */
export function TypePicker({ value, onChange, array, disabled, label, ...rest }: Props) {
  const [open, setOpen] = useState(false);
  const shown = useShownType();
  return (
    <Popover.Root open={open} onOpenChange={setOpen} modal>
      <Popover.Trigger
        {...rest}
        aria-label={`${label}: ${value ? shown(value) + (array ? "[]" : "") : "not chosen"}`}
        disabled={disabled}
        className="flex h-8 w-full min-w-0 items-center gap-1 rounded-md border border-border bg-background px-2.5 text-left font-mono text-xs hover:border-border-strong disabled:opacity-60 aria-invalid:border-danger"
      >
        <span className="min-w-0 flex-1 truncate">{value ? shown(value) + (array ? "[]" : "") : <span className="text-faint">Choose</span>}</span>
        <ChevronsUpDown className="size-3.5 shrink-0 text-faint" aria-hidden />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content align="start" sideOffset={4} collisionPadding={8} className="enter z-[60] w-[min(340px,calc(100vw-16px))] overflow-hidden rounded-md border border-border bg-raised" aria-label="Types">
          <Choice
            value={value}
            onChange={(type) => {
              onChange(type);
              setOpen(false);
            }}
          />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function Choice({ value, onChange }: Pick<Props, "value" | "onChange">) {
  const [search, setSearch] = useState("");
  const { names } = useNames();
  const types = useCatalog("types");
  const own = useMemo(() => (types.data ?? []).filter((each) => each.kind !== "range"), [types.data]);
  const typed = canonical(search);
  const known = baseTypes.some((each) => each.name === typed);
  const groups = [...new Set(baseTypes.map((each) => each.group))];
  return (
    <Command label="Type" loop filter={score}>
      <Command.Input value={search} onValueChange={setSearch} placeholder="Search or type one" className="h-9 w-full border-b border-border bg-transparent px-3 text-sm outline-none" />
      <Command.List className="max-h-72 overflow-y-auto p-1" tabIndex={-1}>
        {groups.map((group) => (
          <Group key={group} name={group}>
            {baseTypes
              .filter((each) => each.group === group)
              .map((each) => (
                <Type key={each.name} name={each.name} words={`${shortType(each.name)} ${each.also ?? ""}`} about={each.about} chosen={each.name === value} onSelect={() => onChange(each.name)} />
              ))}
          </Group>
        ))}
        {names && own.length > 0 && (
          <Group name="Of this project">
            {own.map((each) => {
              const sql = names.qualified(each.schema, each.name);
              return <Type key={sql} name={each.schema === "public" ? each.name : `${each.schema}.${each.name}`} value={sql} words={`${each.schema} ${each.kind}`} about={aboutType(each)} chosen={sql === value || each.name === value} onSelect={() => onChange(sql)} />;
            })}
          </Group>
        )}
        {search.trim() && !known && (
          <Command.Item forceMount value={`typed ${search}`} keywords={[search]} onSelect={() => onChange(typed)} className={item}>
            Use <span className="truncate font-mono text-xs">{typed}</span>
          </Command.Item>
        )}
      </Command.List>
    </Command>
  );
}

/** How well a type is what was typed: its name, then its beginning, then a part of it or of what else it is called. */
function score(value: string, search: string, keywords: string[] = []): number {
  const text = search.trim().toLowerCase();
  if (value.startsWith("typed ")) return 0.1;
  const names = [value, ...keywords].map((each) => each.toLowerCase());
  if (names.includes(text)) return 1;
  if (names.some((each) => each.startsWith(text))) return 0.8;
  return names.some((each) => each.includes(text)) ? 0.5 : 0;
}

function aboutType(type: DatabaseType): string {
  if (type.kind !== "enum") return type.kind === "domain" ? "Domain" : "Composite";
  return (type.values ?? []).join(", ") || "Enum without values";
}

function Group({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <Command.Group heading={name} className="[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-muted">
      {children}
    </Command.Group>
  );
}

function Type({ name, value = name, words, about, chosen, onSelect }: { name: string; value?: string; words: string; about: string; chosen: boolean; onSelect: () => void }) {
  return (
    <Command.Item value={value} keywords={[name, ...words.split(" ")]} onSelect={onSelect} className={item}>
      <span className="shrink-0 font-mono text-xs">{shortType(name)}</span>
      <span className="min-w-0 flex-1 truncate text-right text-xs text-muted">{about}</span>
      <Check className={cn("size-3.5 shrink-0 text-accent", !chosen && "invisible")} aria-hidden />
    </Command.Item>
  );
}

/** A type as people know it: short, and of schemas that a project shares a database with, by their logical names. */
export function useShownType() {
  const { schemas } = useNames();
  return (type: string) => {
    const schema = schemas.data?.find((each) => each.sql_name !== each.name && type.startsWith(`${each.sql_name}.`));
    const logical = schema ? type.slice(schema.sql_name.length + 1) : type.replace(/^public\./, "");
    return shortType(schema && schema.name !== "public" ? `${schema.name}.${logical}` : logical);
  };
}

/** The values of an enum that a type names; null for other types. */
export function useEnumValues() {
  const { names } = useNames();
  const types = useCatalog("types");
  return (type: string): string[] | null => {
    const found = types.data?.find((each) => each.kind === "enum" && (names?.qualified(each.schema, each.name) === type || (each.name === type && !baseTypes.some((base) => base.name === type))));
    return found?.values ?? null;
  };
}
