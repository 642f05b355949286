import { expect, type Page } from "@playwright/test";
import { test } from "./installation";
import { traced, type Traced } from "./trace";

// First contentful paint and total blocking time, of first visits with an empty cache, on a processor four times slower.
const slower = 4;

const median = (values: number[]) => values.toSorted((a, b) => a - b)[2]!;

test("first paint and blocking", async ({ browser, installation, workshop }) => {
  const project = `/projects/${workshop.ref}`;
  // What comes last of each page.
  const pages = {
    "sign-in": ["/sign-in", "h1"],
    "project home": [project, "figure[aria-label=Connections] svg"],
    "table editor": [`${project}/tables`, "h1"],
    "SQL editor": [`${project}/sql`, ".cm-content"],
  } as const;
  const lines = [`median of five, processor ${slower} times slower`, "first contentful paint  total blocking time  longest task"];
  for (const [name, [path, last]] of Object.entries(pages)) {
    const runs: Traced[] = [];
    const paints: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      const context = await browser.newContext({ storageState: name === "sign-in" ? undefined : workshop.session });
      const page = await context.newPage();
      runs.push(
        await traced(browser, page, slower, async () => {
          await page.goto(installation.url + path);
          await shown(page, last);
          await page.waitForLoadState("networkidle", { timeout: 3000 }).catch(() => {}); // a followed project never idles
        }),
      );
      paints.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]!.startTime));
      await context.close();
    }
    const told = [median(paints), median(runs.map((run) => run.totalBlockingTime)), median(runs.map((run) => run.longestTask))];
    lines.push(`${told.map((each, index) => `${each.toFixed(0)} ms`.padStart([22, 20, 13][index]!)).join(" ")}  ${name}`);
  }
  process.stdout.write(`${lines.join("\n")}\n`);
});

/** Waits for what comes last. Asked by the protocol alone: what Playwright otherwise puts into a page would count as the page's own work. */
async function shown(page: Page, selector: string) {
  const session = await page.context().newCDPSession(page);
  const expression = `document.querySelector(${JSON.stringify(selector)}) !== null && performance.getEntriesByName("first-contentful-paint").length > 0`;
  await expect.poll(async () => (await session.send("Runtime.evaluate", { expression })).result.value as unknown).toBe(true);
}
