import { useMemo, useState } from "react";
import { FormProvider, useWatch } from "react-hook-form";
import { useCheckedForm } from "@/components/form";
import { SqlReview } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { Check } from "@/features/schema-edit/column-details";
import { ColumnsField } from "@/features/schema-edit/columns-field";
import { createTable, diffTable } from "@/features/schema-edit/diff";
import { draftOf, duplicateOf, newTable, type TableDraft } from "@/features/schema-edit/draft";
import { Gone, useStart, useTable, Waiting } from "@/features/schema-edit/facts";
import { ForeignKeysField } from "@/features/schema-edit/foreign-keys-field";
import { ChecksField, UniquesField } from "@/features/schema-edit/keys-field";
import { GuardedSheet, useUnsaved } from "@/features/schema-edit/guarded-sheet";
import { RiskNotes, useRisks } from "@/features/schema-edit/risk-notes";
import { tableSchema } from "@/features/schema-edit/table-schema";
import type { Names } from "@/lib/pg";
import { listed, useCatalog, useNames } from "@/lib/project-data";

const wide = "max-w-[860px]";

interface SheetProps {
  schema: string;
  onClose: () => void;
  onDone: (table: { schema: string; table: string }) => void;
}

export function NewTableSheet({ schema, onClose, onDone }: SheetProps) {
  const { names, schemas } = useNames();
  const initial = useMemo(() => newTable(schema), [schema]);
  return (
    <GuardedSheet onClose={onClose} title="Create table" description="Its SQL is shown before it runs." className={wide}>
      <Waiting queries={[schemas]} what="The schemas" />
      {names && <TableForm names={names} initial={initial} onClose={onClose} onDone={onDone} />}
    </GuardedSheet>
  );
}

export function TableSheet({ schema, table, duplicate, onClose, onDone }: SheetProps & { table: string; duplicate?: boolean }) {
  const { queries, facts } = useTable(schema, table);
  const started = useStart(queries, () => {
    if (!facts?.table) return undefined;
    const draft = draftOf(facts.table, facts.columns, facts.constraints);
    return duplicate ? { ...duplicateOf(draft, `${table}_copy`), rls: true } : draft;
  });
  const alien = facts?.table && !facts.table.owned && !duplicate;
  return (
    <GuardedSheet onClose={onClose} title={duplicate ? `Duplicate ${table}` : `Edit ${table}`} description={duplicate ? "A new table of the same shape, without the rows." : "Only what changes is run, and its SQL is shown before."} className={wide}>
      <Waiting queries={queries} what="The table" anew={!started} />
      {facts && !facts.table && <Gone what={`table ${table}`} />}
      {alien && <Gone what="way to change it">The table belongs to a service of the project, which keeps it in order.</Gone>}
      {facts && started && !alien && <TableForm names={facts.names} initial={started} standing={duplicate ? undefined : started} onClose={onClose} onDone={onDone} />}
    </GuardedSheet>
  );
}

interface FormProps {
  names: Names;
  initial: TableDraft;
  /** The table as it is; undefined for a new one. */
  standing?: TableDraft;
  onClose: () => void;
  onDone: SheetProps["onDone"];
}

