import { expect, it } from "vitest";
import { exported, unique } from "@/features/sql/results/export";
import type { Result } from "@/lib/meta";

const result: Result = {
  columns: [
    { name: "id", type: "bigint" },
    { name: "body|x", type: "text" },
    { name: "id", type: "jsonb" },
  ],
  rows: [
    ["9007199254740993", 'a "b", c\nd', { a: [1, null] }],
    [2, null, null],
    [3, "", "a|b\\"],
  ],
  rowCount: 3,
  command: "SELECT 3",
  truncated: false,
  notices: [],
};

it("writes CSV that programs read, an empty text apart from null", () => {
  expect(exported(result, "csv")).toBe('id,body|x,id\n9007199254740993,"a ""b"", c\nd","{""a"":[1,null]}"\n2,,\n3,"",a|b\\');
});

it("writes JSON whose objects have every column", () => {
  expect(JSON.parse(exported(result, "json"))).toEqual([
    { id: "9007199254740993", "body|x": 'a "b", c\nd', id_2: { a: [1, null] } },
    { id: 2, "body|x": null, id_2: null },
    { id: 3, "body|x": "", id_2: "a|b\\" },
  ]);
});

it("writes Markdown in which no value breaks the table", () => {
  expect(exported(result, "markdown").split("\n")).toEqual([
    "| id | body\\|x | id |",
    "| ---: | --- | --- |",
    '| 9007199254740993 | a "b", c<br>d | {"a":[1,null]} |',
    "| 2 |  |  |",
    "| 3 |  | a\\|b\\\\ |",
  ]);
});

it("gives columns of one name names of their own", () => {
  expect(unique(["a", "a", "a_2", "a"])).toEqual(["a", "a_3", "a_2", "a_4"]);
});
