import { expect } from "@playwright/test";
import { test } from "./installation";
import { traced, type Traced } from "./trace";

// First contentful paint and total blocking time, of first visits with an empty cache, on a processor four times slower.
const slower = 4;

const median = (values: number[]) => values.toSorted((a, b) => a - b)[2]!;

test("first paint and blocking", async ({ browser, installation, workshop }) => {
  const pages = { "sign-in": "/sign-in", "project home": `/projects/${workshop.ref}`, "table editor": `/projects/${workshop.ref}/tables`, "SQL editor": `/projects/${workshop.ref}/sql` };
  const lines = [`median of five, processor ${slower} times slower`, "first contentful paint  total blocking time  longest task"];
  for (const [name, path] of Object.entries(pages)) {
    const runs: Traced[] = [];
    const paints: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      const context = await browser.newContext({ storageState: name === "sign-in" ? undefined : workshop.session });
      const page = await context.newPage();
      runs.push(
        await traced(browser, page, slower, async () => {
          await page.goto(installation.url + path);
          await expect(page.locator("h1").first()).toBeVisible();
          await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
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
