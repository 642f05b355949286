import type { CatalogColumn, CatalogTable, Constraint } from "@/lib/catalog";

/** A table as a form holds it, whether it exists or not. Columns are known by keys, so that a new name is no new column. */

export interface ColumnDraft {
  key: string;
  name: string;
  /** As SQL names it, without what makes it an array. */
  type: string;
  array: boolean;
  nullable: boolean;
  /** An expression; empty for none. */
  default: string;
  identity: "" | "always" | "by_default";
  /** The expression that a generated column holds; empty for none. */
  generation: string;
  comment: string;
  /** How values become those of another type; empty for Postgres' own way. */
  using: string;
  /** What takes the place of nulls when they are forbidden; empty where there are none. */
  fill: string;
}

export interface UniqueDraft {
  /** Of one that exists. */
  name: string | null;
  columns: string[];
}

export interface CheckDraft {
  name: string;
  /** What it was called, if it exists. */
  was: string | null;
  expression: string;
}

export type Action = "no action" | "restrict" | "cascade" | "set null" | "set default";

export interface ForeignKeyDraft {
  name: string | null;
  /** Keys of this table's columns. */
  columns: string[];
  /** Whether it refers to the table itself: then foreign columns are keys too. */
  self: boolean;
  schema: string;
  table: string;
  foreignColumns: string[];
  onUpdate: Action;
  onDelete: Action;
  /** What else its definition says, and is kept: "DEFERRABLE INITIALLY DEFERRED". */
  options: string;
}

export interface TableDraft {
  schema: string;
  name: string;
  comment: string;
  columns: ColumnDraft[];
  primary: { name: string | null; columns: string[] };
  uniques: UniqueDraft[];
  checks: CheckDraft[];
  foreignKeys: ForeignKeyDraft[];
  rls: boolean;
  /** Whether a new table is granted to anon and authenticated. */
  exposed: boolean;
}

let made = 0;

export function newColumn(given: Partial<ColumnDraft> = {}): ColumnDraft {
  made += 1;
  return { key: `new ${made}`, name: "", type: "text", array: false, nullable: true, default: "", identity: "", generation: "", comment: "", using: "", fill: "", ...given };
}

/** What most tables begin with. */
export function newTable(schema: string): TableDraft {
  const id = newColumn({ name: "id", type: "bigint", nullable: false, identity: "always" });
  const created = newColumn({ name: "created_at", type: "timestamp with time zone", nullable: false, default: "now()" });
  return {
    schema,
    name: "",
    comment: "",
    columns: [id, created],
    primary: { name: null, columns: [id.key] },
    uniques: [],
    checks: [],
    foreignKeys: [],
    rls: true,
    exposed: false,
  };
}

/** The key of a column that exists. */
export const keyOf = (name: string): string => `old ${name}`;

/** The form of a table as it is. */
export function draftOf(table: CatalogTable, columns: CatalogColumn[], constraints: Constraint[]): TableDraft {
  const primary = constraints.find((each) => each.kind === "primary_key");
  return {
    schema: table.schema,
    name: table.name,
    comment: table.comment ?? "",
    columns: columns.map((each) => ({
      key: keyOf(each.name),
      name: each.name,
      type: each.array ? each.type.replace(/\[\]$/, "") : each.type,
      array: each.array,
      nullable: each.nullable,
      default: each.default ?? "",
      identity: each.identity ?? "",
      generation: each.generation ?? "",
      comment: each.comment ?? "",
      using: "",
      fill: "",
    })),
    primary: { name: primary?.name ?? null, columns: primary?.columns.map(keyOf) ?? [] },
    uniques: constraints.filter((each) => each.kind === "unique").map((each) => ({ name: each.name, columns: each.columns.map(keyOf) })),
    checks: constraints.filter((each) => each.kind === "check").map((each) => ({ name: each.name, was: each.name, expression: expressionOf(each.definition) })),
    foreignKeys: constraints
      .filter((each) => each.kind === "foreign_key")
      .map((each) => {
        const self = each.foreign_schema === table.schema && each.foreign_table === table.name;
        const foreign = each.foreign_columns ?? [];
        return {
          name: each.name,
          columns: each.columns.map(keyOf),
          self,
          schema: each.foreign_schema ?? "",
          table: each.foreign_table ?? "",
          foreignColumns: self ? foreign.map(keyOf) : foreign,
          onUpdate: each.on_update ?? "no action",
          onDelete: each.on_delete ?? "no action",
          options: /MATCH FULL/.test(each.definition) ? `match full ${deferring(each.definition)}`.trim() : deferring(each.definition),
        };
      }),
    rls: table.rls_enabled,
    exposed: false,
  };
}

const deferring = (definition: string): string => (/(?<!NOT )DEFERRABLE( INITIALLY \w+)?/.exec(definition)?.[0] ?? "").toLowerCase();

/** What stands between the brackets of "CHECK ((price > 0))". */
export function expressionOf(definition: string): string {
  const inner = /^CHECK \(([\s\S]*)\)(?: NO INHERIT)?(?: NOT VALID)?(?: NOT ENFORCED)?$/.exec(definition)?.[1] ?? definition;
  return isWrapped(inner) ? inner.slice(1, -1) : inner;
}

/** Whether the first bracket closes at the very end. */
function isWrapped(text: string): boolean {
  if (!text.startsWith("(") || !text.endsWith(")")) return false;
  let depth = 0;
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at]!;
    if (quote) quote = letter === quote ? "" : quote;
    else if (letter === "'" || letter === '"') quote = letter;
    else if (letter === "(") depth += 1;
    else if (letter === ")" && --depth === 0 && at < text.length - 1) return false;
  }
  return depth === 0;
}

/** The same table once more, under another name and without what exists only once. */
export function duplicateOf(draft: TableDraft, name: string): TableDraft {
  const fresh = new Map(draft.columns.map((each) => [each.key, newColumn().key]));
  const keys = (old: string[]) => old.map((key) => fresh.get(key) ?? key);
  return {
    ...draft,
    name,
    columns: draft.columns.map((each) => ({ ...each, key: fresh.get(each.key)! })),
    primary: { name: null, columns: keys(draft.primary.columns) },
    uniques: draft.uniques.map((each) => ({ name: null, columns: keys(each.columns) })),
    checks: draft.checks.map((each) => ({ ...each, name: "", was: null })),
    foreignKeys: draft.foreignKeys.map((each) => ({ ...each, name: null, columns: keys(each.columns), foreignColumns: each.self ? keys(each.foreignColumns) : each.foreignColumns })),
  };
}

/** Without the keys of columns that are gone, and what they were in. */
export function withoutLost(draft: TableDraft): TableDraft {
  const there = new Set(draft.columns.map((each) => each.key));
  const whole = (keys: string[]) => keys.length > 0 && keys.every((key) => there.has(key));
  return {
    ...draft,
    primary: { ...draft.primary, columns: draft.primary.columns.filter((key) => there.has(key)) },
    uniques: draft.uniques.filter((each) => whole(each.columns)),
    foreignKeys: draft.foreignKeys.filter((each) => whole(each.columns) && (!each.self || whole(each.foreignColumns))),
  };
}

export const sqlType = (column: Pick<ColumnDraft, "type" | "array">): string => (column.array ? `${column.type}[]` : column.type);
