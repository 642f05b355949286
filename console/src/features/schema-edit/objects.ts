import type { CatalogTable, Constraint, DatabaseType, Extension, Index } from "@/lib/catalog";
import { ident, literal, type Names } from "@/lib/pg";

/** SQL of what stands beside tables' columns: indexes, constraints, enums and views. */

export interface IndexPart {
  /** A column's name, or an expression. */
  column: string;
  expression: string;
  /** Of methods that sort. */
  descending: boolean;
  /** An operator class, where the type has several: gin_trgm_ops. */
  operators: string;
}

export interface IndexDraft {
  name: string;
  parts: IndexPart[];
  method: string;
  unique: boolean;
  predicate: string;
  concurrently: boolean;
}

interface IndexMethod {
  name: string;
  about: string;
  /** What brings it, where Postgres does not. */
  extension?: string;
}

const indexMethods: IndexMethod[] = [
  { name: "btree", about: "Equal, less, greater, sorting: what most queries need" },
  { name: "hash", about: "Equal only" },
  { name: "gin", about: "What is in JSON, lists and texts" },
  { name: "gist", about: "Places, spans, nearness" },
  { name: "spgist", about: "Prefixes and places" },
  { name: "brin", about: "Very large tables in the order they were written" },
  { name: "hnsw", about: "Nearest vectors", extension: "vector" },
  { name: "ivfflat", about: "Nearest vectors, smaller", extension: "vector" },
];

/** The methods of this database. What an extension would bring that is not enabled is missing. */
export function methodsOf(extensions: Extension[] | undefined): (IndexMethod & { missing: boolean })[] {
  return indexMethods.flatMap((method) => {
    const brings = method.extension && extensions?.find(({ name }) => name === method.extension);
    if (!method.extension) return { ...method, missing: false };
    return brings ? { ...method, missing: brings.installed_version === null } : [];
  });
}

export const emptyPart: IndexPart = { column: "", expression: "", descending: false, operators: "" };
export const emptyIndex: IndexDraft = { name: "", parts: [emptyPart], method: "btree", unique: false, predicate: "", concurrently: false };

export function createIndex(at: string, index: IndexDraft): string {
  const parts = index.parts.map((part) => {
    const what = part.expression.trim() ? `(${part.expression.trim()})` : ident(part.column);
    return `${what}${part.operators.trim() ? ` ${part.operators.trim()}` : ""}${index.method === "btree" && part.descending ? " desc" : ""}`;
  });
  const head = ["create", index.unique && index.method === "btree" ? "unique" : "", "index", index.concurrently ? "concurrently" : "", index.name ? ident(index.name) : ""].filter(Boolean).join(" ");
  return `${head} on ${at} using ${index.method} (${parts.join(", ")})${index.predicate.trim() ? ` where ${index.predicate.trim()}` : ""};`;
}

/** An index that a constraint made goes with the constraint. */
export function dropIndex(index: Index, names: Names, concurrently = false): string {
  if (index.constraint) return `alter table ${names.qualified(index.schema, index.table)} drop constraint ${ident(index.constraint)};`;
  return `drop index ${concurrently ? "concurrently " : ""}${names.qualified(index.schema, index.name)};`;
}

export const dropConstraint = (constraint: Constraint, names: Names): string => `alter table ${names.qualified(constraint.schema, constraint.table)} drop constraint ${ident(constraint.name)};`;

export const validateConstraint = (constraint: Constraint, names: Names): string => `alter table ${names.qualified(constraint.schema, constraint.table)} validate constraint ${ident(constraint.name)};`;

const kinds: Record<CatalogTable["kind"], string> = { table: "table", partitioned_table: "table", view: "view", materialized_view: "materialized view", foreign_table: "foreign table" };

export const dropTable = (table: Pick<CatalogTable, "schema" | "name" | "kind">, names: Names, cascade: boolean): string => `drop ${kinds[table.kind]} ${names.qualified(table.schema, table.name)}${cascade ? " cascade" : ""};`;

/** An enum as a form holds it. Was is what a value was called, of those that are there. */
export interface EnumDraft {
  schema: string;
  name: string;
  comment: string;
  values: { key: string; was: string | null; value: string }[];
}

