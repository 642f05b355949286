import { useFormContext, useWatch } from "react-hook-form";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { isInteger, needsUsing } from "@/features/schema-edit/column-types";
import { sqlType, type TableDraft } from "@/features/schema-edit/draft";
import { ident } from "@/lib/pg";

/** What a column may have beside its name, type and default. */
export function ColumnDetails({ at }: { at: number }) {
  const { register, setValue, control, formState } = useFormContext<TableDraft>();
  const table = useWatch({ control }) as TableDraft;
  const column = table.columns[at];
  if (!column) return null;
  const errors = formState.errors.columns?.[at];
  const old = (formState.defaultValues?.columns as TableDraft["columns"] | undefined)?.find((each) => each.key === column.key && each.key.startsWith("old "));
  const unique = table.uniques.some((each) => each.columns.length === 1 && each.columns[0] === column.key);
  const retyped = old && sqlType(old) !== sqlType(column);
  const set = (field: "array" | "nullable", value: boolean) => setValue(`columns.${at}.${field}`, value, { shouldDirty: true });
  const setUnique = (on: boolean) =>
    setValue("uniques", on ? [...table.uniques, { name: null, columns: [column.key] }] : table.uniques.filter((each) => each.columns.length !== 1 || each.columns[0] !== column.key), { shouldDirty: true });
  const code = { autoComplete: "off", autoCapitalize: "off", spellCheck: false, className: "font-mono sm:text-xs" } as const;
  return (
    <div className="grid gap-x-4 gap-y-3 sm:grid-cols-2">
      <div className="flex flex-wrap gap-x-6 gap-y-2 sm:col-span-2">
        <Check label="Unique" about="No two rows have the same value" checked={unique} onChange={setUnique} />
        <Check label="List of values" about="Holds any number of them" checked={column.array} disabled={Boolean(column.identity)} onChange={(on) => set("array", on)} />
      </div>
      <Field label="Identity" hint={isInteger(sqlType(column)) ? "Numbers rows by itself." : "Only whole numbers number rows."}>
        <Select
          value={column.identity}
          disabled={!isInteger(sqlType(column)) && !column.identity}
          onChange={(event) => {
            const identity = event.target.value as typeof column.identity;
            setValue(`columns.${at}.identity`, identity, { shouldDirty: true });
            if (identity) setValue(`columns.${at}.nullable`, false, { shouldDirty: true });
            if (identity) setValue(`columns.${at}.default`, "", { shouldDirty: true });
          }}
        >
          <option value="">No</option>
          <option value="always">Always</option>
          <option value="by_default">Unless a value is given</option>
        </Select>
      </Field>
      <Field label="Computed from" hint={old && !old.generation ? "Only new columns can be computed." : "An expression of other columns: price * amount."} error={errors?.generation?.message}>
        <Input {...register(`columns.${at}.generation`)} {...code} disabled={Boolean(old && !old.generation) || Boolean(column.identity)} />
      </Field>
      {retyped && (
        <Field label="Convert with" hint={needsUsing(sqlType(old), sqlType(column)) ? `Left empty: ${ident(column.name)}::${sqlType(column)}` : "Left empty, Postgres converts the values."} error={errors?.using?.message}>
          <Input {...register(`columns.${at}.using`)} {...code} />
        </Field>
      )}
      {old?.nullable && !column.nullable && (
        <Field label="In place of nulls" hint="An expression. Left empty, the change is refused while there are nulls." error={errors?.fill?.message}>
          <Input {...register(`columns.${at}.fill`)} {...code} />
        </Field>
      )}
      <Field label="Comment" hint="What it holds; shown with the table.">
        <Input {...register(`columns.${at}.comment`)} autoComplete="off" />
      </Field>
    </div>
  );
}

export function Check({ label, about, checked, disabled, onChange }: { label: string; about?: string; checked: boolean; disabled?: boolean; onChange: (on: boolean) => void }) {
  return (
    <label className="flex items-start gap-2 text-sm">
      <input type="checkbox" className="mt-0.5 size-4 accent-(--accent)" checked={checked} disabled={disabled} onChange={(event) => onChange(event.target.checked)} />
      <span>
        {label}
        {about && <span className="block text-xs text-muted">{about}</span>}
      </span>
    </label>
  );
}
