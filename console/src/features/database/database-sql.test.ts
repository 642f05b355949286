import { describe, expect, it } from "vitest";
import { disable, enable } from "@/features/database/extension-sql";
import { cellKey, grantSql, heldOf, mayUse, usageSql, type Cell } from "@/features/database/grants";
import { reindex, unused } from "@/features/database/indexes";
import type { Grant } from "@/lib/catalog";
import { Names } from "@/lib/pg";

const names = new Names([
  { name: "public", sql_name: "abc_public", comment: null, creatable: true },
  { name: "My app", sql_name: "abc_My app", comment: null, creatable: true },
]);
const sqlRole = (role: string) => `abc_${role}`;
const cell = (role: Cell["role"], deed: Cell["deed"], table = 'Odd "Name'): Cell => ({ schema: "public", table, role, deed });
const grant = (over: Partial<Grant>): Grant => ({ object_kind: "table", schema: "public", object: 'Odd "Name', column: null, role: "anon", sql_role: "abc_anon", privileges: ["select"], grantor: "abc_owner", ...over });

describe("grants", () => {
  it("make one statement of a table, role and direction, in the deeds' order", () => {
    const sql = grantSql(
      [
        { cell: cell("anon", "delete"), on: true },
        { cell: cell("anon", "select"), on: true },
        { cell: cell("service_role", "update"), on: false },
        { cell: cell("anon", "insert"), on: false },
        { cell: cell("anon", "select", "user"), on: true },
      ],
      names,
      sqlRole,
    );
    expect(sql.split("\n")).toEqual([
      'grant select, delete on table abc_public."Odd ""Name" to abc_anon;',
      'revoke update on table abc_public."Odd ""Name" from abc_service_role;',
      'revoke insert on table abc_public."Odd ""Name" from abc_anon;',
      'grant select on table abc_public."user" to abc_anon;',
    ]);
    expect(usageSql("My app", "anon", true, names, (role) => role)).toBe('grant usage on schema "abc_My app" to anon;');
    expect(usageSql("public", "authenticated", false, names, sqlRole)).toBe("revoke usage on schema abc_public from abc_authenticated;");
  });

  it("tell how a role holds something", () => {
    const held = heldOf([
      grant({ privileges: ["insert", "truncate"] }),
      grant({ object_kind: "column", column: "id", privileges: ["select", "insert"] }),
      grant({ role: "public", sql_role: "public", privileges: ["update"] }),
      grant({ role: "abc_owner", privileges: ["delete"] }),
      grant({ object_kind: "function", privileges: ["execute"] }),
    ]);
    expect(held.get(cellKey(cell("anon", "insert")))).toBe("all");
    expect(held.get(cellKey(cell("anon", "select")))).toBe("columns");
    expect(held.get(cellKey(cell("authenticated", "update")))).toBe("everyone");
    expect(held.get(cellKey(cell("anon", "delete")))).toBeUndefined();
    const usage = [grant({ object_kind: "schema", object: "public", role: "public", privileges: ["usage"] })];
    expect(mayUse(usage, "public", "anon")).toBe(true);
    expect(mayUse(usage, "My app", "anon")).toBe(false);
  });
});

describe("indexes and extensions", () => {
  it("quote what must be quoted", () => {
    const index = { schema: "public", name: "by name", constraint: null, unique: false };
    expect(reindex(index, names)).toBe('reindex index concurrently abc_public."by name";');
    expect(reindex({ ...index, constraint: "apart" }, names)).toBe('reindex index abc_public."by name";');
    expect(enable("uuid-ossp", "My app", names)).toBe('create extension "uuid-ossp" schema "abc_My app" cascade;');
    expect(disable("uuid-ossp", true)).toBe('drop extension "uuid-ossp" cascade;');
    expect(disable("citext", false)).toBe("drop extension citext;");
  });

  it("call an index unused that no key needs", () => {
    expect(unused({ scans: 0, unique: false, constraint: null })).toBe(true);
    expect(unused({ scans: 0, unique: true, constraint: null })).toBe(false);
    expect(unused({ scans: 0, unique: false, constraint: "apart" })).toBe(false);
    expect(unused({ scans: 1, unique: false, constraint: null })).toBe(false);
  });
});
