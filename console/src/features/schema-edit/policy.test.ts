import { describe, expect, it } from "vitest";
import { createPolicy, diffPolicy, emptyPolicy, switchRls, templates, unwrapped, warningsOf, type PolicyDraft } from "@/features/schema-edit/policy";

const at = 'public."My notes"';
const own: PolicyDraft = { name: "Users' own", command: "all", permissive: true, roles: ["authenticated"], using: "a = 1", check: "a = 2" };

const make = (id: string, chosen: Record<string, string> = {}) => templates.find((each) => each.id === id)!.make(chosen);

describe("policies", () => {
  it("are made with what their command takes", () => {
    expect(createPolicy(at, own)).toBe(`create policy "Users' own" on ${at} for all to authenticated\n  using (a = 1)\n  with check (a = 2);`);
    expect(createPolicy(at, { ...own, command: "select", permissive: false, roles: ["public", "my role"] })).toBe(`create policy "Users' own" on ${at} as restrictive for select to public, "my role"\n  using (a = 1);`);
    expect(createPolicy(at, { ...own, command: "insert" })).toBe(`create policy "Users' own" on ${at} for insert to authenticated\n  with check (a = 2);`);
  });

  it("are altered where they can be, and else made anew", () => {
    expect(diffPolicy(at, own, own)).toEqual([]);
    expect(diffPolicy(at, own, { ...own, name: "x", roles: ["anon"], using: "true" })).toEqual([`alter policy "Users' own" on ${at} rename to x;`, `alter policy x on ${at} to anon using (true);`]);
    expect(diffPolicy(at, own, { ...own, check: " " })).toEqual([`drop policy "Users' own" on ${at};`, `create policy "Users' own" on ${at} for all to authenticated\n  using (a = 1);`]);
    expect(diffPolicy(at, own, { ...own, permissive: false })).toHaveLength(2);
  });

  it("warn of writing without a condition, and of asking for each row", () => {
    expect(warningsOf({ ...own, command: "insert", check: "(true)" })[0]?.text).toMatch(/Every signed-in user may add any row/);
    expect(warningsOf({ ...own, roles: ["anon"], command: "delete", using: "true" })[0]?.text).toMatch(/Anyone with the publishable key may delete/);
    expect(warningsOf({ ...own, command: "update", using: "a = 1", check: "true" })[0]?.text).toMatch(/any values/);
    expect(warningsOf({ ...own, command: "select", using: "true" })).toEqual([]);
    expect(warningsOf({ ...own, roles: ["service_role"], using: "true", check: "true" })).toEqual([]);
    expect(warningsOf({ ...own, permissive: false, using: "true", check: "true" })).toEqual([]);
    const [slow] = warningsOf({ ...own, using: "auth.uid() = a and (select auth.uid()) = b" });
    expect(slow?.mended?.using).toBe("(select auth.uid()) = a and (select auth.uid()) = b");
    expect(warningsOf(slow!.mended!)).toEqual([]);
  });

  it("come of templates with the table's own columns", () => {
    expect(make("own_all")).toBeUndefined();
    expect(make("own_all", { column: "Owner" })).toMatchObject({ command: "all", using: '(select auth.uid()) = "Owner"', check: '(select auth.uid()) = "Owner"' });
    expect(make("own_read", { column: "owner" })).toMatchObject({ command: "select", check: "" });
    expect(make("team", { column: "team", table: 'public."Members"', member: "user", team: "team_id" })?.using).toBe('team in (select team_id from public."Members" where "user" = (select auth.uid()))');
    expect(make("claim", { claim: "app_metadata.ro'le", value: "it's" })?.using).toBe("((select auth.jwt()) -> 'app_metadata' ->> 'ro''le') = 'it''s'");
    for (const { fields, make: made } of templates) {
      const policy = made(Object.fromEntries(fields.map((field) => [field.name, "x"])));
      expect(policy && warningsOf(policy)).toEqual([]);
      expect(policy?.name).not.toBe(emptyPolicy.name);
    }
  });

  it("are read as people write them", () => {
    expect(unwrapped("(( SELECT auth.uid() AS uid)) = user_id")).toBe("(select auth.uid()) = user_id");
    expect(unwrapped("(( SELECT auth.jwt() AS jwt) ->> 'aal'::text) = 'aal2'::text")).toBe("((select auth.jwt()) ->> 'aal'::text) = 'aal2'::text");
    expect([unwrapped("(true)"), unwrapped("(a = 1) OR (b = 2)"), unwrapped(null)]).toEqual(["true", "(a = 1) OR (b = 2)", ""]);
  });

  it("hold from a switch of three states", () => {
    expect(switchRls("t", "off", "forced")).toEqual(["alter table t enable row level security;", "alter table t force row level security;"]);
    expect(switchRls("t", "forced", "off")).toEqual(["alter table t no force row level security;", "alter table t disable row level security;"]);
    expect(switchRls("t", "on", "forced")).toEqual(["alter table t force row level security;"]);
    expect(switchRls("t", "on", "on")).toEqual([]);
  });
});
