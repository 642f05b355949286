import { expect, type CDPSession, type Locator, type Page } from "@playwright/test";
import { BareTab, type Memory } from "./bare";
import { test } from "./installation";
import { manyRows, openTable, tableOfPeople, withPeople } from "./large";
import { traced } from "./trace";

test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

const rows = 1_000_000;
const megabytes = 50;

test("a million rows", async ({ page, browser, installation, workshop }) => {
  const table = await manyRows(page, installation.url, workshop.ref, rows);
  const lines: string[] = [];
  for (const time of ["the first time", "again", "and again"]) {
    if (lines.length > 0) await page.goto(`${installation.url}/projects/${workshop.ref}/tables`);
    await expect(page.getByRole("link", { name: table })).toBeVisible();
    const { milliseconds } = await openTable(page, table);
    lines.push(`first rows of ${rows}, ${time}: ${milliseconds.toFixed(0)} ms after the click`);
  }
  const grid = page.getByRole("grid", { name: `Rows of ${table}` });
  await page.waitForLoadState("networkidle", { timeout: 3000 }).catch(() => {}); // a followed project never idles
  const session = await page.context().newCDPSession(page);
  lines.push("frames  dropped  longest gap  tasks over 50 ms  longest task  of it work  scrolled by");
  for (const [name, act] of Object.entries(scrolls)) {
    const { frames, longTasks, longestTask, longestWork } = await traced(browser, page, 1, () => act(grid, page, session));
    // Keys are pressed one after the other: between them nothing is to be shown.
    const told = [frames.shown, frames.dropped, name.includes("keys") ? "" : `${frames.longestGap.toFixed(0)} ms`, longTasks, `${longestTask.toFixed(0)} ms`, `${longestWork.toFixed(0)} ms`];
    lines.push(`${told.map((each, index) => String(each).padStart([6, 7, 11, 16, 12, 10][index]!)).join("  ")}  ${name}`);
  }
  process.stdout.write(`${lines.join("\n")}\n`);
});

type Scroll = (grid: Locator, page: Page, session: CDPSession) => Promise<void>;

/** Turns the wheel over the grid, as fast as so many pixels a second. */
const wheel = (x: number, y: number, speed: number): Scroll => async (grid, _, session) => {
  const box = (await grid.boundingBox())!;
  await session.send("Input.synthesizeScrollGesture", { x: box.x + 300, y: box.y + 250, xDistance: -x, yDistance: -y, speed, gestureSourceType: "mouse" });
};

/** Where the scroll bar is from frame to frame; none of it was loaded before. */
const drag = (to: (share: number) => number): Scroll => async (grid) => {
  await grid.evaluate(
    (element, shares) =>
      new Promise<void>((resolve) => {
        const step = () => {
          const share = shares.shift();
          if (share === undefined) return resolve();
          element.scrollTop = share * (element.scrollHeight - element.clientHeight);
          requestAnimationFrame(step);
        };
        step();
      }),
    Array.from({ length: 180 }, (__, index) => to(index / 180)),
  );
};

const keys = (...pressed: [string, number][]): Scroll => async (grid, page) => {
  await grid.getByRole("gridcell").first().focus();
  for (const [key, times] of pressed) for (let n = 0; n < times; n += 1) await page.keyboard.press(key);
};

const scrolls: Record<string, Scroll> = {
  "wheel, slowly": wheel(0, 4000, 1500),
  "wheel, fast": wheel(0, 30_000, 8000),
  "wheel, back up": wheel(0, -20_000, 8000),
  "wheel, to the side": wheel(800, 0, 1500),
  "scroll bar, to the end and back": drag((share) => Math.sin(share * Math.PI)),
  "scroll bar, to another place each frame": drag((share) => Math.abs(Math.sin(share * 1000))),
  "arrow keys": keys(["Control+Home", 1], ["ArrowDown", 60], ["ArrowRight", 9]),
  "page keys": keys(["PageDown", 30], ["Control+End", 1], ["PageUp", 15], ["Control+Home", 1]),
};

const importButton = '[...document.querySelectorAll("[role=dialog] button")].find((each) => each.textContent === "Import" && !each.disabled)';

test("an import of 50 MB", async ({ page, browser, installation, workshop }) => {
  const table = await tableOfPeople(page, installation.url, workshop.ref);
  await page.context().close();
  await withPeople(megabytes, async (path, count) => {
    const tab = await BareTab.open(browser, workshop.session, `${installation.url}/projects/${workshop.ref}/tables/public/${table}?import=true`);
    const said = (pattern: RegExp) => tab.evaluate<boolean>(`${pattern}.test(document.querySelector("[role=dialog]")?.innerText)`);
    await expect.poll(() => said(/Drop a file here/)).toBe(true);
    await tab.collectGarbage();
    const before = await tab.memory();
    const most = { ...before };
    await tab.chooseFile("[role=dialog] input[type=file]", path);
    await expect.poll(() => tab.evaluate(`Boolean(${importButton})`)).toBe(true);
    await tab.evaluate(`${importButton}.click()`);
    const steps = new Set<string>();
    const ended = async () => {
      const now = await tab.memory();
      for (const each of Object.keys(most) as (keyof Memory)[]) most[each] = Math.max(most[each], now[each]);
      steps.add(await tab.evaluate(`document.querySelector("[role=progressbar]")?.getAttribute("aria-valuenow") ?? ""`));
      return said(/rows imported in/);
    };
    await expect.poll(ended, { timeout: 540_000, intervals: [50] }).toBe(true);
    const outcome = await tab.evaluate<string>(`/.*rows imported in.*/.exec(document.querySelector("[role=dialog]").innerText)[0]`);
    expect(outcome).toContain(count.toLocaleString("en"));
    await tab.collectGarbage();
    const after = await tab.memory();
    const growth = (of: Memory) => `${(of.resident - before.resident).toFixed(0)} MB of resident memory (${(of.own - before.own).toFixed(0)} MB without the browser's own program), ${(of.heap - before.heap).toFixed(0)} MB of JavaScript's heap`;
    process.stdout.write(`${megabytes} MB: ${outcome} ${steps.size} steps of progress were seen.\nthe tab grew at most by ${growth(most)}\nafter it, garbage collected, by ${growth(after)}\n`);
    await tab.close();
  });
});
