import type { Group } from "@/features/tables/filter";
import { isComputed, kindOf } from "@/features/tables/kind";
import { keyIs, returning, type Relation, type Row, type Statement } from "@/features/tables/read";
import { parseKey } from "@/features/tables/row-key";
import { conditionOf, Params } from "@/features/tables/where";
import { ident } from "@/lib/pg";

/** A new value of a column: as Postgres reads it, null, or what the column has when nothing is said. */
export type NewValue = string | null | typeof asDefault;

/** Stands for the column's default. */
export const asDefault = Symbol("default");

export type Values = Record<string, NewValue>;

const from = ({ names, schema, table }: Relation) => names.qualified(schema, table);
const put = (value: NewValue, params: Params) => (value === asDefault ? "default" : params.add(value));

/** Which row it is; also that nobody changed it since it was read, unless told otherwise. */
function isRow(relation: Relation, row: Row, params: Params, whatever: boolean): string {
  const key = parseKey(row.key);
  if (key) return `${keyIs(key, params)}${row.version !== undefined && !whatever ? ` and xmin::text = ${params.add(row.version)}` : ""}`;
  const same = () => relation.columns.flatMap((column, index) => (row.cut.has(index) || kindOf(column) === "search" ? [] : [`${ident(column.name)}::text is not distinct from ${params.add(row.values[index] ?? null)}`])).join(" and ");
  // Views have no key: it must be the only such row.
  return `${same()} and (select count(*) from ${from(relation)} where ${same()}) = 1`;
}

export function updateRow(relation: Relation, row: Row, values: Values, whatever = false): Statement {
  const params = new Params();
  const set = Object.entries(values).map(([column, value]) => `${ident(column)} = ${put(value, params)}`);
  return { query: `update ${from(relation)} set ${set.join(", ")} where ${isRow(relation, row, params, whatever)}${returning(relation)}`, params: params.values };
}

/** What is not named gets its default. With `restoring`, values that only the database gives are taken too. */
export function insertRows(relation: Relation, rows: Values[], restoring = false): Statement {
  const params = new Params();
  const columns = [...new Set(rows.flatMap(Object.keys))];
  if (columns.length === 0) return { query: `insert into ${from(relation)} default values${returning(relation)}`, params: [] };
  const tuples = rows.map((row) => `(${columns.map((column) => put(Object.hasOwn(row, column) ? row[column]! : asDefault, params)).join(", ")})`);
  return { query: `insert into ${from(relation)} (${columns.map(ident).join(", ")})${restoring ? " overriding system value" : ""} values ${tuples.join(", ")}${returning(relation)}`, params: params.values };
}

export function deleteRows(relation: Relation, rows: Row[]): Statement {
  const params = new Params();
  const list = rows.map((row) => `(${isRow(relation, row, params, true)})`);
  return { query: `delete from ${from(relation)} where ${list.join(" or ")}${returning(relation)}`, params: params.values };
}

/** Deletes all that a filter shows, but for some. */
export function deleteShown(relation: Relation, filter: Group | undefined, except: string[]): Statement {
  const params = new Params();
  const parts = [conditionOf(filter, relation.columns, params), ...except.map((text) => `not (${keyIs(parseKey(text) ?? [], params)})`)].filter(Boolean);
  return { query: `delete from ${from(relation)}${parts.length > 0 ? ` where ${parts.join(" and ")}` : ""}`, params: params.values };
}

/** The values of a row that can be written again: not those that are computed. */
export function writable(relation: Relation, row: Row): Values {
  const out: Values = {};
  relation.columns.forEach((column, index) => {
    if (!isComputed(column)) out[column.name] = row.values[index] ?? null;
  });
  return out;
}

/** The values of a copy: what tells rows apart comes from defaults. Undefined when there is none for it. */
export function copyOf(relation: Relation, row: Row): { values: Values; complete: boolean } {
  const values = writable(relation, row);
  let complete = true;
  for (const column of relation.columns) {
    const key = relation.key.by === "columns" && relation.key.columns.includes(column.name);
    if (!key && !column.identity) continue;
    delete values[column.name];
    if (key && !column.identity && column.default === null) complete = false;
  }
  return { values, complete };
}
