import { expect, it } from "vitest";
import { readHistory, remembered, searched, type PastRun } from "@/features/sql/panel/history";

const run = (text: string, more: Partial<PastRun> = {}): PastRun => ({ id: text.slice(0, 20), text, at: 1, took: 2, ...more });

it("remembers the newest runs, one of each in a row, and no more than fits", () => {
  let history: PastRun[] = [];
  for (const text of ["a", "b", "b", "a"]) history = remembered(history, run(text));
  expect(history.map(({ text }) => text)).toEqual(["a", "b", "a"]);
  history = remembered(history, run("a", { as: "anon" }));
  expect(history).toHaveLength(4);
  for (let n = 0; n < 600; n += 1) history = remembered(history, run(`select ${n}`));
  expect(history).toHaveLength(500);
  expect(history[0]!.text).toBe("select 599");
  for (let n = 0; n < 60; n += 1) history = remembered(history, run(`${n}${"x".repeat(30_000)}`));
  expect(history.length).toBeLessThan(60);
  expect(JSON.stringify(history).length).toBeLessThan(1_100_000);
});

it("is searched by words in texts and errors", () => {
  const history = [run("select * from notes"), run("delete from notes", { error: "permission denied" }), run("select 1")];
  expect(searched(history, "NOTES select").map(({ text }) => text)).toEqual(["select * from notes"]);
  expect(searched(history, "denied")).toHaveLength(1);
  expect(searched(history, " ")).toHaveLength(3);
});

it("reads whatever is kept", () => {
  for (const written of [null, "", "{}", "[1,null,{}]"]) expect(readHistory(written)).toEqual([]);
  expect(readHistory(JSON.stringify([run("a")]))).toEqual([run("a")]);
});
