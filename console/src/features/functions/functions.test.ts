import { describe, expect, it } from "vitest";
import { callSql, callText, faultOf, parametersOf, startOf, unreachable, type Given } from "@/features/functions/call";
import { at, changeFunction, createFunction, draftOf, dropFunction, emptyFunction, problemsOf, uneditable, type FunctionDraft } from "@/features/functions/draft";
import { withCall, type PastCall } from "@/features/functions/history";
import { bodyOf, curl, supabaseJs } from "@/features/functions/snippets";
import { templates } from "@/features/functions/templates";
import type { DatabaseFunction, DatabaseType, Grant } from "@/lib/catalog";
import { Names } from "@/lib/pg";

const names = new Names([
  { name: "public", sql_name: "ab12_public", comment: null, creatable: true },
  { name: "Odd one", sql_name: "ab12_Odd one", comment: null, creatable: true },
]);
const role = (name: string) => `ab12_${name}`;
const argument = (name: string, type: string, more: Partial<FunctionDraft["arguments"][number]> = {}) => ({ key: name, name, type, mode: "in" as const, default: "", ...more });

const text = (value: string): Given => ({ is: "value", text: value });
const grant = (sql_role: string, grantor = "owner"): Grant => ({ object_kind: "function", schema: "public", object: "f()", column: null, role: sql_role, sql_role, privileges: ["execute"], grantor });

function fn(more: Partial<DatabaseFunction>): DatabaseFunction {
  return {
    schema: "public", name: "f", identity_arguments: "", arguments: [], returns: "integer", language: "sql", kind: "function", volatility: "volatile", security_definer: false,
    settings: [], body: "\nselect 1;\n", definition: "CREATE OR REPLACE FUNCTION ab12_public.f()\n RETURNS integer\n LANGUAGE sql\nAS $function$\nselect 1;\n$function$\n", comment: null, owned: true, ...more,
  }; // prettier-ignore
}

