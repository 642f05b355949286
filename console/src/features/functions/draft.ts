import { expressionProblem } from "@/features/schema-edit/expression";
import { nameProblem } from "@/features/schema-edit/table-schema";
import type { DatabaseFunction, Grant } from "@/lib/catalog";
import { dollar, ident, literal, type Names } from "@/lib/pg";

/** A function as a form holds it, and the SQL that makes or changes it. */

export interface ArgumentDraft {
  key: string;
  name: string;
  type: string;
  mode: "in" | "out" | "inout" | "variadic";
  /** An expression; "" for none. */
  default: string;
}

export interface FunctionDraft {
  schema: string;
  name: string;
  comment: string;
  procedure: boolean;
  arguments: ArgumentDraft[];
  returns: "void" | "type" | "setof" | "table" | "trigger";
  /** Of type and setof. */
  type: string;
  /** Of table. */
  columns: { key: string; name: string; type: string }[];
  language: string;
  volatility: DatabaseFunction["volatility"];
  definer: boolean;
  /** As SQL says it after "set search_path to"; "" when it is not set. */
  searchPath: string;
  body: string;
  /** Whether the body is SQL that Postgres keeps parsed: return …, or begin atomic … end. */
  parsed: boolean;
  /** What else the function has, in the words of Postgres: "STRICT COST 10", "SET work_mem TO '64MB'". */
  rest: string[];
  /** Of new functions: who may call it. */
  callers: "everyone" | "signed-in" | "servers";
}

export const emptyFunction = (schema: string): FunctionDraft => ({
  schema,
  name: "",
  comment: "",
  procedure: false,
  arguments: [],
  returns: "type",
  type: "text",
  columns: [],
  language: "sql",
  volatility: "stable",
  definer: false,
  searchPath: "",
  body: "select 'hello';",
  parsed: false,
  rest: [],
  callers: "everyone",
});

/** Names what can be dropped, altered and granted. */
export const wordOf = (kind: DatabaseFunction["kind"]): string => (kind === "procedure" || kind === "aggregate" ? kind : "function");

/** Why a function cannot be edited here; undefined when it can. */
export function uneditable(fn: DatabaseFunction): string | undefined {
  if (!fn.owned) return "It belongs to a service of the project, whose updates would undo a change.";
  if (fn.kind === "aggregate") return "Postgres cannot change an aggregate: drop it, and create another by SQL.";
  if (fn.language === "c" || fn.language === "internal") return `It is written in ${fn.language}, and compiled.`;
  return undefined;
}

/** What a function has beside what the form shows, from Postgres' own words for it. */
function furtherOf(fn: DatabaseFunction, parsed: boolean): { rest: string[]; searchPath: string } {
  const definition = fn.definition ?? "";
  const head = definition.slice(0, parsed ? definition.lastIndexOf(fn.body) : definition.lastIndexOf(`$${fn.body}$`));
  const lines = head.slice(head.lastIndexOf("\n LANGUAGE ") + 1).split("\n").slice(1);
  const rest: string[] = [];
  let searchPath = "";
  for (const line of lines.map((each) => each.trim())) {
    const path = /^SET search_path TO (.*)$/.exec(line)?.[1];
    if (path !== undefined) searchPath = path;
    else if (line.startsWith("SET ")) rest.push(line);
    else if (!/^AS(\s|$)/.test(line)) rest.push(line.replace(/\b(IMMUTABLE|STABLE|VOLATILE|SECURITY DEFINER)\b/g, "").replace(/\s+/g, " ").trim());
  }
  return { rest: rest.filter(Boolean), searchPath };
}

