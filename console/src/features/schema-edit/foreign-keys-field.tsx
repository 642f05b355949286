import { ArrowRight, Plus, Trash2, TriangleAlert, X } from "lucide-react";
import { useEffect, useMemo } from "react";
import { useFieldArray, useFormContext, useWatch } from "react-hook-form";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/input";
import { canonical, shortType } from "@/features/schema-edit/column-types";
import { Problem } from "@/features/schema-edit/columns-field";
import { sqlType, type Action, type ForeignKeyDraft, type TableDraft } from "@/features/schema-edit/draft";
import { Part } from "@/features/schema-edit/keys-field";
import type { CatalogTable } from "@/lib/catalog";
import { useCatalog } from "@/lib/project-data";

const actions: { value: Action; deleted: string; changed: string }[] = [
  { value: "no action", deleted: "Refuse, at the statement's end", changed: "Refuse, at the statement's end" },
  { value: "restrict", deleted: "Refuse at once", changed: "Refuse at once" },
  { value: "cascade", deleted: "Delete these rows too", changed: "Change it here too" },
  { value: "set null", deleted: "Set null here", changed: "Set null here" },
  { value: "set default", deleted: "Set the default here", changed: "Set the default here" },
];

/** What columns refer to in other tables. */
export function ForeignKeysField() {
  const { control } = useFormContext<TableDraft>();
  const { fields, append, remove } = useFieldArray({ control, name: "foreignKeys", keyName: "id" });
  const first: ForeignKeyDraft = { name: null, columns: [""], self: false, schema: "", table: "", foreignColumns: [""], onUpdate: "no action", onDelete: "no action", options: "" };
  return (
    <Part title="Foreign keys" about="Values that must be there in another table." add="Add foreign key" onAdd={() => append(first)}>
      {fields.map((field, at) => (
        <ForeignKey key={field.id} at={at} onRemove={() => remove(at)} />
      ))}
    </Part>
  );
}

const self = "\u0000self";

