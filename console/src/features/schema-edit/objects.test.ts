import { describe, expect, it } from "vitest";
import { createEnum, createIndex, createView, diffEnum, diffView, dropConstraint, dropIndex, dropTable, emptyIndex, emptyPart, methodsOf, type EnumDraft, type ViewDraft } from "@/features/schema-edit/objects";
import type { Constraint, Extension, Index } from "@/lib/catalog";
import { Names } from "@/lib/pg";

const names = new Names([{ name: "public", sql_name: "abc_public", comment: null, creatable: true }]);

describe("indexes", () => {
  it("are made of columns and expressions", () => {
    expect(createIndex("t", { ...emptyIndex, parts: [{ ...emptyPart, column: "Order", descending: true }, { ...emptyPart, expression: "lower(a)" }], unique: true, predicate: "a > 0", name: "My index" })).toBe('create unique index "My index" on t using btree ("Order" desc, (lower(a))) where a > 0;');
    expect(createIndex("t", { ...emptyIndex, parts: [{ ...emptyPart, column: "body", operators: "gin_trgm_ops", descending: true }], method: "gin", unique: true, concurrently: true })).toBe("create index concurrently on t using gin (body gin_trgm_ops);");
  });

  it("are made by the methods that the database has, or could have", () => {
    const vector = { name: "vector", installed_version: null } as Extension;
    const own = ["btree", "hash", "gin", "gist", "spgist", "brin"];
    expect(methodsOf(undefined).map(({ name }) => name)).toEqual(own);
    expect(methodsOf([{ ...vector, name: "bloom" }]).map(({ name }) => name)).toEqual(own);
    expect(methodsOf([vector]).flatMap(({ name, missing }) => (missing ? name : []))).toEqual(["hnsw", "ivfflat"]);
    expect(methodsOf([{ ...vector, installed_version: "0.8.0" }]).flatMap(({ name, missing }) => (missing ? [] : name))).toEqual([...own, "hnsw", "ivfflat"]);
  });

  it("are dropped, with the constraint where one made them", () => {
    const index = { schema: "public", table: "My t", name: "My i", constraint: null } as Index;
    expect(dropIndex(index, names)).toBe('drop index abc_public."My i";');
    expect(dropIndex(index, names, true)).toBe('drop index concurrently abc_public."My i";');
    expect(dropIndex({ ...index, constraint: "k" }, names)).toBe('alter table abc_public."My t" drop constraint k;');
    expect(dropConstraint({ schema: "public", table: "t", name: "My c" } as Constraint, names)).toBe('alter table abc_public.t drop constraint "My c";');
  });
});

describe("enums", () => {
  const mood: EnumDraft = { schema: "public", name: "Mood", comment: "", values: ["sad", "it's fine"].map((value) => ({ key: value, was: value, value })) };

  it("are made", () => {
    expect(createEnum({ ...mood, comment: "x" }, names)).toEqual([`create type abc_public."Mood" as enum ('sad', 'it''s fine');`, `comment on type abc_public."Mood" is 'x';`]);
  });

  it("grow in place", () => {
    const values = [{ key: "1", was: null, value: "first" }, { key: "2", was: null, value: "second" }, { key: "sad", was: "sad", value: "blue" }, { key: "3", was: null, value: "meh" }, mood.values[1]!];
    expect(diffEnum(mood, { ...mood, name: "mood", values }, names)).toEqual([
      'alter type abc_public."Mood" rename to mood;',
      "alter type abc_public.mood rename value 'sad' to 'blue';",
      "alter type abc_public.mood add value 'first' before 'blue';",
      "alter type abc_public.mood add value 'second' after 'first';",
      "alter type abc_public.mood add value 'meh' after 'blue';",
    ]);
    expect(diffEnum(mood, mood, names)).toEqual([]);
  });
});

describe("views", () => {
  const view: ViewDraft = { schema: "public", name: "V 1", definition: "select 1 as a", materialized: false, invoker: true, exposed: false, anew: false };
  const at = 'abc_public."V 1"';

  it("are made as who asks reads", () => {
    expect(createView({ ...view, definition: "select 1; ", exposed: true }, names)).toEqual([`create view ${at} with (security_invoker = on) as\nselect 1;`, `grant select on table ${at} to anon, authenticated;`]);
    expect(createView({ ...view, materialized: true }, names)).toEqual([`create materialized view ${at} as\nselect 1 as a;`]);
  });

  it("are replaced, or made anew with the same grants", () => {
    expect(diffView(view, view, names, [])).toEqual([]);
    expect(diffView(view, { ...view, name: "w", definition: "select 2 as a" }, names, [])).toEqual([`alter view ${at} rename to w;`, "create or replace view abc_public.w with (security_invoker = on) as\nselect 2 as a;"]);
    expect(diffView(view, { ...view, invoker: false }, names, [])).toEqual([`alter view ${at} set (security_invoker = off);`]);
    expect(diffView(view, { ...view, definition: "select 2", anew: true }, names, [{ sql_role: "anon", privileges: ["select", "insert"] }, { sql_role: "public", privileges: ["select"] }])).toEqual([`drop view ${at};`, `create view ${at} with (security_invoker = on) as\nselect 2;`, `grant select, insert on table ${at} to anon;`, `grant select on table ${at} to public;`]);
    expect(diffView({ ...view, materialized: true }, { ...view, materialized: true, definition: "select 2" }, names, [])).toEqual([`drop materialized view ${at};`, `create materialized view ${at} as\nselect 2;`]);
  });

  it("are dropped with what depends on them, when asked for", () => {
    expect(dropTable({ schema: "public", name: "V 1", kind: "materialized_view" }, names, true)).toBe(`drop materialized view ${at} cascade;`);
  });
});
