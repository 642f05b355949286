import { describe, expect, it } from "vitest";
import { createTable, diffTable, renames } from "@/features/schema-edit/diff";
import { draftOf, duplicateOf, expressionOf, newColumn, newTable, type ColumnDraft, type ForeignKeyDraft, type TableDraft } from "@/features/schema-edit/draft";
import { Names } from "@/lib/pg";
import type { CatalogColumn, CatalogTable, Constraint } from "@/lib/catalog";

const names = new Names([
  { name: "public", sql_name: "abc_public", comment: null, creatable: true },
  { name: "auth", sql_name: "abc_auth", comment: null, creatable: false },
]);

const table: CatalogTable = {
  schema: "public", name: "notes", kind: "table", rls_enabled: true, rls_forced: false, estimated_rows: 3, bytes: 8192, comment: null, owned: true, definition: null, security_invoker: false,
}; // prettier-ignore

function column(name: string, given: Partial<CatalogColumn> = {}): CatalogColumn {
  return {
    schema: "public", table: "notes", name, position: 1, type: "text", base_type: "text", kind: "b", array: false, values: null, nullable: true, default: null, primary_key: false, generated: false,
    generation: null, identity: null, comment: null, ...given,
  }; // prettier-ignore
}

function constraint(kind: Constraint["kind"], name: string, columns: string[], given: Partial<Constraint> = {}): Constraint {
  return { schema: "public", table: "notes", name, kind, columns, definition: "", validated: true, foreign_schema: null, foreign_table: null, foreign_columns: null, on_update: null, on_delete: null, ...given };
}

const standing = draftOf(
  table,
  [column("id", { type: "bigint", nullable: false, identity: "always" }), column("body", { default: "''::text", nullable: false }), column("Order", { type: "integer" }), column("author", { type: "uuid" })],
  [
    constraint("primary_key", "notes_pkey", ["id"]),
    constraint("unique", "notes_body_key", ["body"]),
    constraint("check", "notes_check", ["body"], { definition: "CHECK ((length(body) > 0))" }),
    constraint("foreign_key", "notes_author_fkey", ["author"], {
      definition: "FOREIGN KEY (author) REFERENCES auth.users(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
      foreign_schema: "auth", foreign_table: "users", foreign_columns: ["id"], on_update: "no action", on_delete: "cascade",
    }), // prettier-ignore
  ],
);

/** What changes when the table is changed so. */
function changed(change: (draft: TableDraft) => void): string[] {
  const next = structuredClone(standing);
  change(next);
  return diffTable(standing, next, names);
}

const of = (draft: TableDraft, name: string): ColumnDraft => draft.columns.find((each) => each.name === name)!;
const set = (name: string, given: Partial<ColumnDraft>) => changed((draft) => Object.assign(of(draft, name), given));

describe("createTable", () => {
  it("makes what most tables begin with", () => {
    expect(createTable({ ...newTable("public"), name: "todos" }, names)).toEqual([
      "create table abc_public.todos (\n  id bigint generated always as identity primary key,\n  created_at timestamp with time zone default now() not null\n);",
      "alter table abc_public.todos enable row level security;",
    ]);
  });

  it("quotes names, and puts in everything that a table may have", () => {
    const a = newColumn({ name: "Tenant id", type: "uuid", nullable: false });
    const b = newColumn({ name: "select", type: "integer", nullable: false, comment: "it's a \\ word" });
    const c = newColumn({ name: "tags", array: true, default: "'{}'" });
    const d = newColumn({ name: "total", type: "numeric", generation: '"select" * 2' });
    const parent = newColumn({ name: 'par"ent', type: "integer" });
    const draft: TableDraft = {
      schema: "public",
      name: 'My "table"',
      comment: "what's in it",
      columns: [a, b, c, d, parent],
      primary: { name: null, columns: [b.key, a.key] },
      uniques: [{ name: null, columns: [c.key, b.key] }],
      checks: [{ name: "", was: null, expression: '"select" > 0' }, { name: "small tags", was: null, expression: "cardinality(tags) < 9" }],
      foreignKeys: [
        { name: null, columns: [a.key], self: false, schema: "auth", table: "users", foreignColumns: ["id"], onUpdate: "cascade", onDelete: "set null", options: "" },
        { name: null, columns: [parent.key, a.key], self: true, schema: "public", table: "", foreignColumns: [b.key, a.key], onUpdate: "no action", onDelete: "no action", options: "" },
      ],
      rls: false,
      exposed: true,
    };
    expect(createTable(draft, names)).toEqual([
      `create table abc_public."My ""table""" (
  "Tenant id" uuid,
  "select" integer,
  tags text[] default '{}',
  total numeric generated always as ("select" * 2) stored,
  "par""ent" integer,
  primary key ("select", "Tenant id"),
  unique (tags, "select"),
  check ("select" > 0),
  constraint "small tags" check (cardinality(tags) < 9),
  foreign key ("Tenant id") references abc_auth.users (id) on update cascade on delete set null,
  foreign key ("par""ent", "Tenant id") references abc_public."My ""table""" ("select", "Tenant id")
);`,
      'grant select, insert, update, delete on table abc_public."My ""table""" to anon, authenticated;',
      `comment on table abc_public."My ""table""" is 'what''s in it';`,
      `comment on column abc_public."My ""table"""."select" is E'it''s a \\\\ word';`,
    ]);
  });

  it("makes a table without columns", () => {
    expect(createTable({ ...newTable("public"), name: "t", columns: [], rls: false }, names)).toEqual(["create table abc_public.t ();"]);
  });
});

