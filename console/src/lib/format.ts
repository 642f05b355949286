import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampDate } from "@bufbuild/protobuf/wkt";

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** For lists: "3 minutes ago". */
export function ago(date: Date, now = Date.now()): string {
  const seconds = (date.getTime() - now) / 1000;
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return seconds > 5 ? "in a moment" : "just now";
}

/** With zone: "22 Nov 2026, 20:44:42 UTC". */
export const exactly = (date: Date): string => absolute.format(date);
export const dayOf = (date: Date): string => day.format(date);

export function dateOf(timestamp: Timestamp | undefined): Date | undefined {
  return timestamp ? timestampDate(timestamp) : undefined;
}

/** How long something took: "340 ms", "2.1 s". */
export function took(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
}

const number = new Intl.NumberFormat("en");
export const count = (n: number | bigint): string => number.format(n);

/** "1 row", "12 rows". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${number.format(n)} ${n === 1 ? one : many}`;
}

/** Decimal units, as disks and networks are sold: "5 GB". */
export function bytes(n: number | bigint): string {
  let size = Number(n);
  for (const unit of ["bytes", "kB", "MB", "GB"]) {
    if (size < 1000) return `${Number(size.toFixed(1))} ${unit}`;
    size /= 1000;
  }
  return `${Number(size.toFixed(1))} TB`;
}

/** Shortens an id in the middle. */
export function shorten(id: string, keep = 6): string {
  return id.length <= keep * 2 + 1 ? id : `${id.slice(0, keep)}…${id.slice(-4)}`;
}
