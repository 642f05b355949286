import { bytes, count, exactly, took } from "@/lib/format";

export type Unit = "count" | "bytes" | "ms" | "percent";

export interface Point {
  time: Date;
  /** null where nothing was measured: the line is broken there. */
  value: number | null;
}

export interface Series {
  name: string;
  points: Point[];
  kind?: "line" | "area" | "bar";
}

/** One place on the x axis, and each series' value there. */
export interface Reading {
  at: number;
  values: (number | null)[];
}

/** The series beside each other, by time. */
export function merge(series: Series[]): Reading[] {
  const byTime = new Map<number, Reading>();
  series.forEach(({ points }, index) => {
    for (const { time, value } of points) {
      const at = time.getTime();
      let reading = byTime.get(at);
      if (!reading) byTime.set(at, (reading = { at, values: series.map(() => null) }));
      reading.values[index] = value;
    }
  });
  return [...byTime.values()].toSorted((one, other) => one.at - other.at);
}

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });

/** For axes: short. */
export function short(value: number, unit: Unit): string {
  if (unit === "bytes") return bytes(value).replace("bytes", "B");
  if (unit === "ms") return took(value);
  if (unit === "percent") return `${fine.format(value)}%`;
  return compact.format(value);
}

/** For a single value: exact as far as anybody wants to know. */
export function full(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined) return "—";
  if (unit === "bytes") return value < 1000 ? bytes(value) : `${bytes(value)} (${count(Math.round(value))} bytes)`;
  if (unit === "ms") return value < 10 ? `${fine.format(Number(value.toFixed(1)))} ms` : took(value);
  if (unit === "percent") return `${fine.format(Number(value.toFixed(2)))}%`;
  return fine.format(value);
}

/** What a screen reader says first: the chart's name, and each series' highest and latest value. */
export function summary(label: string, series: Series[], unit: Unit): string {
  const parts = series.map(({ name, points }) => {
    const known = points.filter((point): point is { time: Date; value: number } => point.value !== null);
    if (known.length === 0) return `${name}: nothing`;
    const highest = known.reduce((best, point) => (point.value > best.value ? point : best));
    return `${name}: highest ${full(highest.value, unit)} at ${exactly(highest.time)}, last ${full(known.at(-1)!.value, unit)}`;
  });
  return `${label}. ${parts.join(". ")}. Arrow keys read the values.`;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const steps = [minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day, 30 * day, 90 * day, 365 * day];

/** Where the time axis is marked: full minutes, hours or days of the reader's own zone. */
export function ticks(from: number, to: number, most: number): number[] {
  const step = steps.find((each) => (to - from) / each <= most) ?? (to - from) / most;
  const out: number[] = [];
  const midnight = new Date(from).setHours(0, 0, 0, 0);
  if (step < day) {
    for (let at = midnight + Math.ceil((from - midnight) / step) * step; at <= to; at += step) out.push(at);
    return out;
  }
  // By the calendar, since days of a change of clocks are not of 24 hours.
  const date = new Date(midnight);
  for (; date.getTime() <= to; date.setDate(date.getDate() + Math.round(step / day))) if (date.getTime() >= from) out.push(date.getTime());
  return out;
}

/** Where the value axis is marked: round numbers from under the lowest to over the highest, three or four steps of them. */
export function valueTicks(low: number, high: number, whole = false): number[] {
  if (low === high) high = low + 1;
  const rough = (high - low) / 3.5;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough)!;
  if (whole) step = Math.max(1, Math.ceil(step));
  const out: number[] = [];
  for (let n = Math.floor(low / step); n < Math.ceil(high / step) + 1; n += 1) out.push(Number((n * step).toPrecision(12)));
  return out;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dayAndMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const monthAndYear = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric" });

/** The words of a mark: the clock, the day, or the month, as the range needs. */
export function tickText(at: number, range: number): string {
  const date = new Date(at);
  if (range > 400 * day) return monthAndYear.format(date);
  if (range > 2.5 * day || (date.getHours() === 0 && date.getMinutes() === 0)) return dayAndMonth.format(date);
  return clock.format(date);
}

/** The reader's zone: "Europe/Berlin". */
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