describe("diffTable", () => {
  it("says nothing of what stays", () => {
    expect(changed(() => {})).toEqual([]);
  });

  it("renames the table first, and uses its new name after", () => {
    expect(changed((draft) => {
      draft.name = "My notes";
      draft.comment = "n";
      of(draft, "Order").name = "position";
    })).toEqual([
      'alter table abc_public.notes rename to "My notes";',
      'alter table abc_public."My notes" rename column "Order" to "position";',
      `comment on table abc_public."My notes" is 'n';`,
    ]);
  });

  it("keeps keys and foreign keys of columns that are renamed", () => {
    expect(set("author", { name: "writer" })).toEqual(["alter table abc_public.notes rename column author to writer;"]);
  });

  it("renames and retypes with the new name, the default put off meanwhile", () => {
    expect(set("body", { name: "Count", type: "integer", default: "0" })).toEqual([
      'alter table abc_public.notes rename column body to "Count";',
      'alter table abc_public.notes alter column "Count" drop default;',
      'alter table abc_public.notes alter column "Count" type integer using "Count"::integer;',
      'alter table abc_public.notes alter column "Count" set default 0;',
    ]);
  });

  it("converts by Postgres' own way where there is one, and as told where told", () => {
    expect(set("Order", { type: "bigint" })).toEqual(['alter table abc_public.notes alter column "Order" type bigint;']);
    expect(set("Order", { type: "boolean", using: '"Order" > 0' })).toEqual(['alter table abc_public.notes alter column "Order" type boolean using "Order" > 0;']);
    expect(set("author", { array: true })).toEqual(["alter table abc_public.notes alter column author type uuid[] using author::uuid[];"]);
  });

  it("sets a default anew where it only outlives the type", () => {
    expect(set("body", { type: "character varying(20)" })).toEqual([
      "alter table abc_public.notes alter column body drop default;",
      "alter table abc_public.notes alter column body type character varying(20);",
      "alter table abc_public.notes alter column body set default ''::text;",
    ]);
  });

  it("drops and sets defaults and nullability", () => {
    expect(set("body", { default: "", nullable: true })).toEqual([
      "alter table abc_public.notes alter column body drop default;",
      "alter table abc_public.notes alter column body drop not null;",
    ]);
    expect(set("Order", { default: "1", nullable: false, fill: "0" })).toEqual([
      'alter table abc_public.notes alter column "Order" set default 1;',
      'update abc_public.notes set "Order" = 0 where "Order" is null;',
      'alter table abc_public.notes alter column "Order" set not null;',
    ]);
  });

  it("adds, turns and drops an identity", () => {
    expect(set("id", { identity: "by_default" })).toEqual(["alter table abc_public.notes alter column id set generated by default;"]);
    expect(set("id", { identity: "" })).toEqual(["alter table abc_public.notes alter column id drop identity;"]);
    expect(set("Order", { identity: "always", nullable: false })).toEqual([
      'alter table abc_public.notes alter column "Order" set not null;',
      'alter table abc_public.notes alter column "Order" add generated always as identity;',
      `select setval(pg_get_serial_sequence('abc_public.notes', 'Order'), coalesce(max("Order"), 0) + 1, false) from abc_public.notes;`,
    ]);
  });

  it("drops columns with what they are in, before others take their names", () => {
    expect(changed((draft) => {
      draft.columns = draft.columns.filter((each) => each.name !== "author");
      draft.columns.push(newColumn({ name: "author", type: "text", nullable: false, default: "'x'", comment: "who" }));
    })).toEqual([
      "alter table abc_public.notes drop constraint notes_author_fkey;",
      "alter table abc_public.notes drop column author;",
      "alter table abc_public.notes add column author text default 'x' not null;",
      "comment on column abc_public.notes.author is 'who';",
    ]);
  });

  it("adds what is computed after what it is computed from, and drops it before", () => {
    expect(changed((draft) => {
      draft.columns.splice(1, 0, newColumn({ name: "twice", type: "integer", generation: "n * 2" }), newColumn({ name: "n", type: "integer" }));
    })).toEqual(["alter table abc_public.notes add column n integer;", "alter table abc_public.notes add column twice integer generated always as (n * 2) stored;"]);
    const before = structuredClone(standing);
    before.columns.push({ ...newColumn({ name: "long", type: "integer", generation: "length(body)" }), key: "old long" });
    const after = structuredClone(before);
    after.columns = after.columns.filter((each) => each.name !== "body" && each.name !== "long");
    expect(diffTable(before, after, names).filter((each) => each.includes("drop column"))).toEqual(["alter table abc_public.notes drop column long;", "alter table abc_public.notes drop column body;"]);
    const other = structuredClone(before);
    of(other, "long").generation = "length(body) + 1";
    expect(diffTable(before, other, names)).toEqual(["alter table abc_public.notes alter column long set expression as (length(body) + 1);"]);
    of(other, "long").generation = "";
    expect(diffTable(before, other, names)).toEqual(["alter table abc_public.notes alter column long drop expression;"]);
  });

  it("changes the primary key", () => {
    expect(changed((draft) => (draft.primary.columns = ["old id", "old Order"]))).toEqual([
      "alter table abc_public.notes drop constraint notes_pkey;",
      'alter table abc_public.notes alter column "Order" set not null;',
      'alter table abc_public.notes add primary key (id, "Order");',
    ]);
    expect(changed((draft) => (draft.primary.columns = []))).toEqual(["alter table abc_public.notes drop constraint notes_pkey;"]);
  });

  it("changes foreign keys, keeping what else they say", () => {
    const key = (change: (key: ForeignKeyDraft) => void) => changed((draft) => change(draft.foreignKeys[0]!));
    expect(key((each) => (each.onDelete = "set null"))).toEqual([
      "alter table abc_public.notes drop constraint notes_author_fkey;",
      "alter table abc_public.notes add foreign key (author) references abc_auth.users (id) on delete set null deferrable initially deferred;",
    ]);
    expect(changed((draft) => (draft.foreignKeys = []))).toEqual(["alter table abc_public.notes drop constraint notes_author_fkey;"]);
    expect(changed((draft) => {
      of(draft, "Order").name = "n";
      draft.foreignKeys.push({ name: null, columns: ["old Order"], self: true, schema: "public", table: "notes", foreignColumns: ["old id"], onUpdate: "no action", onDelete: "no action", options: "" });
    })).toEqual(['alter table abc_public.notes rename column "Order" to n;', "alter table abc_public.notes add foreign key (n) references abc_public.notes (id);"]);
  });

  it("adds, drops and rewords unique keys and checks", () => {
    expect(changed((draft) => {
      draft.uniques = [{ name: null, columns: ["old author", "old Order"] }];
      draft.checks[0]!.expression = "body <> ''";
    })).toEqual([
      "alter table abc_public.notes drop constraint notes_check;",
      "alter table abc_public.notes drop constraint notes_body_key;",
      'alter table abc_public.notes add unique (author, "Order");',
      "alter table abc_public.notes add constraint notes_check check (body <> '');",
    ]);
    expect(changed((draft) => (draft.checks[0]!.name = "Not empty"))).toEqual(['alter table abc_public.notes rename constraint notes_check to "Not empty";']);
  });

  it("turns row level security on and off, and takes comments away", () => {
    expect(changed((draft) => (draft.rls = false))).toEqual(["alter table abc_public.notes disable row level security;"]);
    const told = structuredClone(standing);
    told.comment = "about";
    expect(diffTable(told, standing, names)).toEqual(["comment on table abc_public.notes is null;"]);
  });
});

