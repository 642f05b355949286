import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Locator, type Page } from "@playwright/test";
import { runSql } from "./console";

/** A table of very many rows, and a large file: tried with some in every test run, measured with a million rows and 50 MB by "make console-figures". */

/** Makes a table of so many rows, and goes to where its link is. */
export async function manyRows(page: Page, url: string, ref: string, rows: number): Promise<string> {
  const table = `many_${Date.now()}`;
  await page.goto(`${url}/projects/${ref}/sql`);
  await runSql(
    page,
    `create table ${table} as select n as id, md5(n::text) as hash, n % 1000 as bucket, now() - n * interval '1 second' as at, 'text of row ' || n as body, n % 2 = 0 as even,
      n * 3 as a, n * 5 as b, n * 7 as c, jsonb_build_object('n', n) as doc from generate_series(1, ${rows}) n;
    alter table ${table} add primary key (id); analyze ${table}; select 'made';`,
  );
  await expect(page.getByRole("grid", { name: "Result" })).toContainText("made", { timeout: 300_000 });
  await page.goto(`${url}/projects/${ref}/tables`);
  await expect(page.getByRole("link", { name: table })).toBeVisible();
  return table;
}

/** Opens the table. Answers with its grid, and after how many milliseconds its first row was there. */
export async function openTable(page: Page, table: string): Promise<{ grid: Locator; milliseconds: number }> {
  const milliseconds = await page.getByRole("link", { name: table }).evaluate((element: HTMLElement) => {
    const start = performance.now();
    element.click();
    return new Promise<number>((resolve) => {
      const look = () => (document.querySelector('[role=gridcell][data-row="0"][data-at="0"]')?.textContent === "1" ? resolve(performance.now() - start) : requestAnimationFrame(look));
      look();
    });
  });
  const grid = page.getByRole("grid", { name: `Rows of ${table}` });
  await expect(grid).toHaveAttribute("aria-rowcount", /^\d{5,}$/);
  return { grid, milliseconds };
}

/** Scrolls by wheel and bar, then goes to the last row and back to the first by keyboard. */
export async function scrollThrough(page: Page, grid: Locator) {
  await grid.hover({ position: { x: 300, y: 200 } });
  await page.mouse.wheel(0, 4000);
  await expect(grid.locator('[role=gridcell][data-row="130"][data-at="0"]')).toHaveText("131");
  await page.mouse.wheel(900, 0);
  await expect.poll(() => grid.evaluate(({ scrollLeft, scrollWidth, clientWidth }) => scrollLeft === Math.min(900, scrollWidth - clientWidth))).toBe(true);
  await grid.evaluate((element) => element.scrollTo({ top: element.scrollHeight * 0.5, left: 0 }));
  await expect(grid.locator('[role=gridcell][data-at="0"]').nth(9)).toHaveText(/^\d{5,}$/);
  await grid.getByRole("gridcell").first().focus();
  await page.keyboard.press("Control+End");
  await expect(grid.locator("[role=gridcell]:focus")).toHaveText(/^\d{5,}$|^[{].*[}]$/);
  await page.keyboard.press("Control+Home");
  await expect(grid.locator('[role=gridcell][data-row="0"][data-at="0"]')).toBeFocused();
  await expect(grid.locator('[role=gridcell][data-row="0"][data-at="0"]')).toHaveText("1");
}

/** Makes an empty table for what writePeople writes. Answers with its name. */
export async function tableOfPeople(page: Page, url: string, ref: string): Promise<string> {
  const table = `imported_${Date.now()}`;
  await page.goto(`${url}/projects/${ref}/sql`);
  await runSql(page, `create table ${table} (id bigint primary key, name text, note text, price numeric, at timestamptz); select 'made';`);
  await expect(page.getByRole("grid", { name: "Result" })).toContainText("made");
  return table;
}

/** A file of names, notes and prices, about as many megabytes large, as long as it is used. */
export async function withPeople<T>(megabytes: number, use: (path: string, lines: number) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "fluxbase-import-"));
  try {
    const { path, lines } = await writePeople(folder, megabytes);
    return await use(path, lines);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writePeople(folder: string, size: number): Promise<{ path: string; lines: number }> {
  const path = join(folder, "people.csv");
  const file = createWriteStream(path);
  let written = 0;
  let lines = 0;
  file.write("id,name,note,price,at\n");
  while (written < size * 1_000_000) {
    lines += 1;
    const line = `${lines},Person ${lines},"A note, with ""quotes"" and ümlauts for row ${lines}",${lines % 1000}.25,2026-11-23T10:00:00Z\n`;
    written += Buffer.byteLength(line);
    if (!file.write(line)) await new Promise<void>((resolve) => file.once("drain", () => resolve()));
  }
  await new Promise<void>((resolve) => file.end(() => resolve()));
  return { path, lines };
}
