import { ArrowLeft, Trash2, TriangleAlert } from "lucide-react";
import { useMemo, useState } from "react";
import { Controller, useWatch } from "react-hook-form";
import { z } from "zod";
import { CodeEditor } from "@/components/code-editor";
import { useCheckedForm } from "@/components/form";
import { SqlPreview, SqlReview } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { Problem } from "@/features/schema-edit/columns-field";
import { expressionProblem } from "@/features/schema-edit/expression";
import { useUnsaved } from "@/features/schema-edit/guarded-sheet";
import { createPolicy, diffPolicy, dropPolicy, emptyPolicy, hasCheck, hasUsing, policyDraft, requestRoles, warningsOf, type Command, type PolicyDraft } from "@/features/schema-edit/policy";
import { PolicyTemplates } from "@/features/schema-edit/policy-templates";
import { nameProblem } from "@/features/schema-edit/table-schema";
import type { CatalogColumn, CatalogTable, Policy } from "@/lib/catalog";
import type { Names } from "@/lib/pg";
import { useCatalog } from "@/lib/project-data";

const commands: { value: Command; about: string }[] = [
  { value: "select", about: "Read" },
  { value: "insert", about: "Add rows" },
  { value: "update", about: "Change rows" },
  { value: "delete", about: "Delete rows" },
  { value: "all", about: "Read, add, change and delete rows" },
];

const schema = z.custom<PolicyDraft>().superRefine((policy, context) => {
  const say = (path: string, message: string | undefined) => message && context.addIssue({ code: "custom", path: [path], message });
  say("name", nameProblem(policy.name));
  if (policy.roles.length === 0) say("roles", "Choose a role.");
  if (hasUsing(policy.command) && policy.using.trim() === "") say("using", "Enter a condition: true for every row.");
  else if (hasUsing(policy.command)) say("using", expressionProblem(policy.using));
  if (policy.command === "insert" && policy.check.trim() === "") say("check", "Enter a condition: true for every row.");
  else if (hasCheck(policy.command)) say("check", expressionProblem(policy.check));
});

interface Props {
  names: Names;
  table: CatalogTable;
  columns: CatalogColumn[];
  /** None for a new one. */
  policy?: Policy;
  onBack: () => void;
}

/** A policy: made, from a template or by hand, or changed. */
export function PolicyForm({ names, table, columns, policy, onBack }: Props) {
  const at = names.qualified(table.schema, table.name);
  const standing = useMemo(() => (policy ? policyDraft(policy) : undefined), [policy]);
  const [asked, setAsked] = useState<{ title: string; sql: string; name: string; verb: string; done: string; danger?: string }>();
  const form = useCheckedForm<PolicyDraft, PolicyDraft>(schema, standing ?? emptyPolicy);
  const leave = useUnsaved(form.formState.isDirty);
  const draft = useWatch({ control: form.control }) as PolicyDraft;
  const { errors } = form.formState;
  const sql = useMemo(() => (standing ? diffPolicy(at, standing, draft) : [createPolicy(at, { ...draft, name: draft.name || "policy" })]), [standing, draft, at]);
  const fill = (next: PolicyDraft) => form.reset(next, { keepDefaultValues: true });
  const submit = form.handleSubmit((values) =>
    setAsked({
      title: policy ? `Change policy ${policy.name}` : `Create policy ${values.name}`,
      sql: (standing ? diffPolicy(at, standing, values) : [createPolicy(at, values)]).join("\n"),
      name: `${policy ? "alter" : "create"} policy ${values.name} on ${table.name}`,
      verb: policy ? "Change policy" : "Create policy",
      done: `The policy ${values.name} was ${policy ? "changed" : "created"}.`,
      danger: warningsOf(values).find((each) => !each.mended)?.text,
    }),
  );
  return (
    <form onSubmit={(event) => void submit(event)} className="flex min-h-full flex-col gap-4" noValidate>
      <Button variant="ghost" size="small" className="-ml-2 w-fit" onClick={onBack}>
        <ArrowLeft aria-hidden /> All policies
      </Button>
      {!policy && <PolicyTemplates names={names} table={table} columns={columns} onMade={fill} />}
      <Field label="Name" hint="Say what it allows, as a sentence." error={errors.name?.message}>
        <Input {...form.register("name")} autoComplete="off" />
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Allows to" hint={commands.find((each) => each.value === draft.command)?.about}>
          <Select {...form.register("command")}>
            {commands.map((each) => (
              <option key={each.value} value={each.value}>
                {each.value}
              </option>
            ))}
          </Select>
        </Field>
        <Field label="Together with others" hint={draft.permissive ? "A row is allowed when one permissive policy allows it." : "A row must be allowed by this one too."}>
          <Select value={draft.permissive ? "permissive" : "restrictive"} onChange={(event) => form.setValue("permissive", event.target.value === "permissive", { shouldDirty: true })}>
            <option value="permissive">Permissive: allows more</option>
            <option value="restrictive">Restrictive: allows less</option>
          </Select>
        </Field>
      </div>
      <Roles value={draft.roles} error={errors.roles?.message} onChange={(roles) => form.setValue("roles", roles, { shouldDirty: true, shouldValidate: form.formState.isSubmitted })} />
      {hasUsing(draft.command) && (
        <Condition label="Rows that it is about (using)" hint="A condition on rows that are there." error={errors.using?.message}>
          <Controller control={form.control} name="using" render={({ field }) => <Expression label="Using" columns={columns} value={field.value} onChange={field.onChange} invalid={Boolean(errors.using)} />} />
        </Condition>
      )}
      {hasCheck(draft.command) && (
        <Condition label="Rows as they may become (with check)" hint={draft.command === "insert" ? "A condition on new rows." : "A condition on rows as they are written. Left empty, the condition above."} error={errors.check?.message}>
          <Controller control={form.control} name="check" render={({ field }) => <Expression label="With check" columns={columns} value={field.value} onChange={field.onChange} invalid={Boolean(errors.check)} />} />
        </Condition>
      )}
      {warningsOf(draft).map(({ text, mended }) => (
        <div key={text} className="flex gap-2 rounded-md border border-warning/40 bg-warning-soft px-3 py-2 text-sm">
          <TriangleAlert className="mt-0.5 size-4 shrink-0 text-warning" aria-hidden />
          <p className="flex-1">{text}</p>
          {mended && (
            <Button size="small" onClick={() => fill(mended)}>
              Mend
            </Button>
          )}
        </div>
      ))}
      {sql.length > 0 && <SqlPreview sql={sql.join("\n")} label="SQL of the policy" />}
      <div className="sticky -bottom-4 -mx-4 mt-auto -mb-4 flex items-center gap-2 border-t border-border bg-raised px-4 py-3">
        {policy && (
          <Button variant="danger" onClick={() => setAsked({ title: `Drop policy ${policy.name}`, sql: dropPolicy(at, policy.name), name: `drop policy ${policy.name} on ${table.name}`, verb: "Drop policy", done: `The policy ${policy.name} was dropped.`, danger: policy.permissive ? "What only this policy allows is refused from then on." : "What this policy forbids may be allowed from then on." })}>
            <Trash2 aria-hidden /> Drop policy
          </Button>
        )}
        <span className="flex-1" />
        <Button onClick={() => leave(onBack)}>Cancel</Button>
        <Button type="submit" variant="primary" disabled={sql.length === 0}>
          Review SQL
        </Button>
      </div>
      {asked && <SqlReview open {...asked} onDone={() => leave(onBack)} onClose={() => setAsked(undefined)} />}
    </form>
  );
}