describe("SQL of functions", () => {
  it("quotes names, and bodies whatever is in them", () => {
    const draft: FunctionDraft = { ...emptyFunction("Odd one"), name: 'say "hi"', arguments: [argument("user", "text", { default: "'a'" }), argument("", "integer[]", { mode: "variadic" })], returns: "setof", type: "text", body: "select '$$', '$body$'", definer: true, searchPath: "''", comment: "it's one" };
    expect(createFunction(draft, names, role).join("\n")).toBe(`create function "ab12_Odd one"."say ""hi"""("user" text default 'a', variadic integer[])
returns setof text
language sql
stable
security definer
set search_path to ''
as $body1$
select '$$', '$body$'
$body1$;
comment on function "ab12_Odd one"."say ""hi"""(text, integer[]) is 'it''s one';`);
  });

  it("lets only those call it that are meant", () => {
    const draft: FunctionDraft = { ...emptyFunction("public"), name: "f", callers: "signed-in" };
    expect(createFunction(draft, names, role).slice(1)).toEqual(["revoke execute on function ab12_public.f() from public;", "grant execute on function ab12_public.f() to ab12_authenticated, ab12_service_role;"]);
    expect(createFunction({ ...draft, callers: "servers" }, names, role)[2]).toBe("grant execute on function ab12_public.f() to ab12_service_role;");
    expect(createFunction({ ...draft, returns: "trigger", language: "plpgsql" }, names, role)).toHaveLength(1);
  });

  it("makes tables and triggers", () => {
    const draft: FunctionDraft = { ...emptyFunction("public"), name: "t", returns: "table", columns: [{ key: "1", name: "group", type: "text" }, { key: "2", name: "n", type: "bigint" }] };
    expect(createFunction(draft, names, role)[0]).toContain('returns table ("group" text, n bigint)\n');
    expect(createFunction({ ...draft, returns: "trigger", language: "plpgsql", volatility: "volatile" }, names, role)[0]).toContain("returns trigger\nlanguage plpgsql\nas $$");
  });

  it("keeps what the form does not show when a function is replaced", () => {
    const found = fn({
      identity_arguments: "a integer", arguments: [{ name: "a", type: "integer", mode: "in", has_default: false, default: null }], volatility: "stable", security_definer: true, settings: ["search_path=\"\"", "work_mem=64MB"],
      definition: "CREATE OR REPLACE FUNCTION ab12_public.f(a integer)\n RETURNS integer\n LANGUAGE sql\n STABLE PARALLEL SAFE STRICT SECURITY DEFINER COST 10\n SET search_path TO ''\n SET work_mem TO '64MB'\nAS $function$\nselect 1;\n$function$\n",
    }); // prettier-ignore
    const draft = draftOf(found);
    expect(draft).toMatchObject({ rest: ["PARALLEL SAFE STRICT COST 10", "SET work_mem TO '64MB'"], searchPath: "''", body: "select 1;", parsed: false });
    expect(changeFunction(found, draft, names, [])).toEqual([]);
    expect(changeFunction(found, { ...draft, body: "select 2;" }, names, [])).toEqual(["create or replace function ab12_public.f(a integer)\nreturns integer\nlanguage sql\nstable\nsecurity definer\nPARALLEL SAFE STRICT COST 10\nSET work_mem TO '64MB'\nset search_path to ''\nas $$\nselect 2;\n$$;"]);
    expect(changeFunction(found, { ...draft, name: "g h", comment: "x" }, names, [])).toEqual(['alter function ab12_public.f(a integer) rename to "g h";', "comment on function ab12_public.\"g h\"(integer) is 'x';"]);
  });

  it("makes a function anew where Postgres asks for it, and gives back who may call it", () => {
    const found = fn({});
    const sql = changeFunction(found, { ...draftOf(found), type: "text", comment: "c" }, names, [grant("ab12_anon"), grant("owner")]);
    expect(sql[0]).toBe("drop function ab12_public.f();");
    expect(sql.slice(2)).toEqual(["revoke execute on function ab12_public.f() from public;", "grant execute on function ab12_public.f() to ab12_anon;", "comment on function ab12_public.f() is 'c';"]);
    expect(changeFunction(found, { ...draftOf(found), type: "text" }, names, [grant("public")])).toHaveLength(2);
  });

  it("keeps bodies that Postgres keeps parsed", () => {
    const found = fn({ body: "RETURN (a + 1)", definition: "CREATE OR REPLACE FUNCTION ab12_public.f()\n RETURNS integer\n LANGUAGE sql\n IMMUTABLE\nRETURN (a + 1)\n", volatility: "immutable" });
    expect(draftOf(found)).toMatchObject({ parsed: true, rest: [] });
    expect(changeFunction(found, { ...draftOf(found), body: "return 2;" }, names, [])[0]).toMatch(/immutable\nreturn 2;$/);
  });

  it("says why some are not edited, and drops by arguments", () => {
    expect(uneditable(fn({ owned: false }))).toContain("service");
    expect(uneditable(fn({ kind: "aggregate" }))).toContain("aggregate");
    expect(uneditable(fn({}))).toBeUndefined();
    expect(dropFunction(fn({ identity_arguments: "a integer" }), names, true)).toBe("drop function ab12_public.f(a integer) cascade;");
    expect(at(fn({ kind: "aggregate" }), names)).toBe("ab12_public.f(*)");
  });

  it("finds what would break out of its place", () => {
    const draft: FunctionDraft = { ...emptyFunction("public"), name: "f", arguments: [argument("a", "text); drop table x --", { default: "1" }), argument("a", "int")], searchPath: "x; drop", body: " " };
    expect(problemsOf(draft).map(({ path }) => path.join("."))).toEqual(["arguments.0.type", "arguments.1.name", "arguments.1.default", "searchPath", "body"]);
    expect(problemsOf({ ...emptyFunction("public"), name: "f", returns: "trigger" })[0]?.message).toContain("plpgsql");
  });

  it("offers templates that have no fault", () => {
    for (const each of templates("public", names, [], [])) expect(problemsOf({ ...each.draft, name: each.draft.name || "f" }), each.id).toEqual([]);
  });
});

