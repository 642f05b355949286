import { ArrowDown, ArrowUp, Plus, Trash2 } from "lucide-react";
import { useMemo, useState } from "react";
import { useFieldArray, useWatch } from "react-hook-form";
import { z } from "zod";
import { useCheckedForm } from "@/components/form";
import { SqlPreview, SqlReview } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { Problem } from "@/features/schema-edit/columns-field";
import { Gone, useStart, Waiting } from "@/features/schema-edit/facts";
import { GuardedSheet, useUnsaved } from "@/features/schema-edit/guarded-sheet";
import { createEnum, diffEnum, dropType, enumDraft, type EnumDraft } from "@/features/schema-edit/objects";
import { nameProblem } from "@/features/schema-edit/table-schema";
import type { DatabaseType } from "@/lib/catalog";
import type { Names } from "@/lib/pg";
import { useCatalog, useNames } from "@/lib/project-data";

export function NewTypeSheet({ schema, onClose }: { schema: string; onClose: () => void }) {
  const { names, schemas } = useNames();
  const initial: EnumDraft = useMemo(() => ({ schema, name: "", comment: "", values: ["1", "2"].map((key) => ({ key, was: null, value: "" })) }), [schema]);
  return (
    <GuardedSheet onClose={onClose} title="Create enum" description="A list of values that a column may have, in an order.">
      <Waiting queries={[schemas]} what="The schemas" />
      {names && <EnumForm names={names} initial={initial} onClose={onClose} />}
    </GuardedSheet>
  );
}

export function TypeSheet({ schema, type, onClose }: { schema: string; type: string; onClose: () => void }) {
  const { names, schemas } = useNames();
  const types = useCatalog("types", { schema });
  const found = types.data?.find((each) => each.name === type);
  const started = useStart([types], () => found);
  return (
    <GuardedSheet onClose={onClose} title={`Type ${type}`} description={started?.kind === "enum" ? "Values can be renamed and added; Postgres takes none away." : `A ${started?.kind ?? "type"} of the project.`}>
      <Waiting queries={[schemas, types]} what="The type" anew={!started} />
      {types.data && !found && <Gone what={`type ${type}`} />}
      {names && started?.kind === "enum" && <EnumForm names={names} initial={enumDraft(started)} type={started} onClose={onClose} />}
      {names && started && started.kind !== "enum" && <Other names={names} type={started} onClose={onClose} />}
    </GuardedSheet>
  );
}

const formSchema = z.custom<EnumDraft>().superRefine((draft, context) => {
  const say = (path: (string | number)[], message: string | undefined) => message && context.addIssue({ code: "custom", path, message });
  say(["name"], nameProblem(draft.name));
  draft.values.forEach(({ value }, at) => {
    if (new TextEncoder().encode(value).length > 63) say(["values", at, "value"], "A value has at most 63 bytes.");
    else if (value === "") say(["values", at, "value"], "Enter a value, or remove it.");
    else if (draft.values.findIndex((each) => each.value === value) < at) say(["values", at, "value"], "This value is there already.");
  });
});

