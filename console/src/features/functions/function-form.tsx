import type { UseQueryResult } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Controller, FormProvider, useWatch } from "react-hook-form";
import { z } from "zod";
import { CodeEditor } from "@/components/code-editor";
import { useCheckedForm } from "@/components/form";
import { SqlReview } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { ArgumentsField, ReturnsField } from "@/features/functions/arguments-field";
import { changeFunction, createFunction, draftOf, emptyFunction, madeAnew, problemsOf, uneditable, type FunctionDraft } from "@/features/functions/draft";
import { RightsField } from "@/features/functions/rights-field";
import { templates } from "@/features/functions/templates";
import { useRoleNames, useTableNames } from "@/features/functions/use-function";
import { Problem } from "@/features/schema-edit/columns-field";
import { useStart, Waiting } from "@/features/schema-edit/facts";
import { GuardedSheet, useUnsaved } from "@/features/schema-edit/guarded-sheet";
import type { DatabaseFunction } from "@/lib/catalog";
import type { Names } from "@/lib/pg";
import { useCatalog, useNames } from "@/lib/project-data";

export function NewFunctionSheet({ schema, onClose, onDone }: { schema: string; onClose: () => void; onDone: (made: FunctionDraft) => void }) {
  const { names, schemas } = useNames();
  const tables = useCatalog("tables");
  const columns = useCatalog("columns");
  return (
    <GuardedSheet onClose={onClose} title="Create function" description="SQL that has a name. It is shown before it runs." className="max-w-[760px]">
      <Waiting queries={[schemas, tables, columns]} what="The schema" />
      {names && tables.data && columns.data && <NewFunction names={names} schema={schema} onClose={onClose} onDone={onDone} />}
    </GuardedSheet>
  );
}

function NewFunction({ names, schema, onClose, onDone }: { names: Names; schema: string; onClose: () => void; onDone: (made: FunctionDraft) => void }) {
  const tables = useCatalog("tables");
  const columns = useCatalog("columns");
  const initial = useMemo(() => emptyFunction(schema), [schema]);
  const offered = useMemo(() => templates(schema, names, tables.data ?? [], columns.data ?? []), [schema, names, tables.data, columns.data]);
  return <FunctionForm names={names} initial={initial} offered={offered} onClose={onClose} onDone={onDone} />;
}

export function EditFunction({ fn, of, onClose, onDone }: { fn: DatabaseFunction; of: Pick<UseQueryResult, "isFetching">; onClose: () => void; onDone: (name: string) => void }) {
  const { names, schemas } = useNames();
  const grants = useCatalog("grants", { schema: fn.schema, search: fn.name });
  const started = useStart([of], () => fn);
  const initial = useMemo(() => started && draftOf(started), [started]);
  const fixed = uneditable(fn);
  if (fixed) return <p className="text-sm text-muted">{fixed}</p>;
  return (
    <>
      <Waiting queries={[schemas, grants]} what="The function" />
      {names && grants.data && initial && <FunctionForm names={names} initial={initial} fn={started} onClose={onClose} onDone={(made) => onDone(made.name)} />}
    </>
  );
}

const formSchema = z.custom<FunctionDraft>().superRefine((fn, context) => {
  for (const { path, message } of problemsOf(fn)) context.addIssue({ code: "custom", path, message });
});

const code = { autoComplete: "off", autoCapitalize: "off", spellCheck: false, className: "font-mono" } as const;

interface FormProps {
  names: Names;
  initial: FunctionDraft;
  fn?: DatabaseFunction;
  offered?: ReturnType<typeof templates>;
  onClose: () => void;
  onDone: (made: FunctionDraft) => void;
}

