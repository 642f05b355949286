import { Link } from "@tanstack/react-router";
import { ArrowLeft, Plus, X } from "lucide-react";
import { useMemo, useState } from "react";
import { useFieldArray, useWatch } from "react-hook-form";
import { z } from "zod";
import { useCheckedForm } from "@/components/form";
import { SqlPreview, SqlReview } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { Check } from "@/features/schema-edit/column-details";
import { Problem } from "@/features/schema-edit/columns-field";
import { expressionProblem } from "@/features/schema-edit/expression";
import { useUnsaved } from "@/features/schema-edit/guarded-sheet";
import { createIndex, emptyIndex, emptyPart, methodsOf, type IndexDraft } from "@/features/schema-edit/objects";
import { nameProblem } from "@/features/schema-edit/table-schema";
import type { CatalogTable } from "@/lib/catalog";
import type { Names } from "@/lib/pg";
import { useCatalog, useHere } from "@/lib/project-data";

const schema = z.custom<IndexDraft>().superRefine((index, context) => {
  const say = (path: (string | number)[], message: string | undefined) => message && context.addIssue({ code: "custom", path, message });
  if (index.name) say(["name"], nameProblem(index.name));
  index.parts.forEach((part, at) => {
    if (!part.column && part.expression.trim() === "") say(["parts", at, "expression"], "Choose a column, or enter an expression.");
    else if (part.expression.trim()) say(["parts", at, "expression"], expressionProblem(part.expression));
    if (part.operators.trim() && !/^[\w".]+(\([^();]*\))?$/.test(part.operators.trim())) say(["parts", at, "operators"], "The name of an operator class stands here.");
  });
  if (index.predicate.trim()) say(["predicate"], expressionProblem(index.predicate));
});

const code = { autoComplete: "off", autoCapitalize: "off", spellCheck: false, className: "font-mono sm:text-xs" } as const;

/** A new index, or the SQL of one that others suggest, to be changed before it is made. */
export function IndexForm({ names, table, initial = emptyIndex, onBack, onDone }: { names: Names; table: Pick<CatalogTable, "schema" | "name">; initial?: IndexDraft; onBack: () => void; onDone: () => void }) {
  const at = names.qualified(table.schema, table.name);
  const columns = useCatalog("columns", { schema: table.schema, table: table.name });
  const methods = methodsOf(useCatalog("extensions").data);
  const missing = methods.filter((each) => each.missing);
  const [asked, setAsked] = useState<IndexDraft>();
  const form = useCheckedForm<IndexDraft, IndexDraft>(schema, initial);
  const leave = useUnsaved(form.formState.isDirty);
  const parts = useFieldArray({ control: form.control, name: "parts", keyName: "id" });
  const draft = useWatch({ control: form.control }) as IndexDraft;
  const { errors } = form.formState;
  const sql = useMemo(() => (draft.parts.every((part) => part.column || part.expression.trim()) ? createIndex(at, draft) : ""), [at, draft]);
  const submit = form.handleSubmit((values) => setAsked(structuredClone(values)));
  return (
    <form onSubmit={(event) => void submit(event)} className="flex min-h-full flex-col gap-4" noValidate>
      <Button variant="ghost" size="small" className="-ml-2 w-fit" onClick={onBack}>
        <ArrowLeft aria-hidden /> All indexes
      </Button>
      <section className="flex flex-col gap-2" aria-label="Indexed">
        <h3 className="text-sm font-semibold">Columns and expressions</h3>
        {parts.fields.map((field, number) => {
          const part = draft.parts[number] ?? emptyPart;
          return (
            <div key={field.id} className="grid grid-cols-[minmax(0,1fr)_auto] gap-2 rounded-md border border-border p-2">
              <div className="grid gap-2 sm:grid-cols-2">
                <Select aria-label="Column" {...form.register(`parts.${number}.column`)} disabled={Boolean(part.expression)}>
                  <option value="">Column</option>
                  {columns.data?.map((each) => (
                    <option key={each.name} value={each.name}>
                      {each.name} · {each.type}
                    </option>
                  ))}
                </Select>
                <div>
                  <Input aria-label="Expression" placeholder="or an expression: lower(email)" {...form.register(`parts.${number}.expression`)} {...code} aria-invalid={Boolean(errors.parts?.[number]?.expression)} />
                  <Problem text={errors.parts?.[number]?.expression?.message} />
                </div>
                <div>
                  <Input aria-label="Operator class" placeholder="operator class (optional)" {...form.register(`parts.${number}.operators`)} {...code} />
                  <Problem text={errors.parts?.[number]?.operators?.message} />
                </div>
                {draft.method === "btree" && <Check label="Descending" checked={part.descending} onChange={(on) => form.setValue(`parts.${number}.descending`, on, { shouldDirty: true })} />}
              </div>
              <Button variant="ghost" size="small-icon" aria-label="Remove the part" disabled={parts.fields.length === 1} onClick={() => parts.remove(number)}>
                <X />
              </Button>
            </div>
          );
        })}
        <Button size="small" className="w-fit" onClick={() => parts.append(emptyPart)}>
          <Plus aria-hidden /> Add column
        </Button>
      </section>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field
          label="Method"
          hint={
            <>
              {methods.find((each) => each.name === draft.method)?.about}
              {missing.length > 0 && <Missing methods={missing} />}
            </>
          }
        >
          <Select {...form.register("method")}>
            {methods.map((each) => (
              <option key={each.name} disabled={each.missing}>
                {each.name}
              </option>
            ))}
          </Select>
        </Field>
        <Field label="Name" hint="Left empty, Postgres names it." error={errors.name?.message}>
          <Input {...form.register("name")} {...code} />
        </Field>
      </div>
      <Field label="Only rows where" hint="A condition; left empty, all rows." error={errors.predicate?.message}>
        <Input {...form.register("predicate")} {...code} placeholder="deleted_at is null" />
      </Field>
      <div className="flex flex-col gap-2">
        <Check label="Unique" about="No two rows have the same values." disabled={draft.method !== "btree"} checked={draft.unique && draft.method === "btree"} onChange={(on) => form.setValue("unique", on, { shouldDirty: true })} />
        <Check
          label="Concurrently"
          about="Rows can be written meanwhile. It takes longer, runs outside a transaction, and leaves an invalid index behind if it fails."
          checked={draft.concurrently}
          onChange={(on) => form.setValue("concurrently", on, { shouldDirty: true })}
        />
      </div>
      {sql && <SqlPreview sql={sql} label="SQL of the index" />}
      <div className="sticky -bottom-4 -mx-4 mt-auto -mb-4 flex items-center justify-end gap-2 border-t border-border bg-raised px-4 py-3">
        <Button onClick={() => leave(onBack)}>Cancel</Button>
        <Button type="submit" variant="primary">
          Review SQL
        </Button>
      </div>
      {asked && (
        <SqlReview
          open
          title={`Create an index on ${table.name}`}
          sql={createIndex(at, asked)}
          name={`create index on ${table.name}`}
          about={asked.concurrently ? undefined : "While it is built, rows of the table can be read and not written. For a large table, build it concurrently."}
          verb="Create index"
          done="The index was created."
          onDone={() => leave(onDone)}
          onClose={() => setAsked(undefined)}
        />
      )}
    </form>
  );
}

/** Why methods cannot be chosen, and where that is changed. */
function Missing({ methods }: { methods: ReturnType<typeof methodsOf> }) {
  const { project } = useHere();
  const extension = methods[0]!.extension;
  return (
    <span className="block">
      {methods.map(({ name }) => name).join(" and ")} {methods.length > 1 ? "take" : "takes"} the extension {extension}, which is not enabled.{" "}
      <Link to="/projects/$ref/database/extensions" params={{ ref: project.ref }} search={{ filter: extension }} className="text-accent underline underline-offset-2">
        Extensions
      </Link>
    </span>
  );
}
