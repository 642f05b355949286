import { describe, expect, it } from "vitest";
import { indented } from "@/lib/json-text";

describe("JSON over several lines", () => {
  it("stands as everybody writes it", () => {
    const value = { a: [1, "x, {y}: [z]\n\"", null, true, []], "b c": { d: {}, e: -1.5 } };
    expect(indented(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
    expect(indented(' [ ] ')).toBe("[]");
    expect(indented('"a"')).toBe('"a"');
  });
  it("loses nothing: keys that repeat, their order, digits, and how texts are spelt", () => {
    const text = String.raw`{"b":1,"2":1.0,"b":12345678901234567890,"c":"\u00e9\/","d":1E+400}`;
    expect(indented(text)).toBe(String.raw`{
  "b": 1,
  "2": 1.0,
  "b": 12345678901234567890,
  "c": "\u00e9\/",
  "d": 1E+400
}`);
  });
  it("is left as it is where it is no JSON", () => {
    for (const text of ["{a: 1}", "", '{"a":1', "hello"]) expect(indented(text)).toBe(text);
  });
});
