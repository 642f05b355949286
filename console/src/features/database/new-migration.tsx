import { useState } from "react";
import { useWatch } from "react-hook-form";
import { z } from "zod";
import { CodeEditor } from "@/components/code-editor";
import { useCheckedForm } from "@/components/form";
import { SqlReview } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { GuardedSheet, useUnsaved } from "@/features/schema-edit/guarded-sheet";
import { migrationName } from "@/lib/migration-name";

const schema = z.object({ name: z.string().trim().min(1, "Enter a name: it says what changes.").max(200, "At most 200 characters."), sql: z.string().trim().min(1, "Enter the SQL that changes the schema.") });

type Draft = z.infer<typeof schema>;

/** A migration that is written here. */
export function NewMigration({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  return (
    <GuardedSheet onClose={onClose} title="New migration" description="Runs as one transaction: all of it, or nothing." className="max-w-[760px]">
      <Form onClose={onClose} onDone={onDone} />
    </GuardedSheet>
  );
}

function Form({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const form = useCheckedForm<Draft, Draft>(schema, { name: "", sql: "" });
  const draft = useWatch({ control: form.control }) as Draft;
  const [asked, setAsked] = useState<Draft>();
  const leave = useUnsaved(form.formState.isDirty);
  const { errors } = form.formState;
  const submit = form.handleSubmit((values) => setAsked(values));
  return (
    <form onSubmit={(event) => void submit(event)} className="flex min-h-full flex-col gap-4" noValidate>
      <Field label="Name" error={errors.name?.message} hint={draft.name?.trim() ? `Kept as ${migrationName(draft.name)}` : "What changes: add comments to notes"}>
        <Input {...form.register("name")} autoComplete="off" autoFocus />
      </Field>
      <div className="flex flex-col gap-1.5">
        <span className="text-sm font-medium" aria-hidden>
          SQL
        </span>
        <CodeEditor
          language="sql"
          ariaLabel="SQL"
          value={draft.sql ?? ""}
          onChange={(sql) => form.setValue("sql", sql, { shouldDirty: true, shouldValidate: form.formState.isSubmitted })}
          minLines={12}
          maxLines={28}
          lineNumbers
          placeholder={"alter table notes add column pinned boolean not null default false;"}
          invalid={Boolean(errors.sql)}
          onSubmit={() => void submit()}
        />
        {errors.sql ? (
          <p role="alert" className="text-xs text-danger">
            {errors.sql.message}
          </p>
        ) : (
          <p className="text-xs text-muted">What cannot run in a transaction, such as create index concurrently, stands in a migration of its own.</p>
        )}
      </div>
      <div className="sticky -bottom-4 -mx-4 mt-auto -mb-4 flex items-center justify-end gap-2 border-t border-border bg-raised px-4 py-3">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="primary">
          Review SQL
        </Button>
      </div>
      {asked && (
        <SqlReview
          open
          title={`Apply ${migrationName(asked.name)}`}
          sql={asked.sql}
          name={asked.name}
          verb="Apply migration"
          done={`${migrationName(asked.name)} was applied.`}
          onDone={() => leave(onDone)}
          onClose={() => setAsked(undefined)}
        />
      )}
    </form>
  );
}
