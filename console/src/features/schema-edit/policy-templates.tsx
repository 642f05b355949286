import { useEffect, useMemo, useState } from "react";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { templates, type Choices, type PolicyDraft, type Template, type TemplateField } from "@/features/schema-edit/policy";
import { cn } from "@/lib/cn";
import type { CatalogColumn, CatalogTable } from "@/lib/catalog";
import type { Names } from "@/lib/pg";
import { useCatalog } from "@/lib/project-data";

interface Props {
  names: Names;
  table: CatalogTable;
  columns: CatalogColumn[];
  onMade: (policy: PolicyDraft) => void;
}

const likely = /user|owner|author|profile|account|member|creat/i;

/** Policies that most apps need, filled in with the table's own columns. */
export function PolicyTemplates({ names, table, columns, onMade }: Props) {
  const [chosen, setChosen] = useState<Template>();
  return (
    <section className="flex flex-col gap-2" aria-label="Templates">
      <h3 className="text-sm font-semibold">Begin with a template</h3>
      <div className="grid gap-2 sm:grid-cols-2">
        {templates.map((each) => (
          <button
            key={each.id}
            type="button"
            aria-pressed={chosen?.id === each.id}
            onClick={() => {
              setChosen(each);
              if (each.fields.length === 0) onMade(each.make({})!);
            }}
            className={cn("rounded-md border border-border p-2.5 text-left hover:bg-hover", chosen?.id === each.id && "border-accent bg-accent-soft hover:bg-accent-soft")}
          >
            <span className="block text-sm font-medium">{each.title}</span>
            <span className="block text-xs text-muted">{each.about}</span>
          </button>
        ))}
      </div>
      {chosen && chosen.fields.length > 0 && <Fields key={chosen.id} template={chosen} names={names} table={table} columns={columns} onMade={onMade} />}
    </section>
  );
}

function Fields({ template, names, table, columns, onMade }: Props & { template: Template }) {
  const all = useCatalog("columns");
  const members = useMemo(() => membersOf(all.data ?? [], table), [all.data, table]);
  const [chosen, setChosen] = useState<Choices>(() => Object.fromEntries(template.fields.flatMap((field) => first(field, columns))));
  const member = members.find((each) => names.qualified(each.schema, each.name) === chosen.table);
  const choices = (field: TemplateField): { value: string; label: string }[] => {
    switch (field.kind) {
      case "column":
        return plain(columns);
      case "uuid_column":
        return plain(columns.filter((each) => each.base_type === "uuid" && !each.array));
      case "boolean_column":
        return plain(columns.filter((each) => each.base_type === "bool" && !each.array));
      case "member_table":
        return members.map((each) => ({ value: names.qualified(each.schema, each.name), label: each.schema === table.schema ? each.name : `${each.schema}.${each.name}` }));
      case "member_user_column":
        return plain((member?.columns ?? []).filter((each) => each.base_type === "uuid"));
      default:
        return plain(member?.columns ?? []);
    }
  };
  const made = template.make(chosen);
  const text = JSON.stringify(made);
  useEffect(() => {
    if (text) onMade(JSON.parse(text) as PolicyDraft);
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the form is filled when what was chosen changes, and not when it is drawn
  }, [text]);
  const nothing = template.fields.find((field) => field.kind !== "text" && !field.kind.startsWith("member") && choices(field).length === 0);
  return (
    <div className="grid gap-3 rounded-md border border-border bg-surface p-3 sm:grid-cols-2">
      {nothing && <p className="text-sm text-muted sm:col-span-2">{nothing.kind === "boolean_column" ? "The table has no boolean column yet. Add one first." : "The table has no column of type uuid yet. Add one that holds the user's id, with the default auth.uid()."}</p>}
      {template.fields.map((field) => (
        <Field key={field.name} label={field.label}>
          {field.kind === "text" ? (
            <Input value={chosen[field.name] ?? ""} onChange={(event) => setChosen({ ...chosen, [field.name]: event.target.value })} className="font-mono sm:text-xs" autoComplete="off" />
          ) : (
            <Select
              value={chosen[field.name] ?? ""}
              onChange={(event) => {
                const next = { ...chosen, [field.name]: event.target.value };
                if (field.kind === "member_table") Object.assign(next, guess(members.find((each) => names.qualified(each.schema, each.name) === event.target.value)?.columns ?? [], chosen.column));
                setChosen(next);
              }}
            >
              <option value="">Choose</option>
              {choices(field).map((each) => (
                <option key={each.value} value={each.value}>
                  {each.label}
                </option>
              ))}
            </Select>
          )}
        </Field>
      ))}
    </div>
  );
}

const plain = (list: CatalogColumn[]) => list.map((each) => ({ value: each.name, label: `${each.name} · ${each.type}` }));

/** What a field holds at first: what it says, or the column that is most likely meant. */
function first(field: TemplateField, columns: CatalogColumn[]): [string, string][] {
  if (field.initial) return [[field.name, field.initial]];
  if (field.kind === "uuid_column") {
    const uuids = columns.filter((each) => each.base_type === "uuid" && !each.array);
    const column = uuids.find((each) => likely.test(each.name)) ?? uuids.find((each) => !each.primary_key) ?? uuids[0];
    return column ? [[field.name, column.name]] : [];
  }
  if (field.kind === "boolean_column") {
    const column = columns.find((each) => each.base_type === "bool" && !each.array);
    return column ? [[field.name, column.name]] : [];
  }
  if (field.kind === "column") {
    const column = columns.find((each) => /team|org|group|workspace|tenant|project/i.test(each.name));
    return column ? [[field.name, column.name]] : [];
  }
  return [];
}

/** The columns of a table of members that are most likely meant. */
function guess(columns: CatalogColumn[], team: string | undefined): Choices {
  const user = columns.find((each) => each.base_type === "uuid" && likely.test(each.name));
  const same = columns.find((each) => each.name === team) ?? columns.find((each) => each !== user && /team|org|group|workspace|tenant|project/i.test(each.name));
  return { member: user?.name ?? "", team: same?.name ?? "" };
}

/** Tables that may say who is in which team: they hold a uuid and something else. */
function membersOf(columns: CatalogColumn[], table: CatalogTable): { schema: string; name: string; columns: CatalogColumn[] }[] {
  const out = new Map<string, { schema: string; name: string; columns: CatalogColumn[] }>();
  for (const each of columns) {
    if (["auth", "storage", "realtime", "extensions"].includes(each.schema) || (each.schema === table.schema && each.table === table.name)) continue;
    const key = JSON.stringify([each.schema, each.table]);
    const found = out.get(key) ?? { schema: each.schema, name: each.table, columns: [] };
    found.columns.push(each);
    out.set(key, found);
  }
  return [...out.values()].filter((each) => each.columns.length > 1 && each.columns.some((column) => column.base_type === "uuid"));
}
