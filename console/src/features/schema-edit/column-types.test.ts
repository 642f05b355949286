import { describe, expect, it } from "vitest";
import { canonical, defaultsOf, narrowing, needsUsing, shortType } from "@/features/schema-edit/column-types";
import { expressionProblem, isBareWord } from "@/features/schema-edit/expression";

describe("types", () => {
  it("are named as Postgres writes them", () => {
    const pairs = [["int4", "integer"], ["TIMESTAMPTZ", "timestamp with time zone"], ["varchar(20)", "character varying(20)"], ["decimal(10,2)", "numeric(10,2)"], ["char", "character(1)"], ["char(3)", "character(3)"], ["vector(3)", "vector(3)"], ['abc_public."My mood"', 'abc_public."My mood"'], ["double  precision", "double precision"]];
    expect(pairs.map(([typed]) => canonical(typed!))).toEqual(pairs.map(([, written]) => written));
    expect(shortType("timestamp with time zone")).toBe("timestamptz");
    expect(shortType("character varying(20)[]")).toBe("varchar(20)[]");
  });

  it("are converted as told only where Postgres has no way of its own", () => {
    expect(needsUsing("text", "integer")).toBe(true);
    expect(needsUsing("integer", "boolean")).toBe(true);
    expect(needsUsing("text", "text[]")).toBe(true);
    for (const [from, to] of [["integer", "bigint"], ["numeric(10,2)", "integer"], ["uuid", "text"], ["character varying(9)", "text"], ["date", "timestamp with time zone"], ["json", "jsonb"], ["numeric", "numeric(3)"]]) {
      expect(needsUsing(from!, to!), `${from} to ${to}`).toBe(false);
    }
  });

  it("tell what narrowing loses", () => {
    expect(narrowing("text", "character varying(5)", '"A b"')).toEqual({ words: "longer than 5 characters", where: 'length("A b"::text) > 5', refused: true });
    expect(narrowing("character varying(5)", "character varying(9)", "a")).toBeUndefined();
    expect(narrowing("bigint", "integer", "a")?.where).toBe("a not between -2147483648 and 2147483647");
    expect(narrowing("integer", "bigint", "a")).toBeUndefined();
    expect(narrowing("numeric", "integer", "a")).toMatchObject({ refused: false });
    expect(narrowing("numeric", "numeric(10,2)", "a")?.where).toBe("a <> round(a::numeric, 2)");
    expect(narrowing("timestamp with time zone", "date", "a")?.refused).toBe(false);
    expect(narrowing("text", 'x."it\'s"', "a")?.where).toBe("not pg_input_is_valid(a::text, 'x.\"it''s\"')");
    expect(narrowing("uuid", "text", "a")).toBeUndefined();
  });

  it("suggest defaults", () => {
    expect(defaultsOf("uuid", false, null)).toEqual(["gen_random_uuid()", "auth.uid()"]);
    expect(defaultsOf("public.mood", false, ["it's", "b"])).toEqual(["'it''s'", "'b'"]);
    expect(defaultsOf("text", true, null)).toEqual(["'{}'"]);
  });
});

describe("expressions", () => {
  it("stand by themselves", () => {
    for (const fine of ["now()", "'a;b -- c'", "E'it\\'s'", "$$;$$", "$a$ ; $a$", '"a;b" || (x[1])', "a - -1", "'it''s'"]) expect(expressionProblem(fine), fine).toBeUndefined();
    for (const bad of ["0 -- no", "1; drop table x", "(1", "1)", "'open", '"open', "a[1", "/* x */ 1", "$$ open", "(1]", "'\\'; drop table x; --'"]) expect(expressionProblem(bad), bad).toBeDefined();
  });

  it("tell words from expressions", () => {
    expect(isBareWord("draft")).toBe(true);
    expect(isBareWord("in progress")).toBe(true);
    for (const each of ["now()", "'draft'", "null", "true", "0", "current_date"]) expect(isBareWord(each), each).toBe(false);
  });
});
