import { quoted, Reader } from "@/features/tables/words";
import type { CatalogColumn, CatalogTable, Constraint } from "@/lib/catalog";

/** How a row is told from the others of its table. */
export type Key =
  | { by: "columns"; columns: string[] }
  /** By where it is stored: for tables without a key. It changes with every update. */
  | { by: "place" }
  /** By all that is seen of it: for views. */
  | { by: "values" }
  | { by: "nothing" };

export function keyOf(table: Pick<CatalogTable, "kind">, columns: CatalogColumn[], constraints: Constraint[]): Key {
  const nullable = new Set(columns.filter((each) => each.nullable).map((each) => each.name));
  const primary = constraints.find((each) => each.kind === "primary_key");
  const unique = constraints.find((each) => each.kind === "unique" && each.columns.length > 0 && !each.columns.some((name) => nullable.has(name)));
  const chosen = primary ?? unique;
  if (chosen) return { by: "columns", columns: chosen.columns };
  if (table.kind === "table") return { by: "place" };
  return { by: table.kind === "view" ? "values" : "nothing" };
}

/** A row's key as it stands in addresses: id.42 or ctid."(0,1)". */
export function formatKey(values: [column: string, value: string][]): string {
  return values.map(([column, value]) => `${quoted(column)}.${quoted(value)}`).join(",");
}

export function parseKey(text: string | undefined): [column: string, value: string][] | undefined {
  if (!text) return undefined;
  try {
    const reader = new Reader(text);
    const out: [string, string][] = [];
    do {
      const column = reader.word();
      reader.expect(".");
      out.push([column, reader.word()]);
    } while (reader.takes(","));
    return reader.done ? out : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
