import { kindOf } from "@/features/tables/kind";
import type { Row } from "@/features/tables/read";
import type { CatalogColumn } from "@/lib/catalog";
import { ident, literal } from "@/lib/pg";

/** Rows as JSON, one alone without brackets. Numbers stay as exact as they were. */
export function asJson(columns: CatalogColumn[], rows: Row[]): string {
  const objects = rows.map((row) => {
    const fields = columns.map((column, at) => `  ${JSON.stringify(column.name)}: ${jsonValue(column, row.values[at] ?? null)}`);
    return `{\n${fields.join(",\n")}\n}`;
  });
  return objects.length === 1 ? objects[0]! : `[\n${objects.join(",\n")}\n]`;
}

function jsonValue(column: CatalogColumn, value: string | null): string {
  if (value === null) return "null";
  const kind = kindOf(column);
  if (kind === "json") return value;
  if (kind === "boolean") return String(value === "true" || value === "t");
  if (kind === "number" && column.base_type !== "money" && /^-?(0|[1-9]\d*)(\.\d+)?(e[-+]?\d+)?$/i.test(value)) return value;
  return JSON.stringify(value);
}

/** Rows as a statement that inserts them. */
export function asInsert(table: string, columns: string[], rows: (string | null)[][]): string {
  if (rows.length === 0) return "";
  const tuples = rows.map((row) => `(${row.map((value) => (value === null ? "null" : literal(value))).join(", ")})`);
  return `insert into ${table} (${columns.map(ident).join(", ")}) values\n  ${tuples.join(",\n  ")};\n`;
}