export const enumDraft = (type: DatabaseType): EnumDraft => ({
  schema: type.schema,
  name: type.name,
  comment: type.comment ?? "",
  values: (type.values ?? []).map((value) => ({ key: value, was: value, value })),
});

export function createEnum(draft: EnumDraft, names: Names): string[] {
  const at = names.qualified(draft.schema, draft.name);
  const out = [`create type ${at} as enum (${draft.values.map(({ value }) => literal(value)).join(", ")});`];
  if (draft.comment) out.push(`comment on type ${at} is ${literal(draft.comment)};`);
  return out;
}

/** Enums only grow: values get other names, and new ones come between. */
export function diffEnum(old: EnumDraft, next: EnumDraft, names: Names): string[] {
  const at = names.qualified(next.schema, next.name);
  const out: string[] = [];
  if (old.name !== next.name) out.push(`alter type ${names.qualified(old.schema, old.name)} rename to ${ident(next.name)};`);
  for (const { was, value } of next.values) if (was !== null && was !== value) out.push(`alter type ${at} rename value ${literal(was)} to ${literal(value)};`);
  next.values.forEach(({ was, value }, number) => {
    if (was !== null) return;
    const before = next.values[number - 1];
    const after = next.values.find((each, other) => other > number && each.was !== null);
    const place = before ? ` after ${literal(before.value)}` : after ? ` before ${literal(after.value)}` : "";
    out.push(`alter type ${at} add value ${literal(value)}${place};`);
  });
  if (old.comment !== next.comment) out.push(`comment on type ${at} is ${next.comment ? literal(next.comment) : "null"};`);
  return out;
}

export const dropType = (type: DatabaseType, names: Names): string => `drop ${type.kind === "domain" ? "domain" : "type"} ${names.qualified(type.schema, type.name)};`;

export interface ViewDraft {
  schema: string;
  name: string;
  definition: string;
  materialized: boolean;
  /** Whether it reads as who asks, so that policies hold. */
  invoker: boolean;
  exposed: boolean;
  /** Whether it is dropped first: columns that go, or change their type, take that. */
  anew: boolean;
}

export const viewDraft = (view: CatalogTable): ViewDraft => ({
  schema: view.schema,
  name: view.name,
  definition: (view.definition ?? "").trim().replace(/;$/, ""),
  materialized: view.kind === "materialized_view",
  invoker: view.security_invoker,
  exposed: false,
  anew: false,
});

const bodyOf = (definition: string): string => definition.trim().replace(/;+\s*$/, "").trim();

export function createView(view: ViewDraft, names: Names): string[] {
  const at = names.qualified(view.schema, view.name);
  const head = view.materialized ? `create materialized view ${at} as` : `create view ${at} with (security_invoker = ${view.invoker ? "on" : "off"}) as`;
  const out = [`${head}\n${bodyOf(view.definition)};`];
  if (view.exposed) out.push(`grant select on table ${at} to anon, authenticated;`);
  return out;
}

/** Of what people may do with the view, grants are kept unless it is made anew: then they are given again. */
export function diffView(old: ViewDraft, next: ViewDraft, names: Names, grants: { sql_role: string; privileges: string[] }[]): string[] {
  const at = names.qualified(next.schema, next.name);
  const reworded = bodyOf(old.definition) !== bodyOf(next.definition);
  const out: string[] = [];
  if (reworded && (next.anew || next.materialized)) {
    out.push(dropTable({ schema: old.schema, name: old.name, kind: old.materialized ? "materialized_view" : "view" }, names, false));
    out.push(...createView({ ...next, exposed: false }, names));
    for (const { sql_role: role, privileges } of grants) out.push(`grant ${privileges.join(", ")} on table ${at} to ${role === "public" ? role : ident(role)};`);
    return out;
  }
  const kind = next.materialized ? "materialized view" : "view";
  if (old.name !== next.name) out.push(`alter ${kind} ${names.qualified(old.schema, old.name)} rename to ${ident(next.name)};`);
  // Replacing a view puts its options back unless they are said again.
  if (reworded) out.push(`create or replace view ${at} with (security_invoker = ${next.invoker ? "on" : "off"}) as\n${bodyOf(next.definition)};`);
  else if (!next.materialized && old.invoker !== next.invoker) out.push(`alter view ${at} set (security_invoker = ${next.invoker ? "on" : "off"});`);
  return out;
}
