import { useSyncExternalStore } from "react";
import { read, type Preview } from "@/features/tables/import/source";
import type { Meta } from "@/lib/meta";

/** What is imported, and how. */
export interface Order {
  /** Of the project. */
  ref: string;
  file: File;
  preview: Pick<Preview, "reading" | "fields">;
  schema: string;
  table: string;
  /** For each field the column that it goes to; none for those that are left out. */
  mapping: (string | undefined)[];
  onConflict: "error" | "skip" | "update";
  keepGood: boolean;
  /** Checks, and keeps nothing. */
  dryRun: boolean;
}

/** A row that was refused. */
export interface RefusedRow {
  /** As spreadsheets count: the header is row 1. */
  row: number;
  column: string | null;
  code: string;
  message: string;
  values: (string | null)[];
}

export interface Job extends Order {
  state: "running" | "done" | "stopped" | "failed" | "cancelled";
  bytes: number;
  rows: number;
  inserted: number;
  failed: number;
  refused: RefusedRow[];
  error?: unknown;
  startedAt: number;
  endedAt?: number;
}

/** Of refused rows so many are kept to be looked at. */
const keptRows = 5000;
/** How many rows, and how many letters, go in one part at most. */
const partRows = 5000;
const partLetters = 800_000;

let job: Job | undefined;
let abort: AbortController | undefined;
const listeners = new Set<() => void>();

function set(next: Job | undefined) {
  job = next;
  for (const each of listeners) each();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** The import that runs or ran last, whatever page is open. */
export const useImportJob = (): Job | undefined => useSyncExternalStore(subscribe, () => job);

export const isRunning = (): boolean => job?.state === "running";

export const cancelImport = (): void => abort?.abort();

export function forgetImport(): void {
  if (!isRunning()) set(undefined);
}

/** Imports a file part by part. Answers when it is over; it goes on while other pages are open. */
export async function startImport(meta: Meta, order: Order): Promise<Job> {
  if (isRunning()) throw new Error("Another file is being imported. Wait until it is done, or cancel it.");
  abort = new AbortController();
  const { signal } = abort;
  set({ ...order, state: "running", bytes: 0, rows: 0, inserted: 0, failed: 0, refused: [], startedAt: Date.now() });
  window.addEventListener("beforeunload", warn);
  try {
    for await (const part of read(order.file, order.preview)) {
      if (!(await send(meta, order, part.rows, signal))) {
        set({ ...job!, state: "stopped", endedAt: Date.now() });
        break;
      }
      set({ ...job!, bytes: part.bytes });
    }
    if (job!.state === "running") set({ ...job!, state: "done", endedAt: Date.now() });
  } catch (error) {
    set({ ...job!, state: signal.aborted ? "cancelled" : "failed", error: signal.aborted ? undefined : error, endedAt: Date.now() });
  } finally {
    window.removeEventListener("beforeunload", warn);
  }
  return job!;
}

function warn(event: BeforeUnloadEvent) {
  event.preventDefault();
}

/** Sends rows in parts that a request holds. False when a refused row ends the import. */
async function send(meta: Meta, order: Order, rows: (string | null)[][], signal: AbortSignal): Promise<boolean> {
  const fields = order.mapping.flatMap((column, at) => (column === undefined ? [] : [{ column, at }]));
  for (const [from, to] of parts(rows)) {
    signal.throwIfAborted();
    const part = rows.slice(from, to);
    const answer = await meta.importRows(
      {
        schema: order.schema,
        table: order.table,
        columns: fields.map(({ column }) => column),
        rows: part.map((row) => fields.map(({ at }) => row[at] ?? null)),
        on_conflict: order.onConflict,
        keep_good: order.keepGood || order.dryRun,
        dry_run: order.dryRun,
      },
      signal,
    );
    const before = job!.rows + (order.preview.reading.header ? 2 : 1);
    // Copied, since a value read from a file holds all of the piece that it was cut from.
    const refused = answer.errors.map(({ row, ...rest }): RefusedRow => ({ ...rest, row: before + row, values: structuredClone(part[row] ?? []) }));
    set({ ...job!, rows: job!.rows + part.length, inserted: job!.inserted + answer.inserted, failed: job!.failed + answer.failed, refused: [...job!.refused, ...refused].slice(0, keptRows) });
    if (answer.failed > 0 && !order.keepGood && !order.dryRun) return false;
  }
  return true;
}

/** Where parts begin and end. */
export function parts(rows: (string | null)[][]): [number, number][] {
  const out: [number, number][] = [];
  let from = 0;
  let letters = 0;
  for (let at = 0; at < rows.length; at += 1) {
    const size = rows[at]!.reduce((sum, value) => sum + (value?.length ?? 4) + 3, 0);
    if (at > from && (at - from >= partRows || letters + size > partLetters)) {
      out.push([from, at]);
      from = at;
      letters = 0;
    }
    letters += size;
  }
  if (rows.length > from) out.push([from, rows.length]);
  return out;
}
