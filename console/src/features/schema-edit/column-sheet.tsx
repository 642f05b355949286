import { Trash2 } from "lucide-react";
import { useMemo, useState } from "react";
import { FormProvider, useWatch } from "react-hook-form";
import { useCheckedForm } from "@/components/form";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Check, ColumnDetails } from "@/features/schema-edit/column-details";
import { Problem } from "@/features/schema-edit/columns-field";
import { DefaultInput } from "@/features/schema-edit/default-input";
import { diffTable } from "@/features/schema-edit/diff";
import { draftOf, keyOf, newColumn, type TableDraft } from "@/features/schema-edit/draft";
import { Gone, useStart, useTable, Waiting } from "@/features/schema-edit/facts";
import { GuardedSheet, useUnsaved } from "@/features/schema-edit/guarded-sheet";
import { TableReview } from "@/features/schema-edit/table-sheet";
import { tableSchema } from "@/features/schema-edit/table-schema";
import { TypePicker } from "@/features/schema-edit/type-picker";
import type { Names } from "@/lib/pg";

interface Props {
  schema: string;
  table: string;
  /** None for a new one. */
  column?: string;
  onClose: () => void;
}

/** One column: a new one, or one that is there. */
export function ColumnSheet({ schema, table, column, onClose }: Props) {
  const { queries, facts } = useTable(schema, table);
  const started = useStart(queries, () => {
    if (!facts?.table) return undefined;
    const standing = draftOf(facts.table, facts.columns, facts.constraints);
    return { standing, draft: column ? standing : { ...standing, columns: [...standing.columns, newColumn()] } };
  });
  const at = started?.draft.columns.findIndex((each) => (column ? each.key === keyOf(column) : each.key.startsWith("new "))) ?? -1;
  const alien = facts?.table && !facts.table.owned;
  return (
    <GuardedSheet onClose={onClose} title={column ? `Edit column ${column}` : `Add a column to ${table}`} description="Its SQL is shown before it runs." className="max-w-[600px]">
      <Waiting queries={queries} what="The table" anew={!started} />
      {facts && (!facts.table || (started && at < 0)) && <Gone what={facts.table ? `column ${column}` : `table ${table}`} />}
      {alien && <Gone what="way to change it">The table belongs to a service of the project, which keeps it in order.</Gone>}
      {facts && started && at >= 0 && !alien && <ColumnForm names={facts.names} {...started} at={at} onClose={onClose} />}
    </GuardedSheet>
  );
}

const free = tableSchema(() => Promise.resolve([]));

function ColumnForm({ names, standing, draft: initial, at, onClose }: { names: Names; standing: TableDraft; draft: TableDraft; at: number; onClose: () => void }) {
  const [asked, setAsked] = useState<TableDraft>();
  const form = useCheckedForm<TableDraft, TableDraft>(free, initial as never);
  const leave = useUnsaved(form.formState.isDirty);
  const draft = useWatch({ control: form.control }) as TableDraft;
  const changed = useMemo(() => diffTable(standing, draft, names).length > 0, [standing, draft, names]);
  const column = draft.columns[at]!;
  const errors = form.formState.errors.columns?.[at];
  const fresh = column.key.startsWith("new ");
  const isKey = draft.primary.columns.includes(column.key);
  const submit = form.handleSubmit((values) => setAsked(structuredClone(values)));
  const without = { ...draft, columns: standing.columns.filter((each) => each.key !== column.key) };
  return (
    <FormProvider {...(form as never as ReturnType<typeof useCheckedForm<TableDraft, TableDraft>>)}>
      <form onSubmit={(event) => void submit(event)} className="flex min-h-full flex-col gap-4" noValidate>
        <Field label="Name" error={errors?.name?.message}>
          <Input {...form.register(`columns.${at}.name`)} autoFocus={fresh} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />
        </Field>
        <div className="grid gap-4 sm:grid-cols-2">
          <div className="flex flex-col gap-1.5">
            <span className="text-sm font-medium" aria-hidden>
              Type
            </span>
            <TypePicker label="Type" value={column.type} array={column.array} aria-invalid={Boolean(errors?.type)} onChange={(type) => form.setValue(`columns.${at}.type`, type, { shouldDirty: true })} />
            <Problem text={errors?.type?.message} />
          </div>
          <div className="flex flex-col gap-1.5">
            <span className="text-sm font-medium" aria-hidden>
              Default
            </span>
            <div>
              <DefaultInput at={at} />
            </div>
          </div>
        </div>
        <div className="flex flex-wrap gap-x-6 gap-y-2">
          <Check label="May be null" checked={column.nullable && !isKey && !column.identity} disabled={isKey || Boolean(column.identity)} onChange={(on) => form.setValue(`columns.${at}.nullable`, on, { shouldDirty: true })} />
          <Check
            label="In the primary key"
            checked={isKey}
            onChange={(on) => form.setValue("primary.columns", on ? [...draft.primary.columns, column.key] : draft.primary.columns.filter((key) => key !== column.key), { shouldDirty: true })}
          />
        </div>
        <ColumnDetails at={at} />
        <div className="sticky -bottom-4 -mx-4 mt-auto -mb-4 flex items-center gap-2 border-t border-border bg-raised px-4 py-3">
          {!fresh && (
            <Button variant="danger" onClick={() => setAsked(without)}>
              <Trash2 aria-hidden /> Drop column
            </Button>
          )}
          <span className="flex-1" />
          <Button onClick={() => leave(onClose)}>Cancel</Button>
          <Button type="submit" variant="primary" disabled={!changed}>
            Review SQL
          </Button>
        </div>
      </form>
      {asked && <TableReview names={names} standing={standing} asked={asked} onBack={() => setAsked(undefined)} onDone={() => leave(onClose)} />}
    </FormProvider>
  );
}