export function draftOf(fn: DatabaseFunction): FunctionDraft {
  const setof = /^SETOF (.*)$/.exec(fn.returns)?.[1];
  const table = fn.returns.startsWith("TABLE(");
  const parsed = fn.language === "sql" && !(fn.definition ?? "").includes("\nAS ");
  const plain = fn.returns === "trigger" || fn.returns === "void" ? fn.returns : undefined;
  return {
    schema: fn.schema,
    name: fn.name,
    comment: fn.comment ?? "",
    procedure: fn.kind === "procedure",
    arguments: fn.arguments.flatMap(({ name, type, mode, default: value }, at) => (mode === "table" ? [] : [{ key: String(at), name, type, mode, default: value ?? "" }])),
    returns: plain ?? (table ? "table" : setof ? "setof" : "type"),
    type: plain || table ? "" : (setof ?? fn.returns),
    columns: fn.arguments.flatMap(({ name, type, mode }, at) => (mode === "table" ? [{ key: String(at), name, type }] : [])),
    language: fn.language,
    volatility: fn.volatility,
    definer: fn.security_definer,
    body: fn.body.replace(/^\r?\n/, "").replace(/\r?\n[ \t]*$/, ""),
    parsed,
    callers: "everyone",
    ...furtherOf(fn, parsed),
  };
}

function argumentSql({ name, type, mode, default: value }: ArgumentDraft): string {
  return [mode === "in" ? "" : mode, name && ident(name), type.trim(), value.trim() && `default ${value.trim()}`].filter(Boolean).join(" ");
}

function returnsSql(fn: FunctionDraft): string {
  if (fn.returns === "table") return `table (${fn.columns.map(({ name, type }) => `${ident(name)} ${type.trim()}`).join(", ")})`;
  if (fn.returns === "setof") return `setof ${fn.type.trim()}`;
  return fn.returns === "type" ? fn.type.trim() : fn.returns;
}

/** The function as alter, grant and comment name it. */
export function signature(fn: FunctionDraft, names: Names): string {
  const types = fn.arguments.filter(({ mode }) => mode !== "out" || fn.procedure).map(({ type, mode }) => `${mode === "out" ? "out " : ""}${type.trim()}`);
  return `${names.qualified(fn.schema, fn.name)}(${types.join(", ")})`;
}

/** A function that is there, as alter, grant and drop name it. */
export const at = (fn: Pick<DatabaseFunction, "schema" | "name" | "identity_arguments" | "kind">, names: Names): string =>
  `${names.qualified(fn.schema, fn.name)}(${fn.kind === "aggregate" ? fn.identity_arguments || "*" : fn.identity_arguments})`;

function statement(fn: FunctionDraft, names: Names, replace: boolean): string {
  const list = fn.arguments.map(argumentSql);
  const lines = [
    `create ${replace ? "or replace " : ""}${fn.procedure ? "procedure" : "function"} ${names.qualified(fn.schema, fn.name)}(${list.join(", ").length > 60 ? `\n  ${list.join(",\n  ")}\n` : list.join(", ")})`,
    fn.procedure ? "" : `returns ${returnsSql(fn)}`,
    `language ${ident(fn.language)}`,
    fn.procedure || fn.volatility === "volatile" ? "" : fn.volatility,
    fn.definer ? "security definer" : "",
    ...fn.rest,
    fn.searchPath.trim() ? `set search_path to ${fn.searchPath.trim()}` : "",
    fn.parsed ? fn.body.trim().replace(/;+$/, "") : `as ${dollar(`\n${fn.body}\n`)}`,
  ];
  return `${lines.filter(Boolean).join("\n")};`;
}

/** How SQL names the roles of requests, which differ in a shared database. */
export type RoleNames = (role: "authenticated" | "service_role") => string;

export function createFunction(fn: FunctionDraft, names: Names, role: RoleNames): string[] {
  const kind = fn.procedure ? "procedure" : "function";
  const out = [statement(fn, names, false)];
  if (fn.callers !== "everyone" && fn.returns !== "trigger") {
    const who = fn.callers === "servers" ? [role("service_role")] : [role("authenticated"), role("service_role")];
    out.push(`revoke execute on ${kind} ${signature(fn, names)} from public;`, `grant execute on ${kind} ${signature(fn, names)} to ${who.map(ident).join(", ")};`);
  }
  if (fn.comment) out.push(comment(fn, names));
  return out;
}

const comment = (fn: FunctionDraft, names: Names): string => `comment on ${fn.procedure ? "procedure" : "function"} ${signature(fn, names)} is ${fn.comment ? literal(fn.comment) : "null"};`;

