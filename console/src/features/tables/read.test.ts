import { describe, expect, it } from "vitest";
import { asDefault, copyOf, deleteRows, deleteShown, insertRows, updateRow, writable } from "@/features/tables/change";
import type { Condition, Group, Operator } from "@/features/tables/filter";
import { countRows, cutRows, estimated, estimateRows, exportRows, longest, orderOf, readAccess, readRow, readRows, rowsOf, type Relation, type Row } from "@/features/tables/read";
import { conditionOf, Params } from "@/features/tables/where";
import type { CatalogColumn } from "@/lib/catalog";
import { literal, Names } from "@/lib/pg";

function column(name: string, base_type: string, more: Partial<CatalogColumn> = {}): CatalogColumn {
  return { schema: "public", table: "Order items", name, position: 1, type: base_type, base_type, kind: "b", array: false, values: null, nullable: true, default: null, primary_key: false, generated: false, generation: null, identity: null, comment: null, ...more };
}

const names = new Names([{ name: "public", sql_name: "abcdefghijklmnopqrst_public", comment: null, creatable: true }]);
const columns = [
  column("id", "int8", { identity: "always", generated: true, primary_key: true, nullable: false }),
  column('we"ird', "text"),
  column("tags", "text", { array: true }),
  column("doc", "json"),
  column("total", "numeric", { generated: true }),
];
const relation: Relation = { names, schema: "public", table: "Order items", columns, key: { by: "columns", columns: ["id"] }, versioned: true };
const placed: Relation = { ...relation, key: { by: "place" } };
const view: Relation = { ...relation, key: { by: "values" }, versioned: false };
const row: Row = { values: ["7", "it's", "{a}", null, "1.5"], key: "id.7", version: "900", cut: new Set() };
const table = 'abcdefghijklmnopqrst_public."Order items"';

function sql(operator: Operator, name: string, values: string[] = []) {
  const params = new Params();
  return [conditionOf({ join: "and", parts: [{ column: name, operator, values }] }, columns, params), params.values];
}

describe("a condition", () => {
  it.each<[Operator, string, string[], string, (string | null)[]?]>([
    ["eq", "id", ["1"], "id = $1"],
    ["neq", 'we"ird', ["x' or true --"], '"we""ird" <> $1'],
    ["gte", "id", ["1"], "id >= $1"],
    ["between", "id", ["1", "9"], "id between $1 and $2"],
    ["in", "id", ["1", "2"], "id in ($1, $2)"],
    ["in", "id", [], "false"],
    ["eq", "doc", ["{}"], "doc::text = $1"],
    ["ilike", 'we"ird', ["%x%"], '"we""ird" ilike $1'],
    ["like", "id", ["1%"], "id::text like $1"],
    ["match", "tags", ["^a"], "tags::text ~ $1"],
    ["null", "doc", [], "doc is null"],
    ["false", "id", [], "id is false"],
    ["cs", "tags", ["a,b"], "tags @> $1", ["{a,b}"]],
    ["ov", "tags", ["{a}"], "tags && $1", ["{a}"]],
    ["cd", "doc", ['{"a":1}'], "doc::jsonb <@ $1"],
    ["fts", 'we"ird', ["cat dog"], 'to_tsvector("we""ird") @@ websearch_to_tsquery($1)'],
    ["eq", "gone; drop table x", ["1"], '"gone; drop table x" = $1'],
  ])("%s of %s", (operator, name, values, expected, params = values) => expect(sql(operator, name, values)).toEqual([expected, params]));
  it("joins groups within groups", () => {
    const [a, b, c]: Condition[] = ["1", "2", "3"].map((value) => ({ column: "id", operator: "eq", values: [value] }));
    const filter: Group = { join: "or", parts: [a!, { join: "and", parts: [b!, c!] }, { join: "and", parts: [] }] };
    expect(conditionOf(filter, columns, new Params())).toBe("(id = $1 or (id = $2 and id = $3))");
  });
});

