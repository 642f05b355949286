import { useMutation } from "@tanstack/react-query";
import { RefreshCw, Trash2 } from "lucide-react";
import { useMemo, useState } from "react";
import { Controller, useWatch } from "react-hook-form";
import { z } from "zod";
import { CodeEditor } from "@/components/code-editor";
import { useCheckedForm } from "@/components/form";
import { SqlFailure, SqlReview } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { useToast } from "@/components/ui/toast";
import { Check } from "@/features/schema-edit/column-details";
import { Problem } from "@/features/schema-edit/columns-field";
import { DropTable } from "@/features/schema-edit/drop";
import { Gone, useStart, useTable, Waiting } from "@/features/schema-edit/facts";
import { GuardedSheet, useUnsaved } from "@/features/schema-edit/guarded-sheet";
import { createView, diffView, viewDraft, type ViewDraft } from "@/features/schema-edit/objects";
import { nameProblem } from "@/features/schema-edit/table-schema";
import type { CatalogTable, Grant } from "@/lib/catalog";
import type { Names } from "@/lib/pg";
import { useCatalog, useHere, useNames } from "@/lib/project-data";

interface Props {
  schema: string;
  onClose: () => void;
  onDone: (view: { schema: string; table: string }) => void;
}

export function NewViewSheet({ schema, onClose, onDone }: Props) {
  const { names, schemas } = useNames();
  const initial: ViewDraft = useMemo(() => ({ schema, name: "", definition: "select *\nfrom ", materialized: false, invoker: true, exposed: false, anew: false }), [schema]);
  return (
    <GuardedSheet onClose={onClose} title="Create view" description="A query that is read like a table." className="max-w-[720px]">
      <Waiting queries={[schemas]} what="The schemas" />
      {names && <ViewForm names={names} initial={initial} onClose={onClose} onDone={onDone} />}
    </GuardedSheet>
  );
}

export function ViewSheet({ schema, table, onClose, onDone }: Props & { table: string }) {
  const { queries, facts } = useTable(schema, table);
  const grants = useCatalog("grants", { schema, table });
  const started = useStart([...queries, grants], () => facts?.table);
  return (
    <GuardedSheet onClose={onClose} title={`Edit ${table}`} description={started?.kind === "materialized_view" ? "A query whose answer is kept until it is refreshed." : "A query that is read like a table."} className="max-w-[720px]">
      <Waiting queries={[...queries, grants]} what="The view" anew={!started} />
      {facts && !facts.table && <Gone what={`view ${table}`} />}
      {facts?.table && grants.data && started && <ViewForm names={facts.names} initial={viewDraft(started)} view={started} grants={grants.data} onClose={onClose} onDone={onDone} />}
    </GuardedSheet>
  );
}

const formSchema = z.custom<ViewDraft>().superRefine((view, context) => {
  const name = nameProblem(view.name);
  if (name) context.addIssue({ code: "custom", path: ["name"], message: name });
  if (view.definition.trim() === "") context.addIssue({ code: "custom", path: ["definition"], message: "Enter a query." });
});

