import { useMemo, useState } from "react";
import { Controller, useWatch } from "react-hook-form";
import { z } from "zod";
import { CodeEditor } from "@/components/code-editor";
import { useCheckedForm } from "@/components/form";
import { SqlReview } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { useOurs, useRoleNames } from "@/features/functions/use-function";
import { Check } from "@/features/schema-edit/column-details";
import { Problem } from "@/features/schema-edit/columns-field";
import { Gone, Waiting } from "@/features/schema-edit/facts";
import { GuardedSheet, useUnsaved } from "@/features/schema-edit/guarded-sheet";
import { createTrigger, emptyTrigger, events, problemsOf, timingsOf, type TriggerDraft } from "@/features/triggers/trigger";
import type { CatalogTable, DatabaseFunction } from "@/lib/catalog";
import type { Names } from "@/lib/pg";
import { listed, useCatalog, useNames } from "@/lib/project-data";

interface Props {
  /** Whose tables are offered first. */
  schema: string;
  /** The function that runs, as schema.name, when it is known beforehand. */
  of: string | undefined;
  onClose: () => void;
  onDone: (made: TriggerDraft) => void;
}

export function NewTriggerSheet({ schema, of, onClose, onDone }: Props) {
  const { names, schemas } = useNames();
  const tables = useCatalog("tables");
  const functions = useCatalog("functions");
  // auth and storage let triggers stand on their tables, but only they drop them again.
  const offered = useMemo(() => tables.data?.filter((each) => (each.owned || each.schema === "auth") && each.kind !== "materialized_view").toSorted((a, b) => Number(b.schema === schema) - Number(a.schema === schema) || Number(b.owned) - Number(a.owned)), [tables.data, schema]);
  const ours = useOurs();
  const runnable = useMemo(() => functions.data && ours(functions.data).filter((each) => each.kind === "trigger" && each.owned), [functions.data, ours]);
  return (
    <GuardedSheet onClose={onClose} title="Create trigger" description="Runs a function when rows change. Its SQL is shown before it runs." className="max-w-[720px]">
      <Waiting queries={[schemas, tables, functions]} what="The tables" />
      {offered?.length === 0 && <Gone what="table to watch">Create a table first.</Gone>}
      {names && offered && offered.length > 0 && runnable && <TriggerForm names={names} of={of} tables={offered} functions={runnable} onClose={onClose} onDone={onDone} />}
    </GuardedSheet>
  );
}

const code = { autoComplete: "off", autoCapitalize: "off", spellCheck: false, className: "font-mono" } as const;
const keyOf = ({ schema, name }: { schema: string; name: string }) => JSON.stringify([schema, name]);

