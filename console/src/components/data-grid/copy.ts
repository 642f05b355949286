import { asText } from "@/components/data-grid/value";

/** Cells between tabs, as spreadsheets paste them. A single cell is copied as it is. */
export function tsv(cells: readonly (readonly unknown[])[]): string {
  if (cells.length === 1 && cells[0]!.length === 1) return asText(cells[0]![0]);
  return cells.map((row) => row.map(field).join("\t")).join("\n");
}

function field(value: unknown): string {
  const text = asText(value);
  return /["\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Comma-separated, as programs read it. */
export function csv(columns: readonly string[], rows: readonly (readonly unknown[])[]): string {
  return [columns, ...rows].map((row) => row.map(csvField).join(",")).join("\n");
}

function csvField(value: unknown): string {
  const text = asText(value);
  return /[",\r\n]/.test(text) || value === "" ? `"${text.replaceAll('"', '""')}"` : text;
}