function TableForm({ names, initial, standing, onClose, onDone }: FormProps) {
  const schemas = useCatalog("schemas");
  const tables = useCatalog("tables");
  const [asked, setAsked] = useState<TableDraft>();
  const schema = tableSchema(async () => ((await listed(tables)) ?? []).filter((each) => each.name !== standing?.name));
  const form = useCheckedForm<TableDraft, TableDraft>(schema, initial as never);
  const leave = useUnsaved(form.formState.isDirty);
  const draft = useWatch({ control: form.control }) as TableDraft;
  const sql = useMemo(() => (standing ? diffTable(standing, draft, names) : []), [standing, draft, names]);
  const submit = form.handleSubmit((values) => setAsked(structuredClone(values)));
  const { errors } = form.formState;
  return (
    <FormProvider {...(form as never as ReturnType<typeof useCheckedForm<TableDraft, TableDraft>>)}>
      <form onSubmit={(event) => void submit(event)} className="flex min-h-full flex-col gap-6" noValidate>
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Name" error={errors.name?.message}>
            <Input {...form.register("name")} autoFocus={!standing} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />
          </Field>
          {standing ? (
            <Field label="Schema">
              <Input value={standing.schema} disabled readOnly className="font-mono" />
            </Field>
          ) : (
            <Field label="Schema">
              <Select {...form.register("schema")}>
                {(schemas.data ?? []).filter((each) => each.creatable || each.name === initial.schema).map((each) => (
                  <option key={each.name}>{each.name}</option>
                ))}
              </Select>
            </Field>
          )}
          <div className="sm:col-span-2">
            <Field label="Comment" hint="What it holds. Shown here, and in the API's description.">
              <Input {...form.register("comment")} autoComplete="off" />
            </Field>
          </div>
        </div>
        <Access standing={standing} draft={draft} set={(name, value) => form.setValue(name, value, { shouldDirty: true })} />
        <ColumnsField />
        <ForeignKeysField />
        <UniquesField />
        <ChecksField />
        <div className="sticky -bottom-4 -mx-4 mt-auto -mb-4 flex items-center gap-2 border-t border-border bg-raised px-4 py-3">
          <p className="flex-1 text-xs text-muted" role="status">
            {standing ? (sql.length > 0 ? `${sql.length} ${sql.length === 1 ? "statement" : "statements"} to run` : "Nothing is changed") : ""}
          </p>
          <Button onClick={() => leave(onClose)}>Cancel</Button>
          <Button type="submit" variant="primary" disabled={Boolean(standing) && sql.length === 0}>
            Review SQL
          </Button>
        </div>
      </form>
      {asked && <TableReview names={names} standing={standing} asked={asked} onBack={() => setAsked(undefined)} onDone={() => leave(() => onDone({ schema: asked.schema, table: asked.name }))} />}
    </FormProvider>
  );
}

/** Who sees the table: row level security, and the grants of the API. */
function Access({ standing, draft, set }: { standing?: TableDraft; draft: TableDraft; set: (name: "rls" | "exposed", value: boolean) => void }) {
  return (
    <section className="flex flex-col gap-3 rounded-md border border-border bg-surface p-3" aria-label="Access">
      <Check
        label="Row level security"
        about={draft.rls ? "Requests of apps see and write only the rows that policies allow; without a policy, none." : "Whoever may use the table sees and writes every row. Keep it on for all that apps reach."}
        checked={draft.rls}
        onChange={(on) => set("rls", on)}
      />
      {!standing && (
        <Check
          label="Expose to the API"
          about={draft.exposed ? "Adds grants for anon and authenticated. Which rows they see, policies say." : "New tables are granted to service_role only, unless the project exposes new tables. Grants for anon and authenticated can be added later."}
          checked={draft.exposed}
          onChange={(on) => set("exposed", on)}
        />
      )}
    </section>
  );
}

/** Shows the SQL of a table that is made or changed, and what it does to the rows that are there. */
export function TableReview({ names, standing, asked, onBack, onDone }: { names: Names; standing?: TableDraft; asked: TableDraft; onBack: () => void; onDone: () => void }) {
  const { risks, losing, counting } = useRisks(standing, asked, names);
  const sql = standing ? diffTable(standing, asked, names) : createTable(asked, names);
  const name = standing?.name ?? asked.name;
  const dropped = standing?.columns.filter((column) => !asked.columns.some((each) => each.key === column.key)) ?? [];
  return (
    <SqlReview
      open
      title={standing ? `Change ${name}` : `Create ${name}`}
      sql={sql.join("\n")}
      name={standing ? `alter table ${name}` : `create table ${name}`}
      danger={risks.length > 0 ? <RiskNotes risks={risks} /> : !asked.rls && asked.exposed && !standing ? "Everyone with the publishable key may read and write every row: the table is exposed, and row level security is off." : undefined}
      counting={counting}
      typed={losing ? (dropped.length === 1 ? dropped[0]!.name : name) : undefined}
      verb={standing ? "Change table" : "Create table"}
      done={standing ? `${name} was changed.` : `${name} was created.`}
      onDone={onDone}
      onClose={onBack}
    />
  );
}
