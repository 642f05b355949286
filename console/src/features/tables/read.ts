import type { Group } from "@/features/tables/filter";
import { mayBeLong } from "@/features/tables/kind";
import { formatKey, type Key } from "@/features/tables/row-key";
import type { SortBy } from "@/features/tables/sort";
import { conditionOf, Params } from "@/features/tables/where";
import type { CatalogColumn } from "@/lib/catalog";
import { ident, type Names } from "@/lib/pg";

/** A table as statements about its rows need it. */
export interface Relation {
  names: Names;
  schema: string;
  table: string;
  /** Those that may be read, in the table's order. */
  columns: CatalogColumn[];
  key: Key;
  /** Whether rows tell by which transaction they were written. */
  versioned: boolean;
}

export interface Statement {
  query: string;
  params: (string | null)[];
}

/** What is asked of the rows. */
export interface Asked {
  filter: Group | undefined;
  sort: SortBy[];
}

export interface Row {
  /** In the columns' order, as Postgres writes them. */
  values: (string | null)[];
  /** As it stands in addresses; undefined where a row cannot be told from others. */
  key: string | undefined;
  /** By which transaction it was written. */
  version: string | undefined;
  /** Which values are only the beginnings of what is there. */
  cut: ReadonlySet<number>;
}

/** Longer values are read only when they are asked for. */
export const longest = 2000;

const from = ({ names, schema, table }: Relation) => names.qualified(schema, table);

/** A name that no column has. */
function free(name: string, columns: CatalogColumn[]): string {
  let out = name;
  while (columns.some((each) => each.name === out)) out = `_${out}`;
  return ident(out);
}

const isKey = (relation: Relation, name: string) => relation.key.by === "columns" && relation.key.columns.includes(name);

/** The order that a person asked for, and then by key, so that no row is seen twice or never. */
export function orderOf(relation: Relation, sort: SortBy[]): string {
  const known = new Set(relation.columns.map((each) => each.name));
  const parts = sort.filter(({ column }) => known.has(column)).map(({ column, descending, nulls }) => `${ident(column)}${descending ? " desc" : ""}${nulls ? ` nulls ${nulls}` : ""}`);
  const sorted = new Set(sort.map(({ column }) => column));
  if (relation.key.by === "columns") parts.push(...relation.key.columns.filter((each) => !sorted.has(each) && known.has(each)).map(ident));
  else if (relation.key.by === "place") parts.push("ctid");
  return parts.length > 0 ? ` order by ${parts.join(", ")}` : "";
}

/** Rows from an offset, long values cut. What is skipped is only counted, not computed. */
export function readRows(relation: Relation, { filter, sort }: Asked, limit: number, offset: number): Statement {
  const params = new Params();
  const where = conditionOf(filter, relation.columns, params);
  const [place, version] = [free("row_place", relation.columns), free("row_version", relation.columns)];
  const inner = relation.columns.map(({ name }) => ident(name));
  const outer = relation.columns.map((column) => (mayBeLong(column) && !isKey(relation, column.name) ? `left(${ident(column.name)}::text, ${longest + 1})` : `${ident(column.name)}::text`));
  if (relation.versioned) {
    inner.push(`xmin as ${version}`);
    outer.push(`${version}::text`);
  }
  if (relation.key.by === "place") {
    inner.push(`ctid as ${place}`);
    outer.push(`${place}::text`);
  }
  const query = `select ${outer.join(", ") || "1"} from (select ${inner.join(", ") || "1"} from ${from(relation)}${where ? ` where ${where}` : ""}${orderOf(relation, sort)} limit ${limit} offset ${offset}) as rows`;
  return { query, params: params.values };
}

/** The columns of what readRows and its like answer. */
function answered(relation: Relation): string {
  const out = relation.columns.map(({ name }) => `${ident(name)}::text`);
  if (relation.versioned) out.push("xmin::text");
  if (relation.key.by === "place") out.push("ctid::text");
  return out.join(", ") || "1";
}

/** One row with whole values. */
export function readRow(relation: Relation, key: [string, string][]): Statement {
  const params = new Params();
  const query = `select ${answered(relation)} from ${from(relation)} where ${keyIs(key, params)} limit 1`;
  return { query, params: params.values };
}

export function keyIs(key: [string, string][], params: Params): string {
  return key.map(([column, value]) => `${column === "ctid" ? "ctid" : ident(column)} = ${params.add(value)}`).join(" and ");
}

