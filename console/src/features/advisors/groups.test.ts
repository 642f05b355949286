import { expect, it } from "vitest";
import { choose, group } from "@/features/advisors/groups";
import type { Advice } from "@/lib/catalog";

const shown = () => true;

const advice = (over: Partial<Advice>): Advice => ({
  rule: "rls_disabled_in_public",
  category: "security",
  level: "error",
  title: "Row level security is off",
  explanation: "",
  detail: "",
  schema: "public",
  object: "notes",
  kind: "table",
  table: "notes",
  fix: null,
  key: "one",
  ...over,
});

const all = [advice({}), advice({ key: "two", object: 'Odd "Name', level: "warning" }), advice({ key: "three", rule: "no_primary_key", category: "performance", title: "A table without a primary key" }), advice({ key: "four", rule: "other", detail: "reads NOTES" })];
const keys = (list: Advice[]) => list.map((each) => each.key);

it("chooses by category, level, words and what is ignored", () => {
  expect(keys(choose(all, { category: "security", shown }))).toEqual(["one", "two", "four"]);
  expect(keys(choose(all, { category: "security", level: "warning", shown }))).toEqual(["two"]);
  expect(keys(choose(all, { category: "security", filter: 'odd "n', shown }))).toEqual(["two"]);
  expect(keys(choose(all, { category: "performance", filter: "primary key", shown }))).toEqual(["three"]);
  expect(keys(choose(all, { category: "security", shown: (key) => key === "four" }))).toEqual(["four"]);
});

it("puts findings of a rule together, at the place of the first", () => {
  expect(group([all[0]!, all[3]!, all[1]!]).map((each) => [each.rule, keys(each.items)])).toEqual([
    ["rls_disabled_in_public", ["one", "two"]],
    ["other", ["four"]],
  ]);
});
