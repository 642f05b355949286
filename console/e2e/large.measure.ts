import { test } from "./installation";
import { importFile, scrollThrough } from "./large";

test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

test("a million rows", async ({ page, browser, installation, workshop }) => {
  process.stdout.write(`${(await scrollThrough(browser, page, installation.url, workshop.ref, 1_000_000)).join("\n")}\n`);
});

test("an import of 50 MB", async ({ page, browser, installation, workshop }) => {
  process.stdout.write(`${(await importFile(browser, page, installation.url, workshop.ref, 50)).join("\n")}\n`);
});
