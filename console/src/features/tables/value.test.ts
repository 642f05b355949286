import { describe, expect, it } from "vitest";
import { formatArray, parseArray } from "@/features/tables/array";
import { begun } from "@/features/tables/begin";
import { faultIn, newUuid, now } from "@/features/tables/check";

describe("an array", () => {
  it.each([
    ["{}", []],
    ["{a,b}", ["a", "b"]],
    ['{"a b","c,d","e\\"f","g\\\\h",NULL,"NULL",""}', ["a b", "c,d", 'e"f', "g\\h", null, "NULL", ""]],
    ["{ 1 , 2 }", ["1", "2"]],
  ])("%s is read", (text, elements) => {
    expect(parseArray(text)).toEqual(elements);
    expect(parseArray(formatArray(elements))).toEqual(elements);
  });
  it.each(["{{1,2},{3,4}}", "a", "{a", '{"a}', "{a,}", "[0:1]={1,2}", "{,a}"])("%s is not taken apart", (text) => expect(parseArray(text)).toBeUndefined());
});

const column = (base_type: string, more = {}) => ({ base_type, array: false, kind: "b", values: null, ...more }) as never;

describe("a value", () => {
  it.each([
    ["int8", "12", true],
    ["int4", "1.5", false],
    ["numeric", "-1.5e3", true],
    ["numeric", "NaN", true],
    ["float8", "x", false],
    ["uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", true],
    ["uuid", "a0eebc99", false],
    ["jsonb", '{"a": 1}', true],
    ["jsonb", "{a}", false],
    ["bytea", "\\xDEad", true],
    ["bytea", "\\xabc", false],
    ["timestamptz", "infinity", true],
    ["timestamptz", " ", false],
    ["text", "", true],
  ])("of %s: %j is let through: %s", (type, text, good) => expect(faultIn(column(type), text) === undefined).toBe(good));
  it("of an enum is one of its own", () => {
    expect(faultIn(column("mood", { kind: "e", values: ["ok"] }), "ok")).toBeUndefined();
    expect(faultIn(column("mood", { kind: "e", values: ["ok"] }), "sad")).toBeDefined();
  });
  it("is made", () => {
    expect(faultIn(column("uuid"), newUuid())).toBeUndefined();
    const at = new Date("2026-11-23T10:20:30.456Z");
    expect([now(column("date"), at), now(column("timetz"), at), now(column("timestamp"), at), now(column("timestamptz"), at)]).toEqual(["2026-11-23", "10:20:30+00", "2026-11-23 10:20:30", "2026-11-23 10:20:30+00"]);
  });
});

describe("a key that is typed over a value", () => {
  const mood = { kind: "e", values: ["ok", "Happy", "happier"] };
  it.each([
    ["text", {}, "x", "x"],
    ["jsonb", {}, "{", "{"],
    ["bool", {}, "T", "true"],
    ["bool", {}, "0", "false"],
    ["bool", {}, "x", undefined],
    ["mood", mood, "h", "Happy"],
    ["mood", mood, "x", undefined],
    ["int4", { array: true }, "7", "{7}"],
    ["text", { array: true }, ",", '{","}'],
    ["text", { array: true }, "{", "{"],
    ["mood", { ...mood, array: true }, "o", "{ok}"],
    ["mood", { ...mood, array: true }, "x", undefined],
  ])("%s %j: %s begins %s", (type, more, key, value) => expect(begun(column(type, more), key)).toBe(value));
});
