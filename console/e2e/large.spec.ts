import { test } from "./installation";
import { importFile, scrollThrough } from "./large";

test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

test("a table of many rows is scrolled to its end and back", async ({ page, browser, installation, workshop }) => {
  await scrollThrough(browser, page, installation.url, workshop.ref, 60_000);
});

test("a large file is imported with its progress seen", async ({ page, browser, installation, workshop }) => {
  await importFile(browser, page, installation.url, workshop.ref, 3);
});
