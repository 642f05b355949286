import { describe, expect, it } from "vitest";
import { lookSql } from "@/features/project/start/sql";
import { stepsOf, type State } from "@/features/project/start/steps";
import { Names } from "@/lib/pg";

const nothing: State = { tables: 0, open: 0, requests: false, users: false, files: false, app: false };
const done = (state: Partial<State>) => stepsOf({ ...nothing, ...state }).filter((step) => step.done).map(({ id }) => id);

const about = (open: number) => stepsOf({ ...nothing, tables: 3, open }).find(({ id }) => id === "rls")!.about;

describe("stepsOf", () => {
  it("ticks off what is so", () => {
    expect(done({})).toEqual([]);
    expect(done({ tables: 2, open: 1 })).toEqual(["table"]);
    expect(done({ tables: 2 })).toEqual(["table", "rls"]);
    expect(done({ requests: true, users: true, files: true, app: true })).toEqual(["request", "app", "user", "file"]);
  });
  it("says how many tables are open", () => {
    expect(about(1)).toContain("A table has it off");
    expect(about(2)).toContain("2 tables have it off");
    expect(about(0)).toContain("Policies say");
  });
});

describe("lookSql", () => {
  it("names schemas as the project's database does", () => {
    const schemas = ["public", "auth", "storage"].map((name) => ({ name, sql_name: `abc_${name}`, comment: null, creatable: true }));
    const sql = lookSql(new Names(schemas));
    expect(sql).toContain("relnamespace = 'abc_public'::regnamespace");
    expect(sql).toContain("from abc_auth.users");
    expect(sql).toContain("from abc_storage.objects");
    expect(lookSql(new Names([]))).toContain("from auth.users");
  });
});
