import { csv } from "@/components/data-grid/copy";
import type { Result } from "@/lib/meta";

export type Format = "csv" | "json" | "markdown";

export const formats: { format: Format; name: string; type: string; ending: string }[] = [
  { format: "csv", name: "CSV", type: "text/csv", ending: "csv" },
  { format: "json", name: "JSON", type: "application/json", ending: "json" },
  { format: "markdown", name: "Markdown", type: "text/markdown", ending: "md" },
];

/** The rows of a result as a text. */
export function exported(result: Result, format: Format): string {
  if (format === "csv") return csv(names(result), result.rows);
  return format === "json" ? json(result) : markdown(result);
}

const names = (result: Result) => result.columns.map((column) => column.name);

/** An object for each row. Of columns of one name, the later ones are numbered. */
function json(result: Result): string {
  const keys = unique(names(result));
  return JSON.stringify(
    result.rows.map((row) => Object.fromEntries(keys.map((key, at) => [key, row[at] ?? null]))),
    null,
    2,
  );
}

/** Names by which each column is found, also where the statement gave two the same. */
export function unique(list: string[]): string[] {
  const taken = new Set(list);
  const seen = new Set<string>();
  return list.map((name) => {
    let own = name;
    for (let n = 2; seen.has(own) || (own !== name && taken.has(own)); n += 1) own = `${name}_${n}`;
    seen.add(own);
    return own;
  });
}

const line = (cells: string[]) => `| ${cells.join(" | ")} |`;

function markdown(result: Result): string {
  const numeric = result.columns.map((column) => /^(smallint|integer|bigint|int[248]|numeric|real|double precision|float[48]|oid|money)/.test(column.type));
  return [line(names(result).map(cell)), line(numeric.map((each) => (each ? "---:" : "---"))), ...result.rows.map((row) => line(row.map(cell)))].join("\n");
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.replaceAll("\\", "\\\\").replaceAll("|", "\\|").replaceAll(/\r\n|\r|\n/g, "<br>");
}
