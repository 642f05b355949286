import { emptyFunction, createFunction, type RoleNames } from "@/features/functions/draft";
import { triggerBody } from "@/features/functions/templates";
import { expressionProblem } from "@/features/schema-edit/expression";
import { nameProblem } from "@/features/schema-edit/table-schema";
import type { CatalogSchema, CatalogTable, Trigger } from "@/lib/catalog";
import { ident, literal, type Names } from "@/lib/pg";

/** A trigger as a form holds it, and its SQL. */

export const events = ["insert", "update", "delete", "truncate"] as const;

export interface TriggerDraft {
  /** The table, by its place among those offered; "" until it is chosen. */
  schema: string;
  table: string;
  name: string;
  timing: Trigger["timing"];
  events: (typeof events)[number][];
  /** Of update: only when one of these is set; none for any. */
  columns: string[];
  level: Trigger["level"];
  condition: string;
  /** The function that runs, or undefined for a new one. */
  function?: { schema: string; name: string };
  /** Texts that the function reads from tg_argv. */
  arguments: string[];
  /** Of a new function. */
  functionName: string;
  body: string;
}

export const emptyTrigger = (of?: { schema: string; name: string }): TriggerDraft => ({
  schema: "",
  table: "",
  name: "",
  timing: "before",
  events: ["update"],
  columns: [],
  level: "row",
  condition: "",
  function: of,
  arguments: [],
  functionName: "set_updated_at",
  body: triggerBody,
});

/** Whether a service of the project relies on a trigger: it runs a function of a schema that takes none of the project's. */
export const isService = (trigger: Trigger, schemas: CatalogSchema[]): boolean => schemas.some((each) => each.name === trigger.function_schema && !each.creatable);

const isView = (kind: CatalogTable["kind"] | undefined) => kind === "view" || kind === "materialized_view";

/** When a trigger may run, of tables and views. */
export function timingsOf(kind: CatalogTable["kind"] | undefined, level: Trigger["level"]): Trigger["timing"][] {
  if (!isView(kind)) return ["before", "after"];
  return level === "row" ? ["instead_of"] : ["before", "after"];
}

/** Where a new function goes: beside the table, unless the schema is a service's. */
const schemaOf = (draft: TriggerDraft, table: CatalogTable | undefined): string => (table?.owned ? draft.schema : "public");

export function createTrigger(draft: TriggerDraft, table: CatalogTable | undefined, names: Names, role: RoleNames): string[] {
  const made = { schema: schemaOf(draft, table), name: draft.functionName };
  const { schema, name } = draft.function ?? made;
  const what = events.filter((each) => draft.events.includes(each)).map((each) => (each === "update" && draft.columns.length > 0 ? `update of ${draft.columns.map(ident).join(", ")}` : each));
  const lines = [
    `create trigger ${ident(draft.name)}`,
    `${draft.timing.replace("_", " ")} ${what.join(" or ")} on ${names.qualified(draft.schema, draft.table)}`,
    `for each ${draft.level}`,
    draft.condition.trim() ? `when (${draft.condition.trim()})` : "",
    `execute function ${names.qualified(schema, name)}(${draft.arguments.map(literal).join(", ")});`,
  ];
  const trigger = lines.filter(Boolean).join("\n");
  if (draft.function) return [trigger];
  const fn = { ...emptyFunction(made.schema), name: made.name, returns: "trigger" as const, language: "plpgsql", volatility: "volatile" as const, searchPath: "''", body: draft.body };
  return [...createFunction(fn, names, role), trigger];
}

export const dropTrigger = (trigger: Trigger, names: Names): string => `drop trigger ${ident(trigger.name)} on ${names.qualified(trigger.schema, trigger.table)};`;

export const enableTrigger = (trigger: Trigger, on: boolean, names: Names): string => `alter table ${names.qualified(trigger.schema, trigger.table)} ${on ? "enable" : "disable"} trigger ${ident(trigger.name)};`;

export const renameTrigger = (trigger: Trigger, name: string, names: Names): string => `alter trigger ${ident(trigger.name)} on ${names.qualified(trigger.schema, trigger.table)} rename to ${ident(name)};`;

/** What is wrong with a trigger before Postgres sees it. */
export function problemsOf(draft: TriggerDraft, kind: CatalogTable["kind"] | undefined, taken: (name: string) => boolean): { path: string; message: string }[] {
  const out: { path: string; message: string }[] = [];
  const say = (path: string, message: string | undefined) => message && out.push({ path, message });
  say("table", draft.table ? undefined : "Choose a table.");
  say("name", nameProblem(draft.name) ?? (taken(draft.name) ? "The table has a trigger of this name already." : undefined));
  say("events", draft.events.length === 0 ? "Choose what it runs at." : draft.events.includes("truncate") && draft.level === "row" ? "Truncate has no rows: let it run once for each statement." : isView(kind) && draft.events.includes("truncate") ? "Views are not truncated." : undefined);
  say("timing", timingsOf(kind, draft.level).includes(draft.timing) ? undefined : isView(kind) ? "Of views, it runs instead of a change of rows." : "Only triggers of views run instead of a change.");
  if (draft.condition.trim()) say("condition", draft.timing === "instead_of" ? "A trigger that runs instead has no condition." : expressionProblem(draft.condition));
  if (!draft.function) {
    say("functionName", nameProblem(draft.functionName));
    say("body", draft.body.trim() ? undefined : "Enter what the function does.");
  }
  return out;
}
