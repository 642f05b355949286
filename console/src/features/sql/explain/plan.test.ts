import { describe, expect, it } from "vitest";
import { flat, readPlan } from "@/features/sql/explain/plan";
import { planText } from "@/features/sql/explain/plan-text";
import { explainSql, unexplainable } from "@/features/sql/explain/statement";

const cost = { "Startup Cost": 0, "Total Cost": 100, "Plan Rows": 10, "Plan Width": 8 };
const ran = (rows: number, milliseconds: number, loops = 1) => ({ "Actual Startup Time": 0, "Actual Total Time": milliseconds, "Actual Rows": rows, "Actual Loops": loops });
const plan = (root: object, more: object = {}) => readPlan([{ Plan: root, "Planning Time": 0.2, "Execution Time": 12, ...more }])!;

describe("a plan", () => {
  it("tells the time and the cost of each step without its children's", () => {
    const read = plan({
      "Node Type": "Hash Join",
      "Join Type": "Left",
      ...cost,
      "Total Cost": 300,
      ...ran(50, 10),
      Plans: [
        { "Node Type": "Seq Scan", "Relation Name": "notes", Alias: "n", Schema: "public", ...cost, ...ran(50, 4), "Shared Hit Blocks": 3, "Shared Read Blocks": 1, "Local Hit Blocks": 2 },
        { "Node Type": "Index Scan", "Index Name": "users_pkey", "Relation Name": "users", Schema: "auth", ...cost, "Total Cost": 2, ...ran(1, 0.1, 50), "Index Cond": "(id = n.author)" },
      ],
    });
    const [join, scan, index] = flat(read.root);
    expect(join).toMatchObject({ type: "Hash Left Join", rows: 50, milliseconds: 10, ownMilliseconds: 1, ownCost: 198, share: 0.1 });
    expect(scan).toMatchObject({ type: "Seq Scan", subject: "notes n", ownMilliseconds: 4, share: 0.4, buffers: { hit: 5, read: 1 } });
    expect(index).toMatchObject({ subject: "auth.users, by users_pkey", rows: 50, loops: 50, milliseconds: 5, share: 0.5, details: [["Index Cond", "(id = n.author)"]] });
    expect(read).toMatchObject({ planningMilliseconds: 0.2, executionMilliseconds: 12 });
  });

  it("without a run has shares of cost, and no times", () => {
    const read = readPlan(JSON.stringify([{ Plan: { "Node Type": "Sort", ...cost, Plans: [{ "Node Type": "Result", ...cost, "Total Cost": 25 }] } }]))!;
    expect(flat(read.root).map(({ share, rows, milliseconds }) => [share, rows, milliseconds])).toEqual([
      [0.75, undefined, undefined],
      [0.25, undefined, undefined],
    ]);
  });

  it("counts what workers do at once once, and tables of with where they are read", () => {
    const parallel = plan({ "Node Type": "Gather", "Workers Launched": 1, ...cost, ...ran(200, 10), Plans: [{ "Node Type": "Seq Scan", "Parallel Aware": true, ...cost, ...ran(100, 8, 2) }] });
    expect(parallel.root).toMatchObject({ ownMilliseconds: 2 });
    expect(parallel.root.children[0]).toMatchObject({ type: "Parallel Seq Scan", rows: 200, milliseconds: 8 });
    const cte = plan({
      "Node Type": "Aggregate",
      ...cost,
      ...ran(1, 10),
      Plans: [
        { "Node Type": "Seq Scan", "Parent Relationship": "InitPlan", "Subplan Name": "CTE recent", ...cost, ...ran(10, 6) },
        { "Node Type": "CTE Scan", "CTE Name": "recent", ...cost, ...ran(10, 9) },
      ],
    });
    expect(flat(cte.root).map(({ ownMilliseconds }) => ownMilliseconds)).toEqual([1, 6, 3]);
  });

  it("warns of many rows read, wrong estimates and what is written to disk", () => {
    const warnings = (node: object) => plan({ ...cost, ...node }).warnings.map(({ text }) => text);
    expect(warnings({ "Node Type": "Seq Scan", "Relation Name": "notes", Filter: "(a = 1)", "Rows Removed by Filter": 99_990, ...ran(10, 5) })[0]).toContain("Reads 100,000 rows of notes to keep 10");
    expect(warnings({ "Node Type": "Seq Scan", "Relation Name": "notes", Filter: "(a = 1)", "Rows Removed by Filter": 20, ...ran(10, 5) })).toEqual([]);
    expect(warnings({ "Node Type": "Hash Join", ...ran(5000, 5) })[0]).toContain("500 times more rows than expected (5,000, not 10)");
    expect(warnings({ "Node Type": "Hash Join", ...cost, "Plan Rows": 5000, ...ran(0, 5) })[0]).toContain("5,000 times fewer rows than expected");
    expect(warnings({ "Node Type": "Sort", "Sort Space Type": "Disk", "Sort Space Used": 2000, ...ran(10, 5) })[0]).toContain("Sorts 2 MB on disk");
    expect(warnings({ "Node Type": "Hash", "Hash Batches": 4, ...ran(10, 5) })[0]).toContain("does not fit into memory");
    expect(warnings({ "Node Type": "Index Only Scan", "Heap Fetches": 5000, "Plan Rows": 5000, ...ran(5000, 5) })[0]).toContain("vacuum");
    expect(warnings({ "Node Type": "Seq Scan", "Relation Name": "t", "Plan Rows": 10, "Actual Loops": 0, "Actual Rows": 0, "Actual Total Time": 0 })).toEqual([]);
  });

  it("does not warn of rows that nobody asked for", () => {
    const few = { "Node Type": "Seq Scan", "Relation Name": "t", ...cost, "Plan Rows": 5000, ...ran(5, 1) };
    expect(plan({ "Node Type": "Limit", ...cost, ...ran(5, 1), Plans: [few] }).warnings).toEqual([]);
    expect(plan({ "Node Type": "Limit", ...cost, ...ran(5, 1), Plans: [{ "Node Type": "Sort", ...cost, ...ran(5, 1), Plans: [few] }] }).warnings).toHaveLength(1);
  });

  it("is nothing else", () => {
    for (const value of [null, 1, "x", [], [{}], [{ Plan: [] }], {}, "{"]) expect(readPlan(value)).toBeUndefined();
  });

  it("is written in lines", () => {
    const read = plan(
      { "Node Type": "Limit", ...cost, ...ran(1, 3), Plans: [{ "Node Type": "Seq Scan", "Relation Name": "notes", ...cost, ...ran(1, 2), Filter: "a", "Shared Hit Blocks": 3, "Temp Written Blocks": 1 }] },
      { Triggers: [{ "Trigger Name": "t", Time: 1.25, Calls: 2 }] },
    );
    expect(planText(read).split("\n")).toEqual([
      "Limit  (cost=0.00..100.00 rows=10 width=8) (actual time=3.000 ms rows=1 loops=1)",
      "  ->  Seq Scan on notes  (cost=0.00..100.00 rows=10 width=8) (actual time=2.000 ms rows=1 loops=1)",
      "        Filter: a",
      "        Buffers: shared hit=3, temp written=1",
      "Planning Time: 0.200 ms",
      "Trigger t: 1.3 ms in 2 calls",
      "Execution Time: 12.000 ms",
    ]);
  });
});

it("asks for a plan, and takes back what a run changed", () => {
  expect(explainSql("select 1", false)).toEqual({ sql: "explain (settings, format json) select 1", offset: 32 });
  const { sql, offset } = explainSql("delete from a", true);
  expect(sql).toBe("begin; explain (analyze, buffers, settings, format json) delete from a\n; rollback");
  expect(sql.slice(offset)).toMatch(/^delete/);
  expect(unexplainable("with")).toBeUndefined();
  for (const first of [undefined, "explain", "create"]) expect(unexplainable(first)).toBeTruthy();
});