function ViewForm({ names, initial, view, grants = [], onClose, onDone }: { names: Names; initial: ViewDraft; view?: CatalogTable; grants?: Grant[]; onClose: () => void; onDone: Props["onDone"] }) {
  const schemas = useCatalog("schemas");
  const columns = useCatalog("columns");
  const [asked, setAsked] = useState<ViewDraft>();
  const [dropping, setDropping] = useState(false);
  const form = useCheckedForm<ViewDraft, ViewDraft>(formSchema, initial);
  const leave = useUnsaved(form.formState.isDirty);
  const draft = useWatch({ control: form.control }) as ViewDraft;
  const { errors } = form.formState;
  const catalog = useMemo(() => namespace(columns.data ?? []), [columns.data]);
  const sqlOf = (next: ViewDraft) => (view ? diffView(initial, next, names, grants.filter((each) => each.column === null && each.sql_role !== each.grantor)) : createView(next, names));
  const changed = !view || sqlOf(draft).length > 0;
  const submit = form.handleSubmit((values) => setAsked(structuredClone(values)));
  const set = (name: "materialized" | "invoker" | "exposed" | "anew", on: boolean) => form.setValue(name, on, { shouldDirty: true });
  return (
    <form onSubmit={(event) => void submit(event)} className="flex min-h-full flex-col gap-4" noValidate>
      {view?.kind === "materialized_view" && <Refresh at={names.qualified(view.schema, view.name)} name={view.name} />}
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Name" error={errors.name?.message}>
          <Input {...form.register("name")} autoFocus={!view} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />
        </Field>
        {view ? (
          <Field label="Schema">
            <Input value={initial.schema} disabled readOnly className="font-mono" />
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
      </div>
      <div className="flex flex-col gap-1.5">
        <span className="text-sm font-medium">Query</span>
        <Controller control={form.control} name="definition" render={({ field }) => <CodeEditor language="sql" ariaLabel="Query" value={field.value} onChange={field.onChange} invalid={Boolean(errors.definition)} catalog={catalog} minLines={8} maxLines={24} />} />
        <Problem text={errors.definition?.message} />
      </div>
      <div className="flex flex-col gap-3">
        {!view && <Check label="Materialized" about="Keeps the answer, to be read fast, until it is refreshed." checked={draft.materialized} onChange={(on) => set("materialized", on)} />}
        {draft.materialized ? (
          <p className="text-xs text-muted">A materialized view has no row level security: who may read it reads every row.</p>
        ) : (
          <Check
            label="Reads as who asks"
            about={draft.invoker ? "Policies of the tables beneath hold (security_invoker)." : "Reads as its owner: policies of the tables beneath do not hold, and who may read the view sees every row."}
            checked={draft.invoker}
            onChange={(on) => set("invoker", on)}
          />
        )}
        {!view && <Check label="Expose to the API" about="Lets anon and authenticated read it." checked={draft.exposed} onChange={(on) => set("exposed", on)} />}
        {view?.kind === "view" && draft.definition !== initial.definition && (
          <Check label="Drop it and create it anew" about="Takes this where columns go, or change their name or type. Its grants are given again; what depends on it stands in the way." checked={draft.anew} onChange={(on) => set("anew", on)} />
        )}
      </div>
      <div className="sticky -bottom-4 -mx-4 mt-auto -mb-4 flex items-center gap-2 border-t border-border bg-raised px-4 py-3">
        {view && (
          <Button variant="danger" onClick={() => setDropping(true)}>
            <Trash2 aria-hidden /> Drop view
          </Button>
        )}
        <span className="flex-1" />
        <Button onClick={() => leave(onClose)}>Cancel</Button>
        <Button type="submit" variant="primary" disabled={!changed}>
          Review SQL
        </Button>
      </div>
      {asked && (
        <SqlReview
          open
          title={view ? `Change ${view.name}` : `Create ${asked.name}`}
          sql={sqlOf(asked).join("\n")}
          name={view ? `alter view ${view.name}` : `create view ${asked.name}`}
          danger={!asked.invoker && !asked.materialized ? "The view reads as its owner: row level security of the tables beneath does not hold those who read it." : asked.materialized && asked.exposed ? "Everyone with the publishable key may read every row of the kept answer." : undefined}
          verb={view ? "Change view" : "Create view"}
          done={view ? `${view.name} was changed.` : `${asked.name} was created.`}
          onDone={() => leave(() => onDone({ schema: asked.schema, table: asked.name }))}
          onClose={() => setAsked(undefined)}
        />
      )}
      {dropping && view && <DropTable table={view} onClose={() => setDropping(false)} onDone={() => leave(onClose)} />}
    </form>
  );
}

function Refresh({ at, name }: { at: string; name: string }) {
  const { meta } = useHere();
  const toast = useToast();
  const refresh = useMutation({ mutationFn: () => meta.query(`refresh materialized view ${at}`), onSuccess: () => toast(`${name} was refreshed.`) });
  return (
    <div className="flex flex-col gap-2">
      <div className="flex items-center gap-3 rounded-md border border-border bg-surface p-3">
        <p className="flex-1 text-sm">The answer stays as it was when the view was last refreshed.</p>
        <Button busy={refresh.isPending} onClick={() => refresh.mutate()}>
          {!refresh.isPending && <RefreshCw aria-hidden />} Refresh
        </Button>
      </div>
      {refresh.isError && <SqlFailure error={refresh.error} what="It was not refreshed" onRetry={() => refresh.mutate()} retrying={refresh.isPending} />}
    </div>
  );
}

function namespace(columns: { schema: string; table: string; name: string }[]): Record<string, Record<string, string[]>> {
  const out: Record<string, Record<string, string[]>> = {};
  for (const { schema, table, name } of columns) ((out[schema] ??= {})[table] ??= []).push(name);
  return out;
}