describe("reading", () => {
  it("names physical schemas, cuts long values, and skips before it computes", () => {
    expect(readRows(relation, { filter: { join: "and", parts: [{ column: "id", operator: "gt", values: ["5"] }] }, sort: [{ column: 'we"ird', descending: true, nulls: "last" }] }, 100, 200)).toEqual({
      query: `select id::text, left("we""ird"::text, 2001), left(tags::text, 2001), left(doc::text, 2001), total::text, row_version::text from (select id, "we""ird", tags, doc, total, xmin as row_version from ${table} where id > $1 order by "we""ird" desc nulls last, id limit 100 offset 200) as rows`,
      params: ["5"],
    });
  });
  it("orders by place without a key, and by no column that is gone", () => {
    expect(orderOf(placed, [{ column: "nope", descending: false }])).toBe(" order by ctid");
    expect(orderOf(relation, [{ column: "id", descending: true }])).toBe(" order by id desc");
    expect(orderOf(view, [])).toBe("");
  });
  it("never takes a column's name for its own", () => {
    const odd: Relation = { ...placed, columns: [column("row_version", "text")] };
    expect(readRows(odd, { filter: undefined, sort: [] }, 1, 0).query).toContain("xmin as _row_version, ctid as row_place");
  });
  it("makes rows of answers", () => {
    const long = "x".repeat(longest + 1);
    const [whole] = rowsOf(relation, [["7", long, null, "1", "2", "900"]]);
    expect(whole).toMatchObject({ key: "id.7", version: "900" });
    expect([...whole!.cut]).toEqual([1]);
    expect(cutRows([whole!])[0]!.values[1]).toHaveLength(longest);
    expect(rowsOf(placed, [["7", "a", null, "1", "2", "900", "(0,3)"]])[0]!.key).toBe('ctid."(0,3)"');
    expect(rowsOf(view, [["7", "a", null, "1", "2"]])[0]).toMatchObject({ key: undefined, version: undefined });
  });
  it("reads one row, counts, estimates and exports", () => {
    expect(readRow(relation, [["id", "7"]])).toEqual({ query: `select id::text, "we""ird"::text, tags::text, doc::text, total::text, xmin::text from ${table} where id = $1 limit 1`, params: ["7"] });
    expect(countRows(relation, undefined, 100).query).toBe(`select count(*) from (select 1 from ${table} limit 101) as rows`);
    expect(countRows(relation, undefined, undefined).query).toBe(`select count(*) from ${table}`);
    expect(estimateRows(relation, undefined).query).toBe(`explain (format json) select 1 from ${table}`);
    expect(estimated('[{"Plan":{"Plan Rows": 12}}]')).toBe(12);
    expect(estimated("nonsense")).toBeUndefined();
    expect(exportRows(relation, { filter: undefined, sort: [] }, false, [[["id", "1"]], [["id", "2"]]])).toEqual({
      query: `select id, "we""ird", tags, doc, total from ${table} where ((id = $1) or (id = $2)) order by id`,
      params: ["1", "2"],
    });
    expect(exportRows({ ...relation, columns: columns.slice(0, 1) }, { filter: undefined, sort: [] }, true, undefined, [[["id", "3"]]])).toEqual({ query: `select id::text as id from ${table} where not (id = $1) order by id`, params: ["3"] });
    expect(readAccess(relation, literal)).toContain(`'abcdefghijklmnopqrst_public."Order items"'::regclass`);
  });
});

describe("changing", () => {
  const answers = ' returning id::text, "we""ird"::text, tags::text, doc::text, total::text, xmin::text';
  it("touches only the row as it was read", () => {
    expect(updateRow(relation, row, { 'we"ird': "new", tags: null, doc: asDefault })).toEqual({
      query: `update ${table} set "we""ird" = $1, tags = $2, doc = default where id = $3 and xmin::text = $4${answers}`,
      params: ["new", null, "7", "900"],
    });
    expect(updateRow(relation, row, { doc: null }, true).query).toBe(`update ${table} set doc = $1 where id = $2${answers}`);
    expect(updateRow(placed, { ...row, key: 'ctid."(0,3)"' }, { doc: null }).query).toContain("where ctid = $2 and xmin::text = $3");
  });
  it("finds a view's row by its values, if there is only one", () => {
    const { query, params } = updateRow({ ...view, columns: columns.slice(0, 2) }, { ...row, key: undefined, version: undefined }, { 'we"ird': "b" });
    expect(query).toBe(`update ${table} set "we""ird" = $1 where id::text is not distinct from $2 and "we""ird"::text is not distinct from $3 and (select count(*) from ${table} where id::text is not distinct from $4 and "we""ird"::text is not distinct from $5) = 1 returning id::text, "we""ird"::text`);
    expect(params).toEqual(["b", "7", "it's", "7", "it's"]);
  });
  it("inserts, and restores what was deleted", () => {
    expect(insertRows(relation, [{}]).query).toBe(`insert into ${table} default values${answers}`);
    expect(insertRows(relation, [{ id: "7", doc: "{}" }, { id: "8" }], true)).toEqual({ query: `insert into ${table} (id, doc) overriding system value values ($1, $2), ($3, default)${answers}`, params: ["7", "{}", "8"] });
    expect(writable(relation, row)).toEqual({ id: "7", 'we"ird': "it's", tags: "{a}", doc: null });
    expect(copyOf(relation, row)).toEqual({ values: { 'we"ird': "it's", tags: "{a}", doc: null }, complete: true });
    expect(copyOf({ ...relation, columns: [column("id", "int8")] }, row).complete).toBe(false);
  });
  it("deletes rows, or all that are shown but some", () => {
    expect(deleteRows(relation, [row, { ...row, key: "id.8" }])).toEqual({ query: `delete from ${table} where (id = $1) or (id = $2)${answers}`, params: ["7", "8"] });
    expect(deleteShown(relation, { join: "and", parts: [{ column: "id", operator: "lt", values: ["9"] }] }, ["id.3"])).toEqual({ query: `delete from ${table} where id < $1 and not (id = $2)`, params: ["9", "3"] });
    expect(deleteShown(relation, undefined, []).query).toBe(`delete from ${table}`);
  });
});
