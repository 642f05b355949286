import type { Reading } from "@/components/chart/series";
import { counted, exactly } from "@/lib/format";

export interface Shape {
  axis: "time" | "number" | "name";
  names: string[];
  rows: Reading[];
  /** What a place on the x axis is called. */
  text: (at: number) => string;
  /** Says what was not drawn. */
  left?: string;
}

interface Choice {
  x: string;
  y: string[];
  group?: string;
  /** Rows of one x stand as one, and the last of a series counts. Not for scattered points. */
  merged: boolean;
}

const mostSeries = 12;
const mostRows = 2_000;

/** Makes series of rows. What does not read as a number is not drawn. */
export function pivot(rows: readonly Record<string, unknown>[], { x, y, group, merged }: Choice): Shape {
  const axis = axisOf(rows, x);
  const places: string[] = [];
  const placeOf = new Map<string, number>();
  const indexOf = new Map<string, number>();
  const byPlace = new Map<number, Reading>();
  const out: Reading[] = [];
  const leftNames = new Set<string>();
  for (const row of rows) {
    const at = position(row[x]);
    if (at === undefined) continue;
    let reading = merged ? byPlace.get(at) : undefined; // made with its first value
    for (const column of y) {
      const value = numberOf(row[column]);
      if (value === null) continue;
      const index = seriesOf(nameOf(row, column));
      if (index === undefined) continue;
      if (!reading) {
        reading = { at, values: [] };
        byPlace.set(at, reading);
        out.push(reading);
      }
      reading.values[index] = value;
    }
  }
  const names = [...indexOf.keys()];
  for (const reading of out) reading.values = names.map((_, index) => reading.values[index] ?? null);
  if (axis !== "name") out.sort((one, other) => one.at - other.at);
  const drawn = out.slice(0, mostRows);
  const leftSeries = leftNames.size;
  const notes = [
    leftSeries > 0 && `The first ${names.length} series are drawn of ${names.length + leftSeries}.`,
    out.length > drawn.length && `The first ${counted(drawn.length, "point")} are drawn of ${counted(out.length, "point")}.`,
  ].filter(Boolean);
  return { axis, names, rows: drawn, text: textOf, left: notes.join(" ") || undefined };

  function position(value: unknown): number | undefined {
    if (axis === "time") return value === null || value === undefined ? undefined : new Date(value as string).getTime();
    if (axis === "number") return numberOf(value) ?? undefined;
    const name = words(value);
    let at = placeOf.get(name);
    if (at === undefined) {
      placeOf.set(name, (at = places.length));
      places.push(name);
    }
    return at;
  }

  function nameOf(row: Record<string, unknown>, column: string): string {
    if (!group) return column;
    return y.length > 1 ? `${words(row[group])} · ${column}` : words(row[group]);
  }

  function seriesOf(name: string): number | undefined {
    const known = indexOf.get(name);
    if (known !== undefined) return known;
    if (indexOf.size === mostSeries) return void leftNames.add(name);
    indexOf.set(name, indexOf.size);
    return indexOf.size - 1;
  }

  function textOf(at: number): string {
    if (axis === "time") return exactly(new Date(at));
    return axis === "number" ? String(at) : (places[at] ?? "");
  }
}

function axisOf(rows: readonly Record<string, unknown>[], x: string): Shape["axis"] {
  const known = rows.map((row) => row[x]).filter((value) => value !== null && value !== undefined && value !== "");
  if (known.length === 0) return "name";
  if (known.every((value) => numberOf(value) !== null)) return "number";
  return known.every(isTime) ? "time" : "name";
}

/** As Postgres writes dates and timestamps, or a Date. */
function isTime(value: unknown): boolean {
  if (value instanceof Date) return true;
  return typeof value === "string" && /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d|$)/.test(value) && !Number.isNaN(new Date(value).getTime());
}

function numberOf(value: unknown): number | null {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string") return value.trim() === "" ? null : finite(Number(value));
  return typeof value === "number" ? finite(value) : null;
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

function words(value: unknown): string {
  if (value === null || value === undefined) return "NULL";
  if (value instanceof Date) return exactly(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value as string);
}
