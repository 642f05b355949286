import { expect, it } from "vitest";
import { createTrigger, dropTrigger, emptyTrigger, enableTrigger, problemsOf, renameTrigger, timingsOf, type TriggerDraft } from "@/features/triggers/trigger";
import type { CatalogTable, Trigger } from "@/lib/catalog";
import { Names } from "@/lib/pg";

const names = new Names([{ name: "public", sql_name: "ab12_public", comment: null, creatable: true }]);
const role = (name: string) => name;
const table = { owned: true, kind: "table" } as CatalogTable;
const draft: TriggerDraft = { ...emptyTrigger({ schema: "public", name: "Touch it" }), schema: "public", table: 'my "t"', name: "on change", events: ["update", "insert"], columns: ["user", "b"], condition: "new.a > 1", arguments: ["it's"] };

it("makes a trigger of names that need quotes", () => {
  expect(createTrigger(draft, table, names, role)).toEqual([`create trigger "on change"\nbefore insert or update of "user", b on ab12_public."my ""t"""\nfor each row\nwhen (new.a > 1)\nexecute function ab12_public."Touch it"('it''s');`]);
});

it("makes its function before it", () => {
  const [fn, trigger] = createTrigger({ ...draft, function: undefined, functionName: "f", arguments: [], condition: "" }, table, names, role);
  expect(fn).toBe("create function ab12_public.f()\nreturns trigger\nlanguage plpgsql\nset search_path to ''\nas $$\nbegin\n  new.updated_at := now();\n  return new;\nend;\n$$;");
  expect(trigger).toMatch(/execute function ab12_public\.f\(\);$/);
  // A service's schema takes no function of the project.
  expect(createTrigger({ ...draft, schema: "auth", function: undefined }, { ...table, owned: false }, names, role)[0]).toContain("create function ab12_public.set_updated_at()");
});

it("switches, renames and drops", () => {
  const trigger = { schema: "public", table: "T", name: "a b" } as Trigger;
  expect(enableTrigger(trigger, false, names)).toBe('alter table ab12_public."T" disable trigger "a b";');
  expect(renameTrigger(trigger, "c", names)).toBe('alter trigger "a b" on ab12_public."T" rename to c;');
  expect(dropTrigger(trigger, names)).toBe('drop trigger "a b" on ab12_public."T";');
});

const paths = (more: Partial<TriggerDraft>, kind: CatalogTable["kind"] = "table") => problemsOf({ ...draft, ...more }, kind, (name) => name === "taken").map(({ path }) => path);

it("refuses what Postgres would, and what would break out", () => {
  expect(paths({})).toEqual([]);
  expect(paths({ name: "taken", table: "", events: [], condition: "true) execute function x(); --" })).toEqual(["table", "name", "events", "condition"]);
  expect(paths({ events: ["truncate"] })).toEqual(["events"]);
  expect(paths({}, "view")).toEqual(["timing"]);
  expect(paths({ function: undefined, functionName: "", body: "" })).toEqual(["functionName", "body"]);
  expect(timingsOf("view", "row")).toEqual(["instead_of"]);
});
