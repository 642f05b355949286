/** The times that the charts of a project can show, and how far apart their points are. */
export const ranges = [
  { id: "1h", name: "1 hour", length: 60 * 60, step: 60 },
  { id: "24h", name: "24 hours", length: 24 * 60 * 60, step: 15 * 60 },
  { id: "7d", name: "7 days", length: 7 * 24 * 60 * 60, step: 2 * 60 * 60 },
  { id: "30d", name: "30 days", length: 30 * 24 * 60 * 60, step: 6 * 60 * 60 },
] as const;

export type RangeId = (typeof ranges)[number]["id"];
export const rangeIds = ranges.map(({ id }) => id) as [RangeId, ...RangeId[]];

/** A day; of a project that is younger, its last hour. */
export const usualRange = (created: Date | undefined, now = Date.now()): RangeId => (created && now - created.getTime() < 24 * 60 * 60_000 ? "1h" : "24h");

export interface Span {
  from: Date;
  to: Date;
  /** Seconds between two points. */
  step: number;
}

/** The range that ends now, at whole steps: it stays the same until the next one begins. */
export function spanOf(id: RangeId, now: number): Span {
  const { length, step } = ranges.find((each) => each.id === id)!;
  const to = Math.ceil((now + 1) / 1000 / step) * step;
  return { from: new Date((to - length) * 1000), to: new Date(to * 1000), step };
}

/** Every step of a span that has begun, with the value there. What was not counted is zero, and what was not measured is nothing. */
export function filled(points: { time: Date; value: number }[], { from, to, step }: Span, now: number, missing: 0 | null) {
  const known = new Map(points.map(({ time, value }) => [time.getTime(), value]));
  const out: { time: Date; value: number | null }[] = [];
  for (let at = from.getTime(); at < to.getTime() && at <= now; at += step * 1000) out.push({ time: new Date(at), value: known.get(at) ?? missing });
  return out;
}

export const sum = (points: { value: number }[]): number => points.reduce((total, { value }) => total + value, 0);
