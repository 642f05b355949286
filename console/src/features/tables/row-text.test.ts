import { expect, it } from "vitest";
import { asInsert, asJson } from "@/features/tables/row-text";

const column = (name: string, base_type: string) => ({ name, base_type, array: false, kind: "b" }) as never;
const row = (...values: (string | null)[]) => ({ values, key: "id.1", version: "1", cut: new Set<number>() });

it("writes rows as JSON without losing digits", () => {
  const columns = [column("id", "int8"), column('a "b"', "text"), column("doc", "jsonb"), column("ok", "bool"), column("f", "float8")];
  const text = asJson(columns, [row("9007199254740993", "x\ny", '{"a": 1}', "true", "NaN")]);
  expect(text).toBe('{\n  "id": 9007199254740993,\n  "a \\"b\\"": "x\\ny",\n  "doc": {"a": 1},\n  "ok": true,\n  "f": "NaN"\n}');
  expect(JSON.parse(asJson(columns, [row("1", null, null, "f", "1e3"), row("2", "", null, null, null)]))).toEqual([
    { id: 1, 'a "b"': null, doc: null, ok: false, f: 1000 },
    { id: 2, 'a "b"': "", doc: null, ok: null, f: null },
  ]);
});

it("writes rows as SQL", () => {
  expect(asInsert('public."Order"', ["id", "na me"], [["1", "it's"], ["2", null], ["3", "a\\b"]])).toBe(
    `insert into public."Order" (id, "na me") values\n  ('1', 'it''s'),\n  ('2', null),\n  ('3', E'a\\\\b');\n`,
  );
  expect(asInsert("t", ["a"], [])).toBe("");
});
