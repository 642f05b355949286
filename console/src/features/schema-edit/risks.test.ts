import { expect, it } from "vitest";
import { newColumn, type ColumnDraft, type TableDraft } from "@/features/schema-edit/draft";
import { manyOf, risksOf } from "@/features/schema-edit/risks";
import { Names } from "@/lib/pg";

const names = new Names([{ name: "public", sql_name: "abc_public", comment: null, creatable: true }]);
const old = (name: string, given: Partial<ColumnDraft> = {}): ColumnDraft => ({ ...newColumn({ name, ...given }), key: `old ${name}` });
const table: TableDraft = {
  schema: "public", name: "My t", comment: "", columns: [old("Body"), old("n", { type: "bigint" }), old("id", { type: "bigint", nullable: false })], primary: { name: "k", columns: ["old id"] },
  uniques: [], checks: [], foreignKeys: [], rls: true, exposed: false,
}; // prettier-ignore

function risks(change: (draft: TableDraft) => void) {
  const next = structuredClone(table);
  change(next);
  return risksOf(table, next, names);
}

it("says what is dropped, with how to count it", () => {
  const [dropped, ...rest] = risks((draft) => draft.columns.shift());
  expect(rest).toEqual([]);
  expect(dropped).toMatchObject({ count: 'select count(*) from (select 1 from abc_public."My t" where "Body" is not null limit 1000001) counted', refused: false, quiet: false });
  expect(dropped!.words("12", false)).toBe("Column Body is dropped with 12 values.");
  expect(dropped!.words("1", true)).toBe("Column Body is dropped with 1 value.");
});

it("says what is narrowed, unless it is told how", () => {
  expect(risks((draft) => (draft.columns[1]!.type = "integer"))[0]).toMatchObject({ refused: true, quiet: true });
  expect(risks((draft) => Object.assign(draft.columns[0]!, { type: "integer", using: "length(body)" }))).toEqual([]);
  expect(risks((draft) => (draft.columns[1]!.type = "numeric"))).toEqual([]);
});

it("says where nulls are in the way", () => {
  expect(risks((draft) => (draft.columns[0]!.nullable = false))[0]?.words("3", false)).toMatch(/Body has 3 nulls/);
  expect(risks((draft) => draft.primary.columns.push("old n"))[0]?.words("3", false)).toMatch(/Column n has 3 nulls/);
  expect(risks((draft) => Object.assign(draft.columns[0]!, { nullable: false, fill: "''" }))).toEqual([]);
  expect(risks((draft) => draft.columns.push(newColumn({ name: "x", nullable: false })))[0]?.words("3", false)).toMatch(/has 3 rows/);
  expect(risks((draft) => draft.columns.push(newColumn({ name: "x", nullable: false, default: "''" })))).toEqual([]);
});

it("counts no further than a person reads", () => {
  expect([manyOf(0), manyOf(12_345), manyOf(1_000_001)]).toEqual(["0", "12,345", "more than a million"]);
});
