/** What a project's database is made of, as /meta/v1 tells it. Names of schemas are the logical ones: "public", whatever the isolation. */

export interface CatalogSchema {
  name: string;
  /** As SQL must name it: "public", or in a shared database "<ref>_public". */
  sql_name: string;
  comment: string | null;
  /** Whether the project's developers may make things in it. */
  creatable: boolean;
}

export type TableKind = "table" | "partitioned_table" | "view" | "materialized_view" | "foreign_table";

export interface CatalogTable {
  schema: string;
  name: string;
  kind: TableKind;
  rls_enabled: boolean;
  rls_forced: boolean;
  /** The planner's estimate; -1 when it has none. */
  estimated_rows: number;
  /** With indexes and TOAST. */
  bytes: number;
  comment: string | null;
  /** Whether it belongs to the project's developers, who may alter it. */
  owned: boolean;
  /** Of views. */
  definition: string | null;
  /** Of views: whether they read as who asks. */
  security_invoker: boolean;
}

export interface CatalogColumn {
  schema: string;
  table: string;
  name: string;
  position: number;
  /** As Postgres writes it: "character varying(20)", "text[]". */
  type: string;
  /** Of the type itself, without length and array: "varchar", "text". */
  base_type: string;
  /** b base, e enum, c composite, d domain, r range, m multirange, p pseudo. Of arrays: of the element. */
  kind: "b" | "e" | "c" | "d" | "r" | "m" | "p";
  array: boolean;
  /** Of enums: their values in order. */
  values: string[] | null;
  nullable: boolean;
  default: string | null;
  primary_key: boolean;
  generated: boolean;
  /** The expression of a generated column. */
  generation: string | null;
  identity: "always" | "by_default" | null;
  comment: string | null;
}

export interface Constraint {
  schema: string;
  table: string;
  name: string;
  kind: "primary_key" | "unique" | "foreign_key" | "check" | "exclude";
  columns: string[];
  definition: string;
  validated: boolean;
  /** The other side of a foreign key. */
  foreign_schema: string | null;
  foreign_table: string | null;
  foreign_columns: string[] | null;
  on_update: "no action" | "restrict" | "cascade" | "set null" | "set default" | null;
  on_delete: "no action" | "restrict" | "cascade" | "set null" | "set default" | null;
}

export interface Index {
  schema: string;
  table: string;
  name: string;
  definition: string;
  method: string;
  /** Columns and expressions in order. */
  columns: string[];
  predicate: string | null;
  unique: boolean;
  primary: boolean;
  valid: boolean;
  bytes: number;
  /** How often it was used since the statistics were reset. */
  scans: number;
  rows_read: number;
  /** The constraint that made it, which is dropped in its place. */
  constraint: string | null;
}

export interface Policy {
  schema: string;
  table: string;
  name: string;
  command: "all" | "select" | "insert" | "update" | "delete";
  permissive: boolean;
  roles: string[];
  using: string | null;
  check: string | null;
}

export interface Trigger {
  schema: string;
  table: string;
  name: string;
  timing: "before" | "after" | "instead_of";
  /** insert, update, delete, truncate. */
  events: string[];
  level: "row" | "statement";
  condition: string | null;
  enabled: boolean;
  function_schema: string;
  function_name: string;
  definition: string;
}

export interface DatabaseFunction {
  schema: string;
  name: string;
  /** Identifies it among overloads: "a integer, b text". */
  identity_arguments: string;
  arguments: { name: string; type: string; mode: "in" | "out" | "inout" | "variadic" | "table"; has_default: boolean; default: string | null }[];
  returns: string;
  language: string;
  kind: "function" | "procedure" | "aggregate" | "window" | "trigger";
  volatility: "immutable" | "stable" | "volatile";
  security_definer: boolean;
  /** The settings it runs with: "search_path=". */
  settings: string[];
  body: string;
  /** create or replace …; null for aggregates. */
  definition: string | null;
  comment: string | null;
  owned: boolean;
}

export interface DatabaseType {
  schema: string;
  name: string;
  kind: "enum" | "composite" | "domain" | "range";
  values: string[] | null;
  /** Of composites, or the base and checks of domains. */
  definition: string | null;
  comment: string | null;
}

export interface Extension {
  name: string;
  default_version: string;
  installed_version: string | null;
  schema: string | null;
  comment: string | null;
  /** Whether the project's developers may enable it. */
  allowed: boolean;
  /** Whether it is enabled and theirs, so that they may disable it. */
  owned: boolean;
}

export interface DatabaseRole {
  /** "anon", whatever the isolation; logins by their own name. */
  name: string;
  /** As SQL must name it. */
  sql_name: string;
  login: boolean;
  inherit: boolean;
  bypass_rls: boolean;
  connection_limit: number;
  connections: number;
  member_of: string[];
  /** What it is for, of the roles that every project has. */
  about: string | null;
}

/** What a role may do with a table, view, function or schema. */
export interface Grant {
  object_kind: "table" | "view" | "function" | "schema" | "sequence" | "column";
  schema: string;
  /** Of functions with their arguments: "f(a integer, b text)". */
  object: string;
  column: string | null;
  /** "public" is everyone. */
  role: string;
  /** As SQL must name it; "public" is a word of SQL there, not a name. */
  sql_role: string;
  /** select, insert, update, delete, truncate, references, trigger, maintain, usage, create, execute. */
  privileges: string[];
  grantor: string;
}

export interface Migration {
  /** Its time, as Supabase's command line names it: 20261123101500. */
  version: string;
  name: string;
  statements: string[];
  /** The account of the console that ran it; null or another's name when it came by another way. */
  created_by: string | null;
  /** When it ran; null for migrations of other tools, whose version tells. */
  created_at: string | null;
}

export interface Advice {
  /** rls_disabled_in_public, unindexed_foreign_keys, …: docs/advisors.md. */
  rule: string;
  category: "security" | "performance";
  level: "error" | "warning" | "info";
  title: string;
  /** What it means, and what follows from it. */
  explanation: string;
  /** About this one object. */
  detail: string;
  schema: string | null;
  /** Its name; of functions with their arguments. */
  object: string | null;
  kind: "table" | "view" | "materialized_view" | "foreign_table" | "function" | "index" | "policy" | "constraint" | "extension" | "schema";
  /** The table that it is, or is at. */
  table: string | null;
  /** What mends it; null where only a person can decide. */
  fix: string | null;
  /** Identifies it between two looks. */
  key: string;
}
