import { isGroup, operators, type Condition, type Group } from "@/features/tables/filter";
import { kindOf } from "@/features/tables/kind";
import type { CatalogColumn } from "@/lib/catalog";
import { ident } from "@/lib/pg";

/** Values that are sent beside a statement, which names them $1, $2 …. */
export class Params {
  readonly values: (string | null)[] = [];

  add(value: string | null): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** What a filter asks for, as a condition of SQL; undefined when it asks for nothing. */
export function conditionOf(filter: Group | undefined, columns: CatalogColumn[], params: Params): string | undefined {
  if (!filter) return undefined;
  const parts = filter.parts.flatMap((part) => (isGroup(part) ? (conditionOf(part, columns, params) ?? []) : [one(part, columns, params)]));
  if (parts.length === 0) return undefined;
  return parts.length === 1 ? parts[0] : `(${parts.join(` ${filter.join} `)})`;
}

/** Types without an operator = of their own. */
const incomparable = new Set(["json", "xml", "point", "polygon", "box", "line", "lseg", "path", "circle"]);
const texts = new Set(["text", "varchar", "bpchar", "citext", "name"]);

function one({ column: name, operator, values }: Condition, columns: CatalogColumn[], params: Params): string {
  const column = columns.find((each) => each.name === name);
  const plain = ident(name);
  const asText = column && !column.array && texts.has(column.base_type) ? plain : `${plain}::text`;
  const comparable = column && !column.array && incomparable.has(column.base_type) ? `${plain}::text` : plain;
  const value = (at = 0) => params.add(values[at] ?? "");
  const { sign } = operators[operator];
  switch (operator) {
    case "eq":
    case "neq":
    case "lt":
    case "lte":
    case "gt":
    case "gte":
      return `${comparable} ${sign} ${value()}`;
    case "between":
      return `${comparable} between ${value(0)} and ${value(1)}`;
    case "in":
      return values.length === 0 ? "false" : `${comparable} in (${values.map((each) => params.add(each)).join(", ")})`;
    case "like":
    case "ilike":
    case "match":
    case "imatch":
      return `${asText} ${sign} ${value()}`;
    case "null":
    case "notnull":
    case "true":
    case "false":
      return `${plain} ${sign}`;
    case "cs":
    case "cd":
    case "ov": {
      const set = column?.base_type === "json" && !column.array ? `${plain}::jsonb` : plain;
      return `${set} ${sign} ${params.add(asSet(column, values[0] ?? ""))}`;
    }
    case "fts":
      return column && kindOf(column) === "search" ? `${plain} @@ websearch_to_tsquery(${value()})` : `to_tsvector(${asText}) @@ websearch_to_tsquery(${value()})`;
  }
}

/** Arrays may be written without their braces. */
function asSet(column: CatalogColumn | undefined, value: string): string {
  return column?.array && !/^\s*(\[[^\]]*\]=)?\{/.test(value) ? `{${value}}` : value;
}
