import { describe, expect, it } from "vitest";
import { rangeBetween, spotAfter, types } from "@/components/data-grid/keys";

const press = (key: string, ctrlKey = false) => ({ key, ctrlKey, metaKey: false });
const bounds = { rows: 100, columns: 4, page: 20 };

describe("keys lead", () => {
  it.each([
    ["ArrowDown", false, { row: 5, at: 2 }, { row: 6, at: 2 }],
    ["ArrowDown", true, { row: 5, at: 2 }, { row: 99, at: 2 }],
    ["ArrowUp", false, { row: 0, at: 2 }, { row: -1, at: 2 }],
    ["ArrowUp", true, { row: 50, at: 2 }, { row: 0, at: 2 }],
    ["ArrowRight", false, { row: 5, at: 3 }, { row: 5, at: 3 }],
    ["ArrowLeft", true, { row: 5, at: 3 }, { row: 5, at: 0 }],
    ["Home", true, { row: 50, at: 3 }, { row: 0, at: 0 }],
    ["End", false, { row: 50, at: 0 }, { row: 50, at: 3 }],
    ["PageDown", false, { row: 90, at: 0 }, { row: 99, at: 0 }],
    ["PageUp", false, { row: 5, at: 0 }, { row: 0, at: 0 }],
  ])("%s (control: %s)", (key, control, from, to) => expect(spotAfter(press(key, control), from, bounds)).toEqual(to));
  it("nowhere in an empty grid but its header", () => expect(spotAfter(press("ArrowDown"), { row: -1, at: 0 }, { ...bounds, rows: 0 })).toEqual({ row: -1, at: 0 }));
  it("nowhere by other keys", () => expect(spotAfter(press("a"), { row: 0, at: 0 }, bounds)).toBeUndefined());
});

it("spans a range from either corner", () => {
  expect(rangeBetween({ row: 5, at: 3 }, { row: 2, at: 1 })).toEqual({ top: 2, bottom: 5, left: 1, right: 3 });
  expect(rangeBetween({ row: -1, at: 0 }, { row: 2, at: 1 })).toEqual({ top: 0, bottom: 2, left: 0, right: 1 });
});

it("knows what types something", () => {
  expect(types(press("ü"))).toBe(true);
  expect(types(press("F2"))).toBe(false);
  expect(types(press("c", true))).toBe(false);
});
