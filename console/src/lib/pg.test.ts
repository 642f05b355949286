import { expect, test } from "vitest";
import { dollar, ident, literal, Names } from "@/lib/pg";

test.each([
  ["notes", "notes"],
  ["Notes", '"Notes"'],
  ["order", '"order"'],
  ['a"b', '"a""b"'],
  ["1st", '"1st"'],
  ["größe", '"größe"'],
  ["", '""'],
])("a name %s is written %s", (name, sql) => expect(ident(name)).toBe(sql));

test.each([
  ["it's", "'it''s'"],
  ["a\\'b", "E'a\\\\''b'"],
  ["", "''"],
])("a text %s is written %s", (text, sql) => expect(literal(text)).toBe(sql));

test.each(["select 1", "select $$a$$", "ends in $", "$body$ and $$"])("a body %s stands between dollar quotes that are not in it", (body) => {
  const quoted = dollar(body);
  const tag = /^\$[a-z0-9]*\$/.exec(quoted)![0];
  expect(quoted).toBe(tag + body + tag);
  expect((body + tag).indexOf(tag)).toBe(body.length);
});

test("schemas of a shared database go by their own names", () => {
  const names = new Names([{ name: "public", sql_name: "abc_public", comment: null, creatable: true }]);
  expect(names.qualified("public", "Notes")).toBe('abc_public."Notes"');
  expect(names.qualified("mine", "user")).toBe('mine."user"');
});
