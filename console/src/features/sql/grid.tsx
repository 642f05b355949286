import { useState, type KeyboardEvent } from "react";
import { CopyButton } from "@/components/copy-button";
import { Sheet } from "@/components/ui/dialog";
import { cn } from "@/lib/cn";
import type { Column, Result } from "@/lib/meta";

const numeric = /^(smallint|integer|bigint|int[248]|numeric|real|double precision|float[48]|oid|money)/;
// More than this are not drawn: a browser would stall. The copy has them all.
const drawn = 1000;

/** The rows of one statement. Arrows move, Enter opens the whole value. */
export function Grid({ result }: { result: Result }) {
  const [open, setOpen] = useState<{ column: Column; value: unknown }>();
  const rows = result.rows.slice(0, drawn);
  function onKeyDown(event: KeyboardEvent<HTMLTableElement>) {
    const cell = (event.target as HTMLElement).closest("td");
    if (!cell?.dataset.row) return;
    const [row, column] = [Number(cell.dataset.row), Number(cell.dataset.column)];
    const steps: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key];
    if (event.key === "Enter") setOpen({ column: result.columns[column]!, value: rows[row]?.[column] });
    else if (step) focusCell(event.currentTarget, row + step[0], column + step[1]);
    else return;
    event.preventDefault();
  }
  return (
    <>
      <div className="h-full overflow-auto">
        <table className="border-separate border-spacing-0 text-sm" onKeyDown={onKeyDown} role="grid" aria-label="Result">
          <thead className="sticky top-0 z-10 bg-surface">
            <tr>
              <th className="h-8 w-10 border-r border-b border-border px-2" aria-label="Row number" />
              {result.columns.map((column, index) => (
                <th key={index} scope="col" className="h-8 border-r border-b border-border px-3 text-left text-xs font-medium whitespace-nowrap">
                  {column.name} <span className="font-mono font-normal text-faint">{column.type}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, rowIndex) => (
              <tr key={rowIndex} className="hover:bg-hover/60">
                <td className="border-r border-b border-border px-2 text-right font-mono text-xs text-faint tabular-nums">{rowIndex + 1}</td>
                {result.columns.map((column, columnIndex) => (
                  <td
                    key={columnIndex}
                    data-row={rowIndex}
                    data-column={columnIndex}
                    tabIndex={rowIndex === 0 && columnIndex === 0 ? 0 : -1}
                    onDoubleClick={() => setOpen({ column, value: row[columnIndex] })}
                    className={cn(
                      "h-8 max-w-96 truncate border-r border-b border-border px-3 font-mono text-xs focus-visible:-outline-offset-2",
                      numeric.test(column.type) && "text-right tabular-nums",
                    )}
                  >
                    <Value value={row[columnIndex]} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {result.rows.length > drawn && <p className="px-3 py-2 text-xs text-muted">The first {drawn} rows are shown. Copying takes all {result.rows.length}.</p>}
      </div>
      <Sheet open={Boolean(open)} onOpenChange={() => setOpen(undefined)} title={open?.column.name ?? ""} description={open?.column.type}>
        {open && (
          <>
            <CopyButton value={asText(open.value)} what="value" label="Copy" className="mb-2" />
            <pre className="rounded-md border border-border bg-surface p-3 font-mono text-xs break-words whitespace-pre-wrap">{whole(open.value)}</pre>
          </>
        )}
      </Sheet>
    </>
  );
}

function focusCell(table: HTMLTableElement, row: number, column: number) {
  table.querySelector<HTMLElement>(`td[data-row="${row}"][data-column="${column}"]`)?.focus();
}

function Value({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <span className="text-faint italic">null</span>;
  if (value === "") return <span className="text-faint italic">empty</span>;
  return asText(value);
}

function asText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function whole(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "object") return JSON.stringify(value, null, 2);
  try {
    const parsed: unknown = typeof value === "string" && /^[[{]/.test(value) ? JSON.parse(value) : undefined;
    if (parsed && typeof parsed === "object") return JSON.stringify(parsed, null, 2);
  } catch {
    // not JSON: as it is
  }
  return String(value);
}

/** Comma-separated, as spreadsheets read it. */
export function csv(result: Result): string {
  return [result.columns.map((column) => csvField(column.name)), ...result.rows.map((row) => row.map(csvField))].map((row) => row.join(",")).join("\n");
}

function csvField(value: unknown): string {
  const text = asText(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
