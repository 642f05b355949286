import { describe, expect, it } from "vitest";
import { pivot } from "@/components/chart/pivot";
import { full, merge, summary, ticks, valueTicks } from "@/components/chart/series";

const time = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));

describe("merge", () => {
  it("puts series beside each other by time, and leaves holes", () => {
    const rows = merge([
      { name: "a", points: [{ time: time(2), value: 2 }, { time: time(1), value: 1 }] },
      { name: "b", points: [{ time: time(2), value: null }, { time: time(3), value: 3 }] },
    ]);
    expect(rows.map((row) => row.values)).toEqual([[1, null], [2, null], [null, 3]]);
  });
});

describe("summary", () => {
  it("names the highest and the last value, and says when there is none", () => {
    const text = summary("Requests", [{ name: "rest", points: [{ time: time(1), value: 7 }, { time: time(2), value: 3 }] }, { name: "auth", points: [] }], "count");
    expect(text).toMatch(/^Requests\. rest: highest 7 at 1 Jan 2026.*, last 3\. auth: nothing\./);
  });
});

describe("ticks", () => {
  it("are few, within the range, and of equal distance below a day", () => {
    for (const hours of [1, 6, 24, 24 * 7, 24 * 30, 24 * 400]) {
      const [from, to] = [Date.UTC(2026, 2, 20, 7, 13), Date.UTC(2026, 2, 20, 7 + hours, 13)];
      const marks = ticks(from, to, 6);
      expect(marks.length).toBeGreaterThan(1);
      expect(marks.length).toBeLessThanOrEqual(8);
      expect(marks.every((at) => at >= from && at <= to)).toBe(true);
    }
  });
});

describe("valueTicks", () => {
  it.each([
    [0, 1950, true, [0, 1000, 2000]],
    [0, 24, true, [0, 10, 20, 30]],
    [0, 171.3, false, [0, 50, 100, 150, 200]],
    [0, 1, true, [0, 1]],
    [0, 0, false, [0, 0.5, 1]],
    [-3, 7, true, [-5, 0, 5, 10]],
    [0, 0.004, false, [0, 0.002, 0.004]],
  ])("of %s to %s are round", (low, high, whole, marks) => expect(valueTicks(low, high, whole)).toEqual(marks));
});

const axis = (values: unknown[]) => pivot(values.map((x) => ({ x, y: 1 })), { x: "x", y: ["y"], merged: true }).axis;

describe("pivot", () => {
  it("knows times, numbers and names apart", () => {
    expect(axis(["2026-01-01", "2026-01-02 10:00:00+00"])).toBe("time");
    expect(axis(["1", 2, 3n])).toBe("number");
    expect(axis(["1", "two"])).toBe("name");
    expect(axis([])).toBe("name");
  });
  it("makes a series of each value of a group, and leaves what is no number", () => {
    const rows = [
      { day: "b", kind: "x", n: "1" },
      { day: "a", kind: "y", n: 2 },
      { day: "b", kind: null, n: "many" },
      { day: "b", kind: "y", n: 3 },
    ];
    const shape = pivot(rows, { x: "day", y: ["n"], group: "kind", merged: true });
    expect(shape.names).toEqual(["x", "y"]);
    expect(shape.rows.map((row) => [shape.text(row.at), ...row.values])).toEqual([["b", 1, 3], ["a", null, 2]]);
  });
  it("draws a bounded number of series, and says so", () => {
    const rows = Array.from({ length: 40 }, (_, n) => ({ x: 1, n, g: `g${n}` }));
    const shape = pivot(rows, { x: "x", y: ["n"], group: "g", merged: true });
    expect(shape.names).toHaveLength(12);
    expect(shape.left).toContain("The first 12 series are drawn of 40.");
  });
  it("keeps scattered points of one x apart", () => {
    expect(pivot([{ x: 1, y: 1 }, { x: 1, y: 2 }], { x: "x", y: ["y"], merged: false }).rows).toHaveLength(2);
  });
});

describe("full", () => {
  it("names its unit", () => {
    expect([full(1234.5, "count"), full(2.34, "ms"), full(1500, "ms"), full(12.345, "percent"), full(2500, "bytes"), full(null, "ms")]).toEqual([
      "1,234.5", "2.3 ms", "1.5 s", "12.35%", "2.5 kB (2,500 bytes)", "—",
    ]);
  });
});