/** What follows a statement that changes rows, so that it answers them as readRow does. */
export const returning = (relation: Relation): string => (relation.columns.length > 0 ? ` returning ${answered(relation)}` : "");

/** Makes rows of what was answered. */
export function rowsOf(relation: Relation, answer: readonly (readonly unknown[])[]): Row[] {
  const width = relation.columns.length;
  const { key } = relation;
  const keyColumns = key.by === "columns" ? key.columns.map((name) => relation.columns.findIndex((each) => each.name === name)) : [];
  return answer.map((wire) => {
    const cut = new Set<number>();
    const values = relation.columns.map((column, index) => {
      const value = wire[index] as string | null;
      if (value === null || value.length <= longest || !mayBeLong(column) || isKey(relation, column.name)) return value;
      cut.add(index);
      return value;
    });
    const place = relation.versioned ? wire[width + 1] : wire[width];
    return { values, key: keyText(), version: relation.versioned ? (wire[width] as string) : undefined, cut };

    function keyText(): string | undefined {
      if (key.by === "place") return typeof place === "string" ? formatKey([["ctid", place]]) : undefined;
      if (key.by !== "columns" || keyColumns.includes(-1)) return undefined;
      const parts = key.columns.map((name, at): [string, string | null] => [name, values[keyColumns[at]!]!]);
      return parts.every((each): each is [string, string] => each[1] !== null) ? formatKey(parts) : undefined;
    }
  });
}

/** Rows of lists: what is longer than a list shows is cut. Whole rows are left as they are. */
export function cutRows(rows: Row[]): Row[] {
  return rows.map((row) => (row.cut.size === 0 ? row : { ...row, values: row.values.map((value, index) => (row.cut.has(index) ? value!.slice(0, longest) : value)) }));
}

/** Counts rows, up to a number that is counted quickly. */
export function countRows(relation: Relation, filter: Group | undefined, most: number | undefined): Statement {
  const params = new Params();
  const where = conditionOf(filter, relation.columns, params);
  const rest = `from ${from(relation)}${where ? ` where ${where}` : ""}`;
  return { query: most === undefined ? `select count(*) ${rest}` : `select count(*) from (select 1 ${rest} limit ${most + 1}) as rows`, params: params.values };
}

/** Asks the planner how many rows there are. */
export function estimateRows(relation: Relation, filter: Group | undefined): Statement {
  const params = new Params();
  const where = conditionOf(filter, relation.columns, params);
  return { query: `explain (format json) select 1 from ${from(relation)}${where ? ` where ${where}` : ""}`, params: params.values };
}

/** What the planner guessed. */
export function estimated(answer: unknown): number | undefined {
  try {
    const plan = typeof answer === "string" ? (JSON.parse(answer) as unknown) : answer;
    const rows = (plan as [{ Plan: { "Plan Rows": unknown } }])[0].Plan["Plan Rows"];
    return typeof rows === "number" ? rows : undefined;
  } catch {
    return undefined;
  }
}

/** All that is asked for, to be exported: of chosen rows only, when their keys are given, and without some. */
export function exportRows(relation: Relation, { filter, sort }: Asked, asText: boolean, keys?: [string, string][][], except: [string, string][][] = []): Statement {
  const params = new Params();
  const parts = [keys ? `(${keys.map((key) => `(${keyIs(key, params)})`).join(" or ") || "false"})` : conditionOf(filter, relation.columns, params), ...except.map((key) => `not (${keyIs(key, params)})`)].filter(Boolean);
  const list = relation.columns.map(({ name }) => (asText ? `${ident(name)}::text as ${ident(name)}` : ident(name))).join(", ");
  return { query: `select ${list || "1"} from ${from(relation)}${parts.length > 0 ? ` where ${parts.join(" and ")}` : ""}${orderOf(relation, sort)}`, params: params.values };
}

/** What the present role may do with a table and each of its columns. */
export function readAccess({ names, schema, table }: Pick<Relation, "names" | "schema" | "table">, literal: (text: string) => string): string {
  return `select a.attname, has_column_privilege(c.oid, a.attnum, 'select'), has_column_privilege(c.oid, a.attnum, 'insert'), has_column_privilege(c.oid, a.attnum, 'update'),
  has_table_privilege(c.oid, 'select'), has_table_privilege(c.oid, 'delete'), pg_catalog.pg_relation_is_updatable(c.oid, false)
from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.oid = ${literal(names.qualified(schema, table))}::regclass order by a.attnum`;
}