describe("calls", () => {
  const types: DatabaseType[] = [{ schema: "public", name: "mood", kind: "enum", values: ["sad", "glad"], definition: null, comment: null }];
  const found = fn({
    name: "do it",
    arguments: [
      { name: "n", type: "bigint", mode: "in", has_default: false, default: null },
      { name: "feels", type: "mood", mode: "in", has_default: false, default: null },
      { name: "on", type: "boolean", mode: "in", has_default: true, default: "true" },
      { name: "tags", type: "text[]", mode: "variadic", has_default: false, default: null },
      { name: "doc", type: "jsonb", mode: "in", has_default: false, default: null },
      { name: "out", type: "text", mode: "out", has_default: false, default: null },
    ],
  });
  const parameters = parametersOf(found, types, names);
  const values: Record<number, Given> = { 0: text("12"), 1: text("glad"), 2: { is: "default" }, 3: text('{a,"b c",NULL}'), 4: text('{"a": [1]}') };

  it("knows what each argument takes", () => {
    expect(parameters.map(({ column }) => [column.base_type, column.kind, column.array])).toEqual([["int8", "b", false], ["mood", "e", false], ["bool", "b", false], ["text", "b", true], ["jsonb", "b", false]]);
    expect(parameters.map(startOf)).toEqual([text(""), text("sad"), { is: "default" }, text("{}"), text("{}")]);
    expect(faultOf(parameters[0]!, text("1.5"), parameters, values)).toBe("Enter a whole number.");
    expect(faultOf(parameters[4]!, text("{"), parameters, values)).toContain("no JSON");
  });

  it("gives values apart from the text, by name", () => {
    expect(callSql(found, parameters, values, names)).toEqual({
      query: `select * from ab12_public."do it"(n => $1::bigint, feels => $2::mood, variadic tags => $3::text[], doc => $4::jsonb)`,
      params: ["12", "glad", '{a,"b c",NULL}', '{"a": [1]}'],
    });
    expect(callText(found, parameters, { ...values, 1: { is: "null" } }, names)).toContain("feels => null::mood");
    expect(callText(fn({ arguments: found.arguments.slice(0, 1) }), parameters.slice(0, 1), { 0: text("1'; drop table x --") }, names)).toBe("select * from ab12_public.f(n => '1''; drop table x --'::bigint);");
    expect(callSql({ ...found, kind: "procedure", arguments: found.arguments.slice(5) }, [], {}, names).query).toBe(`call ab12_public."do it"("out" => null)`);
  });

  it("writes what apps write", () => {
    const access = { url: "https://x.example", key: "fbk_pub_1" };
    expect(bodyOf(parameters, values)).toBe('{"n": 12, "feels": "glad", "tags": ["a", "b c", null], "doc": {"a": [1]}}');
    expect(bodyOf(parameters.slice(0, 1), { 0: text("9007199254740993") })).toBe('{"n": "9007199254740993"}');
    expect(supabaseJs(found, parameters, values, access)).toContain('supabase.rpc("do it", {\n  "n": 12,');
    expect(supabaseJs({ ...found, schema: "Odd one" }, [], {}, access)).toContain('supabase.schema("Odd one").rpc("do it");');
    expect(curl(found, parameters.slice(1, 2), { 1: text("it's") }, access)).toBe(`curl -X POST 'https://x.example/rest/v1/rpc/do%20it' \\\n  -H 'apikey: fbk_pub_1' \\\n  -H 'Content-Type: application/json' \\\n  --data-raw '{"feels": "it'\\''s"}'`);
    expect(unreachable(found, parameters)).toBeUndefined();
    expect(unreachable({ ...found, kind: "procedure" }, [])).toContain("procedures");
  });

  it("remembers fifty, and no values that are too large", () => {
    const call: PastCall = { id: "1", at: 1, took: 2, values: { 0: text("x".repeat(30_000)) } };
    expect(withCall([], call)[0]!.values).toBeUndefined();
    expect(withCall(Array.from({ length: 50 }, () => ({ ...call, values: {} })), call)).toHaveLength(50);
  });
});
