import { describe, expect, it } from "vitest";
import { csv, tsv } from "@/components/data-grid/copy";
import { whole } from "@/components/data-grid/value";

it("copies one cell as it is", () => {
  expect(tsv([['a "b"\nc']])).toBe('a "b"\nc');
  expect(tsv([[null]])).toBe("");
});

it("copies cells for spreadsheets", () => {
  expect(tsv([["a", 1, null], ["x\ty", 'say "hi"', { a: [1] }]])).toBe('a\t1\t\n"x\ty"\t"say ""hi"""\t"{""a"":[1]}"');
});

it("tells empty from null in CSV", () => {
  expect(csv(["a", "b,c"], [["", null], ["x,y", 'q"']])).toBe('a,"b,c"\n"",\n"x,y","q"""');
});

describe("a whole value", () => {
  it("is JSON over several lines, with all that it says", () => {
    expect(whole('{"a": [1, 1.5]}')).toBe('{\n  "a": [\n    1,\n    1.5\n  ]\n}');
    expect(whole('{"a":9007199254740993,"a":2}')).toBe('{\n  "a": 9007199254740993,\n  "a": 2\n}');
    expect(whole("[not JSON]")).toBe("[not JSON]");
  });
});