function FunctionForm({ names, initial, fn, offered, onClose, onDone }: FormProps) {
  const schemas = useCatalog("schemas");
  const grants = useCatalog("grants", fn && { schema: fn.schema, search: fn.name }, { enabled: Boolean(fn) });
  const { role, query: roles } = useRoleNames();
  const catalog = useTableNames();
  const [asked, setAsked] = useState<FunctionDraft>();
  const [template, setTemplate] = useState("query");
  const form = useCheckedForm<FunctionDraft, FunctionDraft>(formSchema, initial as never);
  const leave = useUnsaved(form.formState.isDirty);
  const draft = useWatch({ control: form.control }) as FunctionDraft;
  const { errors } = form.formState;
  const sqlOf = (next: FunctionDraft) => (fn ? changeFunction(fn, next, names, grants.data ?? []) : createFunction(next, names, role));
  const anew = fn && madeAnew(initial, draft);
  const submit = form.handleSubmit((given) => setAsked(structuredClone(given)));
  const languages = [...new Set(["sql", "plpgsql", initial.language])];
  return (
    <FormProvider {...form}>
      <form onSubmit={(event) => void submit(event)} className="flex flex-1 flex-col gap-4" noValidate>
        {offered && (
          <Field label="Begin with" hint={offered.find(({ id }) => id === template)?.about}>
            <Select
              value={template}
              onChange={(event) => {
                setTemplate(event.target.value);
                const chosen = offered.find(({ id }) => id === event.target.value)!.draft;
                form.reset({ ...structuredClone(chosen), schema: draft.schema, name: draft.name && !offered.some((each) => each.draft.name === draft.name) ? draft.name : chosen.name }, { keepDefaultValues: true });
              }}
            >
              {offered.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </Select>
          </Field>
        )}
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Name" error={errors.name?.message}>
            <Input {...form.register("name")} autoFocus={!fn} {...code} />
          </Field>
          <Field label="Schema" hint={fn ? undefined : "Functions of exposed schemas can be called by the API."}>
            <Select {...form.register("schema")} disabled={Boolean(fn)}>
              {(schemas.data ?? []).filter((each) => each.creatable || each.name === initial.schema).map((each) => (
                <option key={each.name}>{each.name}</option>
              ))}
            </Select>
          </Field>
        </div>
        <ArgumentsField />
        {!initial.procedure && <ReturnsField />}
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Language" error={errors.language?.message} hint={draft.language === "plpgsql" ? "With variables, conditions and loops." : draft.language === "sql" ? "One or more statements." : undefined}>
            <Select {...form.register("language")}>
              {languages.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </Select>
          </Field>
          {!initial.procedure && (
            <Field label="Volatility" hint={{ volatile: "May change data; runs for every row.", stable: "Changes nothing: Postgres may ask once per statement.", immutable: "Depends on its arguments only: may stand in indexes." }[draft.volatility]}>
              <Select {...form.register("volatility")}>
                <option>volatile</option>
                <option>stable</option>
                <option>immutable</option>
              </Select>
            </Field>
          )}
        </div>
        <div className="flex flex-col gap-1.5">
          <span className="text-sm font-medium">Body</span>
          <Controller control={form.control} name="body" render={({ field }) => <CodeEditor language="sql" ariaLabel="Body" value={field.value} onChange={field.onChange} invalid={Boolean(errors.body)} catalog={catalog} minLines={8} maxLines={28} lineNumbers />} />
          <Problem text={errors.body?.message} />
          {draft.language === "plpgsql" && draft.volatility !== "volatile" && /\b(insert\s+into|update\s+\S+\s+set|delete\s+from)\b/i.test(draft.body) && <p className="text-xs text-warning">The body seems to change data: only a volatile function may.</p>}
        </div>
        <RightsField fresh={!fn} />
        <Field label="Comment">
          <Input {...form.register("comment")} autoComplete="off" />
        </Field>
        <div className="sticky -bottom-4 z-10 -mx-4 mt-auto -mb-4 flex items-center gap-2 border-t border-border bg-raised px-4 py-3">
          {anew && <p className="text-xs text-muted">Other arguments or another answer take a new function in its place.</p>}
          <span className="flex-1" />
          <Button onClick={() => (fn ? onClose() : leave(onClose))}>Cancel</Button>
          <Button type="submit" variant="primary" disabled={Boolean(fn) && sqlOf(draft).length === 0} busy={!fn && roles.isPending}>
            Review SQL
          </Button>
        </div>
        {asked && (
          <SqlReview
            open
            title={fn ? `Change ${fn.name}` : `Create ${asked.name}`}
            sql={sqlOf(asked).join("\n")}
            name={`${fn ? "alter" : "create"} function ${fn?.name ?? asked.name}`}
            danger={fn && madeAnew(initial, asked) ? "The function is dropped and made anew, with the grants that it has. Postgres refuses it while a trigger, view or policy uses it." : undefined}
            about={aboutOf(asked)}
            verb={fn ? "Change function" : "Create function"}
            done={`${asked.name} was ${fn ? "changed" : "created"}.`}
            onDone={() => leave(() => onDone(asked))}
            onClose={() => setAsked(undefined)}
          />
        )}
      </form>
    </FormProvider>
  );
}

function aboutOf(fn: FunctionDraft): string | undefined {
  if (!fn.definer) return undefined;
  return fn.searchPath.trim()
    ? "It runs with its owner’s rights, whom no policy holds. Its search_path is set, so that no caller can put another table in the place of the one that is meant."
    : "It runs with its owner’s rights and finds names where its caller says: set its search_path.";
}