function ForeignKey({ at, onRemove }: { at: number; onRemove: () => void }) {
  const { control, setValue, getValues, formState } = useFormContext<TableDraft>();
  const key = useWatch({ control, name: `foreignKeys.${at}` });
  const columns = useWatch({ control, name: "columns" });
  const tables = useCatalog("tables");
  const foreign = useForeignColumns(key, columns);
  const errors = formState.errors.foreignKeys?.[at];
  const schemas = useMemo(() => bySchema(tables.data ?? []), [tables.data]);
  // Most foreign keys are to the primary key: it is chosen with the table.
  const suggested = foreign.find((each) => each.primary)?.id;
  const unchosen = key?.foreignColumns.length === 1 && key.foreignColumns[0] === "";
  useEffect(() => {
    if (suggested && unchosen) setValue(`foreignKeys.${at}.foreignColumns`, [suggested]);
  }, [suggested, unchosen, at, setValue]);
  if (!key) return null;
  // What the form holds by now, which may be newer than what is drawn.
  const set = (given: Partial<ForeignKeyDraft>) => setValue(`foreignKeys.${at}`, { ...getValues(`foreignKeys.${at}`), ...given }, { shouldDirty: true, shouldValidate: formState.isSubmitted });
  const choose = (value: string) => {
    const [schema = "", table = ""] = value === self ? [] : (JSON.parse(value || "[]") as string[]);
    set({ self: value === self, schema, table, columns: key.columns.slice(0, 1), foreignColumns: [""] });
  };
  const pair = (number: number, side: "columns" | "foreignColumns", value: string) => set({ [side]: getValues(`foreignKeys.${at}.${side}`).map((each, other) => (other === number ? value : each)) });
  return (
    <div className="flex flex-col gap-3 rounded-md border border-border p-3">
      <div className="flex items-start gap-2">
        <div className="flex-1">
          <Field label="Refers to" error={errors?.table?.message}>
            <Select value={key.self ? self : key.table ? JSON.stringify([key.schema, key.table]) : ""} onChange={(event) => choose(event.target.value)}>
              <option value="">Choose a table</option>
              <option value={self}>This table itself</option>
              {[...schemas].map(([schema, list]) => (
                <optgroup key={schema} label={schema}>
                  {list.map((each) => (
                    <option key={each.name} value={JSON.stringify([schema, each.name])}>
                      {schema === "public" ? each.name : `${schema}.${each.name}`}
                    </option>
                  ))}
                </optgroup>
              ))}
            </Select>
          </Field>
        </div>
        <Button variant="ghost" size="small-icon" aria-label="Remove the foreign key" onClick={onRemove}>
          <Trash2 />
        </Button>
      </div>
      {tables.isError && <ErrorState error={tables.error} what="The tables could not be loaded" onRetry={() => void tables.refetch()} retrying={tables.isFetching} />}
      {(key.self || key.table) && (
        <>
          <div className="flex flex-col gap-2">
            {key.columns.map((column, number) => {
              const [here, there] = [columns.find((each) => each.key === column), foreign.find((each) => each.id === key.foreignColumns[number])];
              return (
                <div key={number}>
                  <div className="grid grid-cols-[minmax(0,1fr)_auto_minmax(0,1fr)_auto] items-center gap-2">
                    <Select aria-label="Column here" value={column} onChange={(event) => pair(number, "columns", event.target.value)}>
                      <option value="">Column here</option>
                      {columns.map((each) => (
                        <option key={each.key} value={each.key}>
                          {each.name || "(no name)"} · {shortType(sqlType(each))}
                        </option>
                      ))}
                    </Select>
                    <ArrowRight className="size-4 text-faint" aria-hidden />
                    <Select aria-label="Column there" value={key.foreignColumns[number] ?? ""} onChange={(event) => pair(number, "foreignColumns", event.target.value)}>
                      <option value="">Column there</option>
                      {foreign.map((each) => (
                        <option key={each.id} value={each.id}>
                          {each.name || "(no name)"} · {shortType(each.type)}
                          {each.primary ? " · key" : ""}
                        </option>
                      ))}
                    </Select>
                    {key.columns.length > 1 ? (
                      <Button variant="ghost" size="small-icon" aria-label="Remove the pair" onClick={() => set({ columns: key.columns.filter((_, other) => other !== number), foreignColumns: key.foreignColumns.filter((_, other) => other !== number) })}>
                        <X />
                      </Button>
                    ) : (
                      <span />
                    )}
                  </div>
                  {here && there && canonical(sqlType(here)) !== canonical(there.type) && (
                    <p className="mt-1 flex gap-1.5 text-xs text-warning">
                      <TriangleAlert className="mt-0.5 size-3.5 shrink-0" aria-hidden />
                      {here.name} is {shortType(sqlType(here))}, {there.name} is {shortType(there.type)}.
                      <Button variant="link" size="inline" className="text-xs underline" onClick={() => setValue(`columns.${columns.indexOf(here)}.type`, there.type.replace(/\[\]$/, ""), { shouldDirty: true })}>
                        Make it {shortType(there.type)}
                      </Button>
                    </p>
                  )}
                </div>
              );
            })}
            <Problem text={errors?.columns?.message ?? errors?.columns?.root?.message} />
            <Button variant="link" size="inline" className="w-fit text-xs" onClick={() => set({ columns: [...key.columns, ""], foreignColumns: [...key.foreignColumns, ""] })}>
              <Plus aria-hidden /> Another pair of columns
            </Button>
          </div>
          <div className="grid gap-3 sm:grid-cols-2">
            <Field label="When a row there is deleted">
              <Select value={key.onDelete} onChange={(event) => set({ onDelete: event.target.value as Action })}>
                {actions.map((each) => (
                  <option key={each.value} value={each.value}>
                    {each.deleted}
                  </option>
                ))}
              </Select>
            </Field>
            <Field label="When its value is changed">
              <Select value={key.onUpdate} onChange={(event) => set({ onUpdate: event.target.value as Action })}>
                {actions.map((each) => (
                  <option key={each.value} value={each.value}>
                    {each.changed}
                  </option>
                ))}
              </Select>
            </Field>
          </div>
        </>
      )}
    </div>
  );
}

/** Tables that a foreign key can refer to. */
function bySchema(tables: CatalogTable[]): Map<string, CatalogTable[]> {
  const out = new Map<string, CatalogTable[]>();
  for (const each of tables) if (each.kind === "table" || each.kind === "partitioned_table") out.set(each.schema, [...(out.get(each.schema) ?? []), each]);
  return out;
}

interface ForeignColumn {
  /** Its name, or of this table its key. */
  id: string;
  name: string;
  type: string;
  primary: boolean;
}

function useForeignColumns(key: ForeignKeyDraft | undefined, own: TableDraft["columns"]): ForeignColumn[] {
  const { control } = useFormContext<TableDraft>();
  const primary = useWatch({ control, name: "primary.columns" });
  const columns = useCatalog("columns", { schema: key?.schema, table: key?.table }, { enabled: Boolean(key?.table && !key.self) });
  if (key?.self) return own.map((each) => ({ id: each.key, name: each.name, type: sqlType(each), primary: primary.includes(each.key) }));
  return key?.table ? (columns.data ?? []).map((each) => ({ id: each.name, name: each.name, type: each.type, primary: each.primary_key })) : [];
}