function EnumForm({ names, initial, type, onClose }: { names: Names; initial: EnumDraft; type?: DatabaseType; onClose: () => void }) {
  const schemas = useCatalog("schemas");
  const [asked, setAsked] = useState<string[]>();
  const [dropping, setDropping] = useState(false);
  const form = useCheckedForm<EnumDraft, EnumDraft>(formSchema, initial as never);
  const leave = useUnsaved(form.formState.isDirty);
  const values = useFieldArray({ control: form.control, name: "values", keyName: "id" });
  const draft = useWatch({ control: form.control }) as EnumDraft;
  const { errors } = form.formState;
  const sql = (next: EnumDraft) => (type ? diffEnum(initial, next, names) : createEnum(next, names));
  const submit = form.handleSubmit((given) => setAsked(sql(given)));
  const add = (at: number) => values.insert(at, { key: `new ${Date.now()} ${at}`, was: null, value: "" }, { focusName: `values.${at}.value` });
  const fresh = (at: number) => draft.values[at]?.was === null;
  return (
    <form onSubmit={(event) => void submit(event)} className="flex min-h-full flex-col gap-4" noValidate>
      <Field label="Name" error={errors.name?.message}>
        <Input {...form.register("name")} autoFocus={!type} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />
      </Field>
      {!type && (
        <Field label="Schema">
          <Select {...form.register("schema")}>
            {(schemas.data ?? []).filter((each) => each.creatable || each.name === initial.schema).map((each) => (
              <option key={each.name}>{each.name}</option>
            ))}
          </Select>
        </Field>
      )}
      <Field label="Comment">
        <Input {...form.register("comment")} autoComplete="off" />
      </Field>
      <fieldset className="flex flex-col gap-2">
        <legend className="mb-2 text-sm font-semibold">Values</legend>
        {values.fields.map((field, at) => (
          <div key={field.id}>
            <div className="flex items-center gap-1">
              <Input
                {...form.register(`values.${at}.value`)}
                aria-label={`Value ${at + 1}`}
                aria-invalid={Boolean(errors.values?.[at]?.value)}
                autoComplete="off"
                className="font-mono sm:text-xs"
                onKeyDown={(event) => {
                  if (event.key !== "Enter" || event.metaKey || event.ctrlKey) return;
                  event.preventDefault();
                  add(at + 1);
                }}
              />
              <Button variant="ghost" size="icon" aria-label={`Move value ${at + 1} up`} disabled={at === 0 || !fresh(at)} onClick={() => values.move(at, at - 1)}>
                <ArrowUp />
              </Button>
              <Button variant="ghost" size="icon" aria-label={`Move value ${at + 1} down`} disabled={at === values.fields.length - 1 || !fresh(at)} onClick={() => values.move(at, at + 1)}>
                <ArrowDown />
              </Button>
              <Button variant="ghost" size="icon" aria-label={`Remove value ${at + 1}`} disabled={!fresh(at)} onClick={() => values.remove(at)}>
                <Trash2 />
              </Button>
            </div>
            <Problem text={errors.values?.[at]?.value?.message} />
          </div>
        ))}
        <Button size="small" className="w-fit" onClick={() => add(values.fields.length)}>
          <Plus aria-hidden /> Add value
        </Button>
      </fieldset>
      <div className="sticky -bottom-4 -mx-4 mt-auto -mb-4 flex items-center gap-2 border-t border-border bg-raised px-4 py-3">
        {type && (
          <Button variant="danger" onClick={() => setDropping(true)}>
            <Trash2 aria-hidden /> Drop type
          </Button>
        )}
        <span className="flex-1" />
        <Button onClick={() => leave(onClose)}>Cancel</Button>
        <Button type="submit" variant="primary" disabled={Boolean(type) && sql(draft).length === 0}>
          Review SQL
        </Button>
      </div>
      {asked && (
        <SqlReview
          open
          title={type ? `Change type ${type.name}` : `Create type ${draft.name}`}
          sql={asked.join("\n")}
          name={`${type ? "alter" : "create"} type ${type?.name ?? draft.name}`}
          about={type && asked.some((each) => each.includes(" rename value ")) ? "Rows that hold a renamed value hold it under its new name; apps must know that name." : undefined}
          verb={type ? "Change type" : "Create enum"}
          done={`${draft.name} was ${type ? "changed" : "created"}.`}
          onDone={() => leave(onClose)}
          onClose={() => setAsked(undefined)}
        />
      )}
      {dropping && type && <DropType names={names} type={type} onClose={() => setDropping(false)} onDone={() => leave(onClose)} />}
    </form>
  );
}

/** Composites, domains and ranges: shown, and dropped. */
function Other({ names, type, onClose }: { names: Names; type: DatabaseType; onClose: () => void }) {
  const [dropping, setDropping] = useState(false);
  return (
    <div className="flex min-h-full flex-col gap-4">
      <SqlPreview sql={`${type.kind === "domain" ? "create domain" : "create type"} ${names.qualified(type.schema, type.name)} as ${type.definition ?? ""}`} label="Definition" />
      {type.comment && <p className="text-sm text-muted">{type.comment}</p>}
      <div className="mt-auto">
        <Button variant="danger" onClick={() => setDropping(true)}>
          <Trash2 aria-hidden /> Drop type
        </Button>
      </div>
      {dropping && <DropType names={names} type={type} onClose={() => setDropping(false)} onDone={onClose} />}
    </div>
  );
}

function DropType({ names, type, onClose, onDone }: { names: Names; type: DatabaseType; onClose: () => void; onDone: () => void }) {
  return <SqlReview open title={`Drop type ${type.name}`} sql={dropType(type, names)} name={`drop type ${type.name}`} danger="Postgres refuses it while a column or function uses the type." verb="Drop type" done={`${type.name} was dropped.`} onDone={onDone} onClose={onClose} />;
}