/** What Postgres takes only of a function that is made anew: other arguments, or another answer. */
export function madeAnew(old: FunctionDraft, next: FunctionDraft): boolean {
  const shape = (fn: FunctionDraft) => JSON.stringify([fn.arguments.map(({ name, type, mode }) => [name, type.trim(), mode]), fn.procedure ? "" : returnsSql(fn)]);
  return shape(old) !== shape(next) || old.arguments.some(({ default: value }, place) => value.trim() && !next.arguments[place]?.default.trim());
}

/** Who may call the function is kept: also where it takes a new one in its place. */
export function changeFunction(fn: DatabaseFunction, next: FunctionDraft, names: Names, grants: Grant[]): string[] {
  const old = draftOf(fn);
  const kind = wordOf(fn.kind);
  const out: string[] = [];
  if (madeAnew(old, next)) {
    const held = grants.filter((each) => each.object_kind === "function" && each.schema === fn.schema && each.object === `${fn.name}(${fn.identity_arguments})` && each.sql_role !== each.grantor);
    out.push(`drop ${kind} ${at(fn, names)};`, statement(next, names, false));
    if (!held.some((each) => each.sql_role === "public")) out.push(`revoke execute on ${kind} ${signature(next, names)} from public;`);
    for (const { sql_role: role } of held) if (role !== "public") out.push(`grant execute on ${kind} ${signature(next, names)} to ${ident(role)};`);
    if (next.comment) out.push(comment(next, names));
    return out;
  }
  if (old.name !== next.name) out.push(`alter ${kind} ${at(fn, names)} rename to ${ident(next.name)};`);
  if (statement({ ...old, name: next.name }, names, true) !== statement(next, names, true)) out.push(statement(next, names, true));
  if (old.comment !== next.comment) out.push(comment(next, names));
  return out;
}

export const dropFunction = (fn: DatabaseFunction, names: Names, cascade: boolean): string => `drop ${wordOf(fn.kind)} ${at(fn, names)}${cascade ? " cascade" : ""};`;

const typeProblem = (text: string): string | undefined => (text.trim() === "" ? "Choose a type." : expressionProblem(text));

/** What is wrong with a function before Postgres sees it. */
export function problemsOf(fn: FunctionDraft): { path: (string | number)[]; message: string }[] {
  const out: { path: (string | number)[]; message: string }[] = [];
  const say = (path: (string | number)[], message: string | undefined) => message && out.push({ path, message });
  say(["name"], nameProblem(fn.name));
  fn.arguments.forEach((each, place) => {
    const path = ["arguments", place];
    const twin = each.name !== "" && fn.arguments.findIndex(({ name }) => name === each.name) < place;
    say([...path, "name"], each.name ? (nameProblem(each.name) ?? (twin ? "Another argument has this name." : undefined)) : undefined);
    say([...path, "type"], typeProblem(each.type));
    if (each.default.trim()) say([...path, "default"], expressionProblem(each.default));
    else if ((each.mode === "in" || each.mode === "inout") && fn.arguments.slice(0, place).some((before) => before.default.trim())) say([...path, "default"], "After an argument with a default, all need one.");
  });
  if (!fn.procedure && (fn.returns === "type" || fn.returns === "setof")) say(["type"], typeProblem(fn.type));
  if (fn.returns === "table") {
    if (fn.columns.length === 0) say(["returns"], "Add a column.");
    fn.columns.forEach((each, place) => {
      say(["columns", place, "name"], nameProblem(each.name));
      say(["columns", place, "type"], typeProblem(each.type));
    });
  }
  if (fn.returns === "trigger" && fn.language === "sql") say(["language"], "A trigger function cannot be written in sql: choose plpgsql.");
  if (fn.returns === "trigger" && fn.arguments.length > 0) say(["returns"], "A trigger function has no arguments: it reads them from tg_argv.");
  if (fn.searchPath.trim()) say(["searchPath"], expressionProblem(fn.searchPath));
  if (fn.body.trim() === "") say(["body"], "Enter what the function does.");
  return out;
}
