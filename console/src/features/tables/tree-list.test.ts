import { expect, it } from "vitest";
import { branches, unprotected } from "@/features/tables/tree-list";

const schema = (name: string, creatable = true) => ({ name, sql_name: name, comment: null, creatable });
const table = (of: string, name: string, more = {}) => ({ schema: of, name, kind: "table", owned: true, rls_enabled: true, ...more }) as never;

it("lists schemas with their tables, public first, the services' last", () => {
  const out = branches([schema("auth", false), schema("app"), schema("public"), schema("empty")], [table("auth", "users"), table("app", "b"), table("app", "a")], "");
  expect(out.map((each) => [each.schema, each.tables.map(({ name }) => name)])).toEqual([["public", []], ["app", ["a", "b"]], ["auth", ["users"]]]);
});

it("finds by part of a name or of its schema", () => {
  const all = [table("app", "Orders"), table("app", "users"), table("public", "x")];
  expect(branches([schema("app"), schema("public")], all, " ORD ").map((each) => each.tables.length)).toEqual([1]);
  expect(branches([schema("app"), schema("public")], all, "app.us")[0]!.tables).toHaveLength(1);
});

it("says how many more there are than it shows", () => {
  const many = Array.from({ length: 350 }, (_, at) => table("public", `t${at}`));
  expect(branches([schema("public")], many, "")[0]).toMatchObject({ more: 50 });
});

it("marks tables that no policy protects", () => {
  expect(unprotected(table("public", "t", { rls_enabled: false }))).toBe(true);
  expect(unprotected(table("public", "v", { rls_enabled: false, kind: "view" }))).toBe(false);
  expect(unprotected(table("auth", "t", { rls_enabled: false, owned: false }))).toBe(false);
});
