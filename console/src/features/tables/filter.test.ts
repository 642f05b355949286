import { describe, expect, it } from "vitest";
import { countConditions, formatFilter, operatorsOf, parseFilter, type Group } from "@/features/tables/filter";
import { formatKey, keyOf, parseKey } from "@/features/tables/row-key";
import { cycled, formatSort, parseSort } from "@/features/tables/sort";

const odd = ['a"b', "x,y", "(p)", "q.r", "", " space ", "line\nbreak", "naïve ünïcode 😀", "\\", "true", "2024-01-01 10:00:00.5+02"];

describe("a filter in an address", () => {
  const filter: Group = {
    join: "and",
    parts: [
      { column: "status", operator: "eq", values: ["paid"] },
      { join: "or", parts: [{ column: "total", operator: "between", values: ["1.5", "-2"] }, { column: "Odd Name", operator: "null", values: [] }] },
      { column: "tag", operator: "in", values: odd },
    ],
  };
  it("is readable by people", () => {
    expect(formatFilter({ join: "or", parts: [{ column: "id", operator: "gt", values: ["10"] }, { column: "note", operator: "notnull", values: [] }] })).toBe("or(id.gt.10,note.notnull)");
  });
  it("comes back as it went", () => expect(parseFilter(formatFilter(filter))).toEqual(filter));
  it.each(odd)("holds the value %j", (value) => {
    const one: Group = { join: "and", parts: [{ column: value || "c", operator: "ilike", values: [value] }] };
    expect(parseFilter(formatFilter(one))).toEqual(one);
  });
  it("is none when it says nothing", () => expect(formatFilter({ join: "and", parts: [{ join: "or", parts: [] }] })).toBeUndefined());
  it.each(["and(", "and(a.eq)", "a.eq.1", "and(a.nope.1)", "and(a.eq.1))", 'and("a.eq.1)', "and(a.between.(1))", "and(a.__proto__.1)", "and(and(and(and(and(and(a.null))))))"])("%s is no filter", (text) =>
    expect(parseFilter(text)).toBeUndefined(),
  );
  it("is counted", () => expect(countConditions(filter)).toBe(4));
});

it("offers what a column's kind can", () => {
  expect(operatorsOf("boolean")).toEqual(["eq", "neq", "in", "null", "notnull", "true", "false"]);
  expect(operatorsOf("json")).toContain("cs");
  expect(operatorsOf("number")).not.toContain("fts");
});

describe("a sorting in an address", () => {
  it("comes back as it went", () => {
    const sort = [{ column: "a b", descending: true }, { column: "c", descending: false, nulls: "last" as const }];
    expect(formatSort(sort)).toBe("a b.desc,c.asc.nullslast");
    expect(parseSort(formatSort(sort))).toEqual(sort);
    expect(formatSort([])).toBeUndefined();
  });
  it.each(["a", "a.up", "a.asc,", "a.desc.nulls"])("%s sorts nothing", (text) => expect(parseSort(text)).toEqual([]));
  it("changes by column", () => {
    const sort = [{ column: "a", descending: false }, { column: "b", descending: true }];
    expect(cycled(sort, "a", true, true)).toEqual([{ column: "a", descending: true }, { column: "b", descending: true }]);
    expect(cycled(sort, "c", true, true)).toHaveLength(3);
    expect(cycled(sort, "c", false, false)).toEqual([{ column: "c", descending: false }]);
    expect(cycled(sort, "a", undefined, true)).toEqual([{ column: "b", descending: true }]);
  });
});

const column = (name: string, nullable: boolean) => ({ name, nullable }) as never;
const constraint = (kind: string, keyed: string[]) => ({ kind, columns: keyed }) as never;

describe("a row's key", () => {
  it.each(odd.filter(Boolean))("holds %j in an address", (value) => expect(parseKey(formatKey([["id", value], [value, "x"]]))).toEqual([["id", value], [value, "x"]]));
  it("reads plainly", () => expect(formatKey([["id", "42"]])).toBe("id.42"));
  it("is no key when it cannot be read", () => expect(parseKey("id")).toBeUndefined());
  it("is the primary one, else a unique one without nulls, else the place", () => {
    const columns = [column("a", false), column("b", true)];
    expect(keyOf({ kind: "table" }, columns, [constraint("unique", ["a"]), constraint("primary_key", ["b"])])).toEqual({ by: "columns", columns: ["b"] });
    expect(keyOf({ kind: "table" }, columns, [constraint("unique", ["b"]), constraint("unique", ["a"])])).toEqual({ by: "columns", columns: ["a"] });
    expect(keyOf({ kind: "table" }, columns, [constraint("unique", ["b"])])).toEqual({ by: "place" });
    expect(keyOf({ kind: "partitioned_table" }, columns, [])).toEqual({ by: "nothing" });
    expect(keyOf({ kind: "view" }, columns, [])).toEqual({ by: "values" });
  });
});
