import { expect, it } from "vitest";
import { readForeign, searchForeign, tellingColumn } from "@/features/tables/foreign";
import { Names } from "@/lib/pg";

const names = new Names([{ name: "public", sql_name: "public", comment: null, creatable: true }]);
const column = (name: string, base_type = "int4") => ({ name, base_type, array: false, kind: "b" }) as never;

it("knows by which column people know rows", () => {
  expect(tellingColumn([column("id"), column("age"), column("Title", "text")], "id")).toMatchObject({ name: "Title" });
  expect(tellingColumn([column("id"), column("age"), column("note", "text")], "id")).toMatchObject({ name: "note" });
  expect(tellingColumn([column("id")], "id")).toBeUndefined();
});

it("searches the other table, whatever is typed", () => {
  expect(searchForeign(names, "public", "User", "id", "na me", " 50%_\\ ", 20)).toEqual({
    query: `select id::text, left("na me"::text, 200) from public."User" where id::text ilike $1 or "na me"::text ilike $2 order by id limit 20`,
    params: ["%50\\%\\_\\\\%", "%50\\%\\_\\\\%"],
  });
  expect(searchForeign(names, "public", "User", "id", undefined, "", 20)).toEqual({ query: 'select id::text, null from public."User" order by id limit 20', params: [] });
});

it("reads the row that a key leads to", () => {
  expect(readForeign(names, "public", "User", [column("a"), column("b", "text")], [["a", "1"], ['b"', "x"]])).toEqual({ query: `select a::text, left(b::text, 500) from public."User" where a = $1 and "b""" = $2 limit 1`, params: ["1", "x"] });
});