describe("renames", () => {
  it("waits for a name to be free", () => {
    expect(renames([["a", "b"], ["b", "c"], ["d", "d"]])).toEqual([["b", "c"], ["a", "b"]]);
  });

  it("changes places by way of a free name", () => {
    expect(renames([["a", "b"], ["b", "a"], ["b_", "b_"]])).toEqual([["a", "b__"], ["b", "a"], ["b__", "b"]]);
  });

  it("leaves it to Postgres to refuse a name that stays another's", () => {
    expect(renames([["a", "b"], ["b", "b"]])).toEqual([["a", "b_"], ["b_", "b"]]);
  });
});

describe("drafts", () => {
  it("read checks as they are written", () => {
    expect(expressionOf("CHECK ((price > (0)::numeric))")).toBe("price > (0)::numeric");
    expect(expressionOf("CHECK (((a > 0) AND (b > 0))) NOT VALID")).toBe("(a > 0) AND (b > 0)");
    expect(expressionOf("CHECK (ok)")).toBe("ok");
    expect(expressionOf("CHECK ((a = ')'::text))")).toBe("a = ')'::text");
  });

  it("are duplicated without names that exist once", () => {
    expect(createTable(duplicateOf(standing, "notes copy"), names)[0]).toBe(`create table abc_public."notes copy" (
  id bigint generated always as identity primary key,
  body text default ''::text not null,
  "Order" integer,
  author uuid,
  unique (body),
  check (length(body) > 0),
  foreign key (author) references abc_auth.users (id) on delete cascade deferrable initially deferred
);`);
  });
});