function TriggerForm({ names, of, tables, functions, onClose, onDone }: { names: Names; of: string | undefined; tables: CatalogTable[]; functions: DatabaseFunction[]; onClose: () => void; onDone: (made: TriggerDraft) => void }) {
  const triggers = useCatalog("triggers");
  const { role } = useRoleNames();
  const [asked, setAsked] = useState<TriggerDraft>();
  const tableOf = (draft: { schema: string; table: string }) => tables.find((each) => each.schema === draft.schema && each.name === draft.table);
  const schema = z.custom<TriggerDraft>().superRefine(async (draft, context) => {
    const known = (await listed(triggers)) ?? []; // or else Postgres says so
    const taken = (name: string) => known.some((each) => each.schema === draft.schema && each.table === draft.table && each.name === name);
    for (const { path, message } of problemsOf(draft, tableOf(draft)?.kind, taken)) context.addIssue({ code: "custom", path: [path], message });
  });
  const initial = useMemo(() => emptyTrigger(functions.find((each) => `${each.schema}.${each.name}` === of)), [functions, of]);
  const form = useCheckedForm<TriggerDraft, TriggerDraft>(schema, { ...initial, function: initial.function && { schema: initial.function.schema, name: initial.function.name } } as never);
  const leave = useUnsaved(form.formState.isDirty);
  const draft = useWatch({ control: form.control }) as TriggerDraft;
  const { errors } = form.formState;
  const table = tableOf(draft);
  const columns = useCatalog("columns", { schema: draft.schema, table: draft.table }, { enabled: Boolean(draft.table) });
  const timings = timingsOf(table?.kind, draft.level);
  const set = <K extends keyof TriggerDraft>(name: K, value: TriggerDraft[K]) => form.setValue(name, value as never, { shouldDirty: true, shouldValidate: form.formState.isSubmitted });
  const submit = form.handleSubmit((given) => setAsked(structuredClone(given)));
  const choose = (next: CatalogTable | undefined) => {
    set("schema", next?.schema ?? "");
    set("table", next?.name ?? "");
    set("columns", []);
    const fitting = timingsOf(next?.kind, draft.level);
    if (!fitting.includes(draft.timing)) set("timing", fitting[0]!);
  };
  const setLevel = (level: TriggerDraft["level"]) => {
    set("level", level);
    const fitting = timingsOf(table?.kind, level);
    if (!fitting.includes(draft.timing)) set("timing", fitting[0]!);
  };
  return (
    <form onSubmit={(event) => void submit(event)} className="flex min-h-full flex-col gap-4" noValidate>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Table" error={errors.table?.message}>
          <Select value={table ? keyOf(table) : ""} onChange={(event) => choose(tables.find((each) => keyOf(each) === event.target.value))}>
            <option value="" disabled>
              Choose a table
            </option>
            {tables.map((each) => (
              <option key={keyOf(each)} value={keyOf(each)}>
                {each.schema === "public" ? each.name : `${each.schema}.${each.name}`}
                {each.kind === "view" ? " (view)" : ""}
              </option>
            ))}
          </Select>
        </Field>
        <Field label="Name" error={errors.name?.message}>
          <Input {...form.register("name")} {...code} />
        </Field>
      </div>
      {table && !table.owned && <p className="text-xs text-warning">The table belongs to a service: the trigger can be made, but taken away only with its function. If it fails, what the service does fails with it.</p>}
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Runs" error={errors.timing?.message} hint={{ before: "Before the change: it may alter the new row, or refuse it.", after: "After the change, within its transaction.", instead_of: "In place of the change of a view." }[draft.timing]}>
          <Select value={draft.timing} onChange={(event) => set("timing", event.target.value as TriggerDraft["timing"])}>
            {timings.map((each) => (
              <option key={each} value={each}>
                {each.replace("_", " ")}
              </option>
            ))}
          </Select>
        </Field>
        <Field label="For each" hint={draft.level === "row" ? "Once for every row that changes." : "Once, however many rows change."}>
          <Select value={draft.level} onChange={(event) => setLevel(event.target.value as TriggerDraft["level"])}>
            <option value="row">row</option>
            <option value="statement">statement</option>
          </Select>
        </Field>
      </div>
      <fieldset className="flex flex-col gap-2">
        <legend className="mb-2 text-sm font-medium">At</legend>
        <div className="flex flex-wrap gap-x-6 gap-y-2">
          {events.map((each) => (
            <Check key={each} label={each} checked={draft.events.includes(each)} onChange={(on) => set("events", on ? [...draft.events, each] : draft.events.filter((other) => other !== each))} />
          ))}
        </div>
        <Problem text={errors.events?.message} />
      </fieldset>
      {draft.events.includes("update") && columns.data && columns.data.length > 0 && draft.timing !== "instead_of" && (
        <fieldset>
          <legend className="mb-2 text-sm font-medium">Only when one of these columns is set</legend>
          <div className="flex max-h-36 flex-wrap gap-x-6 gap-y-2 overflow-y-auto rounded-md border border-border p-2.5">
            {columns.data.map(({ name }) => (
              <Check key={name} label={name} checked={draft.columns.includes(name)} onChange={(on) => set("columns", on ? [...draft.columns, name] : draft.columns.filter((other) => other !== name))} />
            ))}
          </div>
          <p className="mt-1.5 text-xs text-muted">None chosen: any.</p>
        </fieldset>
      )}
      {draft.timing !== "instead_of" && (
        <Field label="Only when" error={errors.condition?.message} hint="A condition; left empty, always.">
          <Input {...form.register("condition")} {...code} placeholder={draft.events.length === 1 && draft.events[0] === "insert" ? "new.total > 100" : draft.events.includes("update") ? "old.* is distinct from new.*" : ""} />
        </Field>
      )}
      <Field label="Function">
        <Select value={draft.function ? keyOf(draft.function) : ""} onChange={(event) => set("function", functions.find((each) => keyOf(each) === event.target.value) && (([schema, name]) => ({ schema: schema!, name: name! }))(JSON.parse(event.target.value) as string[]))}>
          <option value="">A new one</option>
          {functions.map((each) => (
            <option key={keyOf(each)} value={keyOf(each)}>
              {each.schema === "public" ? each.name : `${each.schema}.${each.name}`}
            </option>
          ))}
        </Select>
      </Field>
      {!draft.function && (
        <>
          <Field label="Name of the function" error={errors.functionName?.message}>
            <Input {...form.register("functionName")} {...code} />
          </Field>
          <div className="flex flex-col gap-1.5">
            <span className="text-sm font-medium">Body</span>
            <Controller control={form.control} name="body" render={({ field }) => <CodeEditor language="sql" ariaLabel="Body" value={field.value} onChange={field.onChange} invalid={Boolean(errors.body)} minLines={6} maxLines={20} />} />
            <Problem text={errors.body?.message} />
            <p className="text-xs text-muted">
              In plpgsql: <code>new</code> and <code>old</code> are the row after and before, <code>tg_op</code> what happens. Names of tables take their schema.
            </p>
          </div>
        </>
      )}
      <div className="sticky -bottom-4 z-10 -mx-4 mt-auto -mb-4 flex items-center justify-end gap-2 border-t border-border bg-raised px-4 py-3">
        <Button onClick={() => leave(onClose)}>Cancel</Button>
        <Button type="submit" variant="primary">
          Review SQL
        </Button>
      </div>
      {asked && (
        <SqlReview
          open
          title={`Create ${asked.name}`}
          sql={createTrigger(asked, tableOf(asked), names, role).join("\n")}
          name={`create trigger ${asked.name}`}
          verb="Create trigger"
          done={`${asked.name} was created.`}
          onDone={() => leave(() => onDone(asked))}
          onClose={() => setAsked(undefined)}
        />
      )}
    </form>
  );
}
