import { describe, expect, it } from "vitest";
import { filled, ranges, spanOf, sum } from "@/features/project/activity/range";

const now = Date.UTC(2026, 4, 1, 12, 7, 30);

describe("spanOf", () => {
  it("ends at the step that runs, and is as long as it says", () => {
    for (const { id, length, step } of ranges) {
      const { from, to } = spanOf(id, now);
      expect(to.getTime()).toBeGreaterThan(now);
      expect(to.getTime() - now).toBeLessThanOrEqual(step * 1000);
      expect(to.getTime() - from.getTime()).toBe(length * 1000);
      expect(length / step).toBeLessThanOrEqual(500);
    }
  });
  it("holds still within a step", () => {
    expect(spanOf("24h", now)).toEqual(spanOf("24h", now + 7 * 60_000));
    expect(spanOf("24h", now)).not.toEqual(spanOf("24h", now + 8 * 60_000));
  });
  it("goes on when a step is full", () => {
    const full = Date.UTC(2026, 4, 1, 12);
    expect(spanOf("1h", full).to.getTime()).toBe(full + 60_000);
  });
});

describe("filled", () => {
  it("has every step until now", () => {
    const span = spanOf("1h", now);
    const points = filled([{ time: new Date(Date.UTC(2026, 4, 1, 12, 6)), value: 3 }], span, now, 0);
    expect(points).toHaveLength(60);
    expect(points.at(-1)).toEqual({ time: new Date(Date.UTC(2026, 4, 1, 12, 7)), value: 0 });
    expect(points.at(-2)!.value).toBe(3);
    expect(filled([], span, now - 30 * 60_000, null).every(({ value }) => value === null)).toBe(true);
    expect(filled([], span, now - 30 * 60_000, null)).toHaveLength(30);
  });
});

describe("sum", () => {
  it("adds", () => expect(sum([{ value: 1 }, { value: 2 }])).toBe(3));
});
