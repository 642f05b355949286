import { ArrowUp, Plus, Trash2 } from "lucide-react";
import { Controller, useFieldArray, useFormContext, useWatch } from "react-hook-form";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import type { FunctionDraft } from "@/features/functions/draft";
import { Problem } from "@/features/schema-edit/columns-field";
import { TypePicker } from "@/features/schema-edit/type-picker";

const code = { autoComplete: "off", autoCapitalize: "off", spellCheck: false, className: "font-mono sm:text-xs" } as const;
let made = 0;
const newKey = () => `new ${(made += 1)}`;

/** What a function is given. */
export function ArgumentsField() {
  const { control, register, formState } = useFormContext<FunctionDraft>();
  const { fields, append, remove, move } = useFieldArray({ control, name: "arguments", keyName: "id" });
  const list = useWatch({ control, name: "arguments" });
  const errors = formState.errors.arguments;
  return (
    <section className="flex flex-col gap-2" aria-label="Arguments">
      <div className="flex items-center justify-between">
        <h3 className="text-sm font-semibold">Arguments</h3>
        <Button size="small" onClick={() => append({ key: newKey(), name: "", type: "text", mode: "in", default: "" })}>
          <Plus aria-hidden /> Add argument
        </Button>
      </div>
      {fields.length === 0 && <p className="text-sm text-muted">None.</p>}
      <ul className="flex flex-col gap-2 empty:hidden">
        {fields.map((field, at) => {
          const name = list[at]?.name || `argument ${at + 1}`;
          return (
            <li key={field.id} aria-label={`Argument ${name}`} className="grid grid-cols-2 gap-2 rounded-md border border-border p-2 sm:grid-cols-[minmax(0,4fr)_minmax(0,4fr)_5.5rem_minmax(0,4fr)_auto]">
              <div>
                <Input {...register(`arguments.${at}.name`)} aria-label="Name" placeholder="name" aria-invalid={Boolean(errors?.[at]?.name)} {...code} />
                <Problem text={errors?.[at]?.name?.message} />
              </div>
              <div>
                <Controller control={control} name={`arguments.${at}.type`} render={({ field }) => <TypePicker label={`Type of ${name}`} value={field.value} onChange={field.onChange} aria-invalid={Boolean(errors?.[at]?.type)} />} />
                <Problem text={errors?.[at]?.type?.message} />
              </div>
              <Select aria-label={`Direction of ${name}`} {...register(`arguments.${at}.mode`)}>
                <option value="in">in</option>
                <option value="out">out</option>
                <option value="inout">in, out</option>
                <option value="variadic">variadic</option>
              </Select>
              <div>
                <Input {...register(`arguments.${at}.default`)} aria-label="Default" placeholder="default" disabled={list[at]?.mode === "out"} aria-invalid={Boolean(errors?.[at]?.default)} {...code} />
                <Problem text={errors?.[at]?.default?.message} />
              </div>
              <div className="flex justify-end max-sm:col-span-2">
                <Button variant="ghost" size="icon" aria-label={`Move ${name} up`} disabled={at === 0} onClick={() => move(at, at - 1)}>
                  <ArrowUp />
                </Button>
                <Button variant="ghost" size="icon" aria-label={`Remove ${name}`} onClick={() => remove(at)}>
                  <Trash2 />
                </Button>
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** What a function answers with. */
export function ReturnsField() {
  const { control, register, formState } = useFormContext<FunctionDraft>();
  const returns = useWatch({ control, name: "returns" });
  const columns = useFieldArray({ control, name: "columns", keyName: "id" });
  const { errors } = formState;
  const named = returns === "type" || returns === "setof";
  return (
    <section className="flex flex-col gap-2" aria-label="Answer">
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Returns" error={errors.returns?.message} hint={{ trigger: "Runs when rows change.", void: "Nothing.", table: "Rows with the columns beneath.", setof: "Any number of them.", type: "One value or row." }[returns]}>
          <Select {...register("returns")}>
            <option value="type">A value</option>
            <option value="setof">A set of values or rows</option>
            <option value="table">A table</option>
            <option value="void">Nothing (void)</option>
            <option value="trigger">Trigger</option>
          </Select>
        </Field>
        {named && (
          <Field label="Type" error={errors.type?.message} hint="A type, or the name of a table for its rows.">
            <Controller control={control} name="type" render={({ field }) => <TypePicker label="Type returned" value={field.value} onChange={field.onChange} />} />
          </Field>
        )}
      </div>
      {returns === "table" && (
        <div className="flex flex-col gap-2">
          {columns.fields.map((field, at) => (
            <div key={field.id} className="grid grid-cols-[minmax(0,1fr)_minmax(0,1fr)_auto] gap-2">
              <div>
                <Input {...register(`columns.${at}.name`)} aria-label={`Name of column ${at + 1}`} placeholder="column" aria-invalid={Boolean(errors.columns?.[at]?.name)} {...code} />
                <Problem text={errors.columns?.[at]?.name?.message} />
              </div>
              <Controller control={control} name={`columns.${at}.type`} render={({ field }) => <TypePicker label={`Type of column ${at + 1}`} value={field.value} onChange={field.onChange} />} />
              <Button variant="ghost" size="icon" aria-label={`Remove column ${at + 1}`} onClick={() => columns.remove(at)}>
                <Trash2 />
              </Button>
            </div>
          ))}
          <Button size="small" className="w-fit" onClick={() => columns.append({ key: newKey(), name: "", type: "text" })}>
            <Plus aria-hidden /> Add column
          </Button>
        </div>
      )}
    </section>
  );
}
