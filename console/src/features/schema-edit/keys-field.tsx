import { Plus, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { useFieldArray, useFormContext, useWatch } from "react-hook-form";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Problem } from "@/features/schema-edit/columns-field";
import type { TableDraft } from "@/features/schema-edit/draft";

/** A part of the form that has a list of things, and adds to it. */
export function Part({ title, about, add, onAdd, children }: { title: string; about?: ReactNode; add: string; onAdd: () => void; children: ReactNode }) {
  return (
    <section className="flex flex-col gap-2" aria-label={title}>
      <div className="flex items-center justify-between gap-3">
        <div>
          <h3 className="text-sm font-semibold">{title}</h3>
          {about && <p className="text-xs text-muted">{about}</p>}
        </div>
        <Button size="small" onClick={onAdd}>
          <Plus aria-hidden /> {add}
        </Button>
      </div>
      {children}
    </section>
  );
}

/** Unique keys of more than one column; those of one are switched at the column. */
export function UniquesField() {
  const { control, setValue, formState } = useFormContext<TableDraft>();
  const uniques = useWatch({ control, name: "uniques" });
  const columns = useWatch({ control, name: "columns" });
  const shown = uniques.map((each, at) => ({ ...each, at })).filter((each) => each.columns.length !== 1);
  const change = (next: TableDraft["uniques"]) => setValue("uniques", next, { shouldDirty: true });
  return (
    <Part title="Unique together" about="No two rows have the same values in all of these columns." add="Add key" onAdd={() => change([...uniques, { name: null, columns: columns.slice(0, 2).map((each) => each.key) }])}>
      {shown.map(({ at, columns: keys, name }) => (
        <div key={at} className="flex items-start gap-2 rounded-md border border-border p-2">
          <fieldset className="flex min-w-0 flex-1 flex-wrap gap-x-4 gap-y-1">
            <legend className="sr-only">Columns of {name ?? "the new unique key"}</legend>
            {columns.map((column) => (
              <label key={column.key} className="flex items-center gap-1.5 font-mono text-xs">
                <input
                  type="checkbox"
                  className="accent-(--accent)"
                  checked={keys.includes(column.key)}
                  onChange={(event) => {
                    const next = event.target.checked ? [...keys, column.key] : keys.filter((key) => key !== column.key);
                    if (next.length > 1) change(uniques.map((each, other) => (other === at ? { name: each.name, columns: next } : each)));
                  }}
                />
                {column.name || "(no name)"}
              </label>
            ))}
            <Problem text={formState.errors.uniques?.[at]?.columns?.message} />
          </fieldset>
          <Button variant="ghost" size="small-icon" aria-label="Remove the unique key" onClick={() => change(uniques.filter((_, other) => other !== at))}>
            <Trash2 />
          </Button>
        </div>
      ))}
    </Part>
  );
}

/** What every row must fulfil. */
export function ChecksField() {
  const { control, register, formState } = useFormContext<TableDraft>();
  const { fields, append, remove } = useFieldArray({ control, name: "checks", keyName: "id" });
  const code = { autoComplete: "off", autoCapitalize: "off", spellCheck: false } as const;
  return (
    <Part title="Checks" about="Conditions that every row must fulfil." add="Add check" onAdd={() => append({ name: "", was: null, expression: "" })}>
      {fields.map((field, at) => (
        <div key={field.id} className="grid grid-cols-[minmax(0,1fr)_auto] gap-2 rounded-md border border-border p-2 sm:grid-cols-[minmax(0,2fr)_minmax(0,1fr)_auto]">
          <div>
            <Input {...register(`checks.${at}.expression`)} {...code} aria-label="Condition" aria-invalid={Boolean(formState.errors.checks?.[at]?.expression)} placeholder="price > 0" className="font-mono sm:text-xs" />
            <Problem text={formState.errors.checks?.[at]?.expression?.message} />
          </div>
          <div className="max-sm:order-last max-sm:col-span-2">
            <Input {...register(`checks.${at}.name`)} {...code} aria-label="Name of the check" placeholder="name (optional)" className="font-mono sm:text-xs" />
            <Problem text={formState.errors.checks?.[at]?.name?.message} />
          </div>
          <Button variant="ghost" size="icon" aria-label="Remove the check" onClick={() => remove(at)}>
            <Trash2 />
          </Button>
        </div>
      ))}
    </Part>
  );
}
