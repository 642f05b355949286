import { describe, expect, it } from "vitest";
import { dangers } from "@/features/sql/text/danger";
import { effects } from "@/features/sql/text/effects";
import { statementAt, statements } from "@/features/sql/text/statements";
import { tokenize } from "@/features/sql/text/tokens";

const texts = (sql: string) => statements(sql).map((each) => each.text);
const whats = (sql: string) => dangers(sql).map((each) => each.what);

describe("tokens", () => {
  it("are told apart as Postgres does", () => {
    const seen = tokenize(`SELECT "a""b", E'it\\'s', 'it''s', $1, $x$ ; $$ $x$, 1.5e3 -- ; end\n/* ; /* in */ ; */ from t`);
    expect(seen.filter(({ kind }) => kind !== "sign").map(({ kind, text }) => [kind, text])).toEqual([
      ["word", "select"],
      ["name", 'a"b'],
      ["string", "E'it\\'s'"],
      ["string", "'it''s'"],
      ["number", "$1"],
      ["string", " ; $$ "],
      ["number", "1.5e3"],
      ["word", "from"],
      ["word", "t"],
    ]);
  });

  it("end with the text when they are not closed", () => {
    for (const sql of ["select 'a", 'select "a', "select $$ a", "select /* a", "select E'\\", "-- a", "$", "select $tag", "((("]) {
      const seen = tokenize(sql);
      expect(Math.max(0, ...seen.map(({ to }) => to))).toBeLessThanOrEqual(sql.length);
    }
  });

  it("keep a dollar within a name", () => {
    expect(tokenize("a$b$c").map(({ text }) => text)).toEqual(["a$b$c"]);
  });
});

describe("statements", () => {
  it("are parted by semicolons that part", () => {
    expect(texts(`select ';' ; -- a;\n select $$;$$;; create function f() returns int begin atomic select case when true then 1 end; select 2; end; select (1;2)`)).toEqual([
      "select ';'",
      "select $$;$$",
      "create function f() returns int begin atomic select case when true then 1 end; select 2; end",
      "select (1;2)",
    ]);
    expect(texts(" -- nothing\n;;")).toEqual([]);
  });

  it("are found by a place in the text", () => {
    const sql = "select 1;\n\nselect 2; select 3\n";
    const at = (place: number) => statementAt(sql, place)?.text;
    expect([at(0), at(8), at(9), at(11), at(sql.indexOf("2") + 2), at(sql.length)]).toEqual(["select 1", "select 1", "select 1", "select 2", "select 2", "select 3"]);
    expect(statementAt("  ", 1)).toBeUndefined();
  });
});

describe("dangers", () => {
  it("are what is dropped and emptied", () => {
    expect(whats("drop table if exists public.notes, \"Old Ones\" cascade")).toEqual(['Drops table public.notes, "Old Ones", and what depends on it']);
    expect(whats("DROP materialized VIEW v")).toEqual(["Drops materialized view v"]);
    expect(whats("drop table a, b, c, d, e")).toEqual(["Drops table a, b, c and 2 more"]);
    expect(whats("truncate notes; truncate table only a, b restart identity")).toEqual(["Deletes every row of notes", "Deletes every row of a, b"]);
    expect(whats("delete from notes")).toEqual(["Deletes every row of notes"]);
    expect(whats("with gone as (delete from notes returning *) select * from gone where true")).toEqual(["Deletes every row of notes"]);
    expect(whats("update notes n set body = (select 'x' where true)")).toEqual(["Changes every row of notes"]);
    expect(whats('update only "N" set a = 1')).toEqual(['Changes every row of "N"']);
    expect(whats("alter table notes add a int, drop column if exists body, drop constraint c")).toEqual(["Drops column body of table notes"]);
    expect(whats("alter table notes drop body")).toEqual(["Drops column body of table notes"]);
    expect(whats("alter table notes alter a drop not null, drop column b")).toEqual(["Drops column b of table notes"]);
    expect(whats("do $$ begin if true then delete from notes; end if; drop table x; alter table y drop z; end $$")).toEqual([
      "Deletes every row of notes",
      "Drops table x",
      "Drops column z of table y",
    ]);
    expect(whats("explain analyze delete from notes")).toEqual(["Deletes every row of notes"]);
    expect(dangers("select 1;\n drop table a")[0]).toMatchObject({ from: 11, text: "drop table a" });
  });

  it("are none in comments, strings, conditions, and what runs later", () => {
    for (const sql of [
      "-- drop table a\nselect 'drop table a; delete from b', $$truncate c$$, \"drop\" /* delete from x */",
      "delete from notes where id = 1",
      "update notes set a = 1 where id = 1",
      "with x as (select 1) update notes set a = 1 from x where true",
      "insert into a values (1) on conflict (id) do update set a = 2",
      "select * from a for update",
      "create table a (b int references c on delete cascade on update set null)",
      "grant select, delete, update on a to anon",
      "create policy p on a for delete using (true)",
      "create function f() returns void language sql begin atomic delete from a; end",
      "create trigger t before update or delete on a for each row execute function f()",
      "alter table a alter b drop not null, alter c drop default",
      "explain delete from a",
      "merge into a using b on a.id = b.id when matched then delete when not matched then do nothing",
      "merge into a using b on a.id = b.id when matched then update set x = 1",
    ]) {
      expect(whats(sql), sql).toEqual([]);
    }
  });
});

describe("effects", () => {
  it.each([
    ["create table a as select 1", true, true],
    ["select 1 as x INTO b", true, true],
    ["with gone as (delete from a returning *) select * from gone", false, true],
    ["update a set b = 1 returning *", false, true],
    ["select 'drop table a', \"drop\" -- alter", false, false],
    ["explain analyze select 1", false, false],
  ])("%s", (sql, schema, rows) => expect(effects(sql)).toEqual({ schema, rows }));
});
