import { describe, expect, it } from "vitest";
import { extentOf, moved, revealing, rowHeight, rowsIn, settled, tallest } from "@/components/data-grid/scroll";

describe("a list that fits", () => {
  const extent = extentOf(1000, 600);
  it("is laid out as it is", () => {
    expect(extent.laid).toBe(32_000);
    expect(moved({ scroll: 0, top: 0 }, 20_000, extent)).toEqual({ scroll: 20_000, top: 20_000 });
    expect(settled(20_000, extent)).toEqual({ scroll: 20_000, top: 20_000 });
  });
  it("is never scrolled beyond its end", () => {
    expect(settled(1e9, extent).top).toBe(32_000 - 600);
    expect(settled(-5, extent).top).toBe(0);
  });
});

describe("a million rows", () => {
  const extent = extentOf(1_000_000, 640);
  const lowest = 1_000_000 * rowHeight - 640;
  it("is laid out no taller than browsers can", () => expect(extent.laid).toBe(tallest));
  it("moves by pixels with the wheel", () => expect(moved({ scroll: 500, top: 9000 }, 620, extent)).toEqual({ scroll: 620, top: 9120 }));
  it("moves by share with the bar", () => {
    const half = moved({ scroll: 0, top: 0 }, (tallest - 640) / 2, extent);
    expect(Math.abs(half.top - lowest / 2)).toBeLessThan(1);
  });
  it("reaches both ends", () => {
    expect(moved({ scroll: tallest - 1000, top: 5_000 }, tallest - 640, extent).top).toBe(lowest);
    expect(moved({ scroll: 100, top: 5_000 }, 0, extent).top).toBe(0);
    expect(rowsIn(lowest, 640, 1_000_000, 8).last).toBe(1_000_000);
  });
  it("puts the bar where it belongs afterwards", () => {
    const place = settled(lowest / 4, extent);
    expect(Math.abs(place.scroll - (tallest - 640) / 4)).toBeLessThan(1);
    expect(place.top).toBe(lowest / 4);
  });
});

it("draws rows in view and some beyond", () => {
  expect(rowsIn(3200, 320, 1000, 5)).toEqual({ first: 95, last: 115 });
  expect(rowsIn(0, 320, 3, 5)).toEqual({ first: 0, last: 3 });
  expect(rowsIn(99_999, 320, 0, 5)).toEqual({ first: 0, last: 0 });
});

it("moves just as far as a row takes to be seen", () => {
  expect(revealing(0, 100, 320)).toBe(0);
  expect(revealing(5, 100, 320)).toBe(100);
  expect(revealing(20, 100, 320)).toBe(21 * rowHeight - 320);
});
