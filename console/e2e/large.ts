import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Browser, type CDPSession, type Page } from "@playwright/test";
import { runSql } from "./console";
import { traced } from "./trace";

/** A table of very many rows, and a large file: tried with some in every test run, measured with a million rows and 50 MB by "make console-figures". */

/** Makes a table, opens it, and scrolls it all over. Answers with what was seen. */
export async function scrollThrough(browser: Browser, page: Page, url: string, ref: string, rows: number): Promise<string[]> {
  const lines: string[] = [];
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
  const link = page.getByRole("link", { name: table });
  await expect(link).toBeVisible();
  for (const time of ["the first time", "again"]) {
    const milliseconds = await link.evaluate((element: HTMLElement) => {
      const start = performance.now();
      element.click();
      return new Promise<number>((resolve) => {
        const look = () => (document.querySelector('[role=gridcell][data-row="0"][data-at="0"]')?.textContent === "1" ? resolve(performance.now() - start) : requestAnimationFrame(look));
        look();
      });
    });
    lines.push(`first rows of ${rows}, ${time}: ${milliseconds.toFixed(0)} ms after the click`);
    if (time === "the first time") {
      await page.goto(`${url}/projects/${ref}/tables`);
      await expect(link).toBeVisible();
    }
  }
  const grid = page.getByRole("grid", { name: `Rows of ${table}` });
  await expect(grid).toHaveAttribute("aria-rowcount", /^\d{5,}$/);

  const trace = await traced(browser, page, 1, async () => {
    await grid.hover({ position: { x: 300, y: 200 } });
    for (let turn = 0; turn < 120; turn += 1) {
      await page.mouse.wheel(0, 400 + turn * 20);
      await frame(page);
    }
    for (const share of [0.5, 0.1, 0.9, 0.3]) {
      await grid.evaluate((element, to) => element.scrollTo({ top: element.scrollHeight * to }), share);
      for (let turn = 0; turn < 10; turn += 1) await frame(page);
    }
    for (let turn = 0; turn < 20; turn += 1) {
      await page.mouse.wheel(300, 0);
      await frame(page);
    }
  });
  lines.push(`longest task of the page while scrolling: ${trace.longestTask.toFixed(1)} ms; beyond 50 ms in all: ${trace.totalBlockingTime.toFixed(1)} ms`);

  await grid.getByRole("gridcell").first().focus();
  await page.keyboard.press("Control+End");
  await expect(grid.locator("[role=gridcell]:focus")).toHaveText(/^\d{5,}$|^[{].*[}]$/);
  await page.keyboard.press("Control+Home");
  await expect(grid.locator('[role=gridcell][data-row="0"][data-at="0"]')).toBeFocused();
  await expect(grid.locator('[role=gridcell][data-row="0"][data-at="0"]')).toHaveText("1");
  return lines;
}

/** Imports a file of so many megabytes, watching its progress and the tab's memory. Answers with what was seen. */
export async function importFile(browser: Browser, page: Page, url: string, ref: string, megabytes: number): Promise<string[]> {
  const told: string[] = [];
  const folder = await mkdtemp(join(tmpdir(), "fluxbase-import-"));
  const table = `imported_${Date.now()}`;
  try {
    const { path, lines: count } = await writeFile(folder, megabytes);
    await page.goto(`${url}/projects/${ref}/sql`);
    await runSql(page, `create table ${table} (id bigint primary key, name text, note text, price numeric, at timestamptz); select 'made';`);
    await expect(page.getByRole("grid", { name: "Result" })).toContainText("made");
    await page.goto(`${url}/projects/${ref}/tables/public/${table}?import=true`);
    const sheet = page.getByRole("dialog", { name: `Import into ${table}` });
    await expect(sheet.getByText("Drop a file here")).toBeVisible();
    await page.waitForLoadState("networkidle", { timeout: 3000 }).catch(() => {}); // a followed project never idles
    const memory = await watchMemory(page, browser);
    await page.locator("input[type=file]").setInputFiles(path);
    await expect(sheet.getByLabel("Column for price")).toHaveValue("price");
    await sheet.getByRole("button", { name: "Import", exact: true }).click();
    const bar = sheet.getByRole("progressbar");
    const seen = new Set<string>();
    await expect
      .poll(
        async () => {
          const now = (await bar.count()) > 0 ? await bar.getAttribute("aria-valuenow", { timeout: 500 }).catch(() => null) : null;
          if (now) seen.add(now);
          await memory.sample();
          return sheet.getByText(/rows imported in/).count();
        },
        { timeout: 840_000, intervals: [50] },
      )
      .toBe(1);
    await expect(sheet.getByText(new RegExp(`^${count.toLocaleString("en")} rows imported in`))).toBeVisible();
    expect(seen.size).toBeGreaterThan(0);
    told.push(`${megabytes} MB, ${count} rows: ${await sheet.getByText(/rows imported in/).textContent()}`);
    told.push(`the tab grew by ${memory.resident().toFixed(0)} MB of resident memory (${memory.own().toFixed(0)} MB without the browser's own program) and ${memory.heap().toFixed(0)} MB of JavaScript's heap at most; ${seen.size} steps of progress were seen`);
    await sheet.getByRole("button", { name: "Done" }).click();
    await expect(page.getByRole("grid").getByRole("gridcell", { name: "Person 1", exact: true })).toBeVisible();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return told;
}

const frame = (page: Page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));

/** A file of names, notes and prices, about as many megabytes large. */
async function writeFile(folder: string, size: number): Promise<{ path: string; lines: number }> {
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

/** Watches how much memory the tab's process takes beyond what it took at first. */
async function watchMemory(page: Page, browser: Browser) {
  const tab = await page.context().newCDPSession(page);
  await tab.send("Performance.enable");
  await tab.send("HeapProfiler.collectGarbage");
  const pid = await rendererOf(await browser.newBrowserCDPSession());
  const before = { heap: await heapOf(tab), resident: await residentOf(pid), own: await residentOf(pid, true) };
  const most = { ...before };
  return {
    async sample() {
      most.heap = Math.max(most.heap, await heapOf(tab));
      most.resident = Math.max(most.resident, await residentOf(pid));
      most.own = Math.max(most.own, await residentOf(pid, true));
    },
    heap: () => most.heap - before.heap,
    resident: () => most.resident - before.resident,
    own: () => most.own - before.own,
  };
}

async function heapOf(tab: CDPSession): Promise<number> {
  const { metrics } = await tab.send("Performance.getMetrics");
  return (metrics.find((each) => each.name === "JSHeapUsedSize")?.value ?? 0) / 1e6;
}

/** The process of the page: the renderer that takes most memory. */
async function rendererOf(session: CDPSession): Promise<number> {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const renderers = await Promise.all(processInfo.filter((each) => each.type === "renderer").map(async ({ id }) => ({ id, resident: await residentOf(id) })));
  return renderers.reduce((most, each) => (each.resident > most.resident ? each : most)).id;
}

/** In megabytes; on request without what is mapped from files, which is the browser's program and shared by all tabs. */
async function residentOf(pid: number, own = false): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1000;
  return own ? of("RssAnon") + of("RssShmem") : of("VmRSS");
}