function Condition({ label, hint, error, children }: { label: string; hint: string; error?: string; children: React.ReactNode }) {
  return (
    <div className="flex flex-col gap-1.5">
      <span className="text-sm font-medium">{label}</span>
      {children}
      {error ? <Problem text={error} /> : <p className="text-xs text-muted">{hint}</p>}
    </div>
  );
}

/** A condition with the table's columns to complete it. */
function Expression({ label, columns, value, onChange, invalid }: { label: string; columns: CatalogColumn[]; value: string; onChange: (text: string) => void; invalid: boolean }) {
  const catalog = useMemo(() => Object.fromEntries(columns.map((each) => [each.name, { self: { label: each.name, detail: each.type, type: "property" }, children: [] }])), [columns]);
  return <CodeEditor language="sql" ariaLabel={label} value={value} onChange={onChange} invalid={invalid} catalog={catalog} minLines={2} maxLines={10} placeholder="(select auth.uid()) = user_id" />;
}

function Roles({ value, error, onChange }: { value: string[]; error?: string; onChange: (roles: string[]) => void }) {
  const roles = useCatalog("roles");
  const others = [...new Set([...(roles.data ?? []).filter((each) => !each.login && !requestRoles.includes(each.name)).map((each) => each.name), ...value.filter((each) => each !== "public" && !requestRoles.includes(each))])];
  const all = value.includes("public");
  return (
    <fieldset className="flex flex-col gap-1.5">
      <legend className="mb-1.5 text-sm font-medium">For</legend>
      <div className="flex flex-wrap gap-x-5 gap-y-2">
        <Choice label="Everyone" checked={all} onChange={(on) => onChange(on ? ["public"] : ["authenticated"])} />
        {[...requestRoles, ...others].map((role) => (
          <Choice key={role} label={role} code checked={!all && value.includes(role)} onChange={(on) => onChange(on ? [...value.filter((each) => each !== "public"), role] : value.filter((each) => each !== role))} />
        ))}
      </div>
      {error ? <Problem text={error} /> : <p className="text-xs text-muted">anon: not signed in. authenticated: signed-in users. service_role passes by all policies.</p>}
    </fieldset>
  );
}

function Choice({ label, code, checked, onChange }: { label: string; code?: boolean; checked: boolean; onChange: (on: boolean) => void }) {
  return (
    <label className="flex items-center gap-1.5 text-sm">
      <input type="checkbox" className="accent-(--accent)" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      <span className={code ? "font-mono text-xs" : undefined}>{label}</span>
    </label>
  );
}
