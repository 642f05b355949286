import { expect, it } from "vitest";
import { asDefault } from "@/features/tables/change";
import { fieldsOf, newFields, rowSchema, written } from "@/features/tables/row-fields";

const column = (name: string, more = {}) => ({ name, base_type: "int4", array: false, kind: "b", nullable: true, default: null, identity: null, generated: false, values: null, ...more }) as never;
const columns = [column("id", { identity: "always", nullable: false }), column("a.b", { nullable: false }), column("n"), column("sum", { generated: true })];
const all = () => true;

it("begins a new row with defaults, or as a copy of another", () => {
  expect(newFields(columns).map((each) => each.mode)).toEqual(["default", "value", "null", "default"]);
  expect(newFields(columns, { "a.b": "7", n: null })).toEqual([{ mode: "default", text: "" }, { mode: "value", text: "7" }, { mode: "null", text: "" }, { mode: "default", text: "" }]);
});

it("writes only what is said, or what differs", () => {
  const fields = newFields(columns, { "a.b": "7" });
  expect(written(columns, fields, undefined, all)).toEqual({ "a.b": "7", n: null });
  const before = fieldsOf(columns, ["1", "2", null, "3"]);
  const after = before.with(2, { mode: "value", text: "" }).with(1, { mode: "default", text: "" });
  expect(written(columns, after, before, all)).toEqual({ "a.b": asDefault, n: "" });
  expect(written(columns, after, before, (name) => name === "n")).toEqual({ n: "" });
  expect(written(columns, before, before, all)).toEqual({});
});

it("shows JSON over several lines, but where somebody made lines, and writes none of that back", () => {
  const json = [column("doc", { base_type: "jsonb" }), column("raw", { base_type: "json" }), column("text", { base_type: "text" })];
  const before = fieldsOf(json, ['{"a": [1]}', '{"a":1,\n "a":2}', '{"a": 1}']);
  expect(before.map(({ text }) => text)).toEqual(['{\n  "a": [\n    1\n  ]\n}', '{"a":1,\n "a":2}', '{"a": 1}']);
  expect(written(json, [...before], before, all)).toEqual({});
});

it("tells which field is wrong", () => {
  const check = rowSchema(columns, (name) => name !== "sum");
  const wrong = check.safeParse({ fields: [{ mode: "null", text: "" }, { mode: "value", text: "x" }, { mode: "value", text: "5" }, { mode: "value", text: "not looked at" }] });
  expect(wrong.error?.issues.map((each) => each.path.join("."))).toEqual(["fields.0.text", "fields.1.text"]);
  expect(check.safeParse({ fields: newFields(columns, { "a.b": "1" }) }).success).toBe(true);
});
