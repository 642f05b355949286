import { expect, test } from "./installation";
import { heldBack } from "./pages";
import { manyRows, openTable, scrollThrough, tableOfPeople, withPeople } from "./large";

test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

test("a table of many rows is scrolled to its end and back", async ({ page, installation, workshop }) => {
  const { grid } = await openTable(page, await manyRows(page, installation.url, workshop.ref, 60_000));
  await scrollThrough(page, grid);
});

test("a large file is imported with its progress seen", async ({ page, installation, workshop }) => {
  const table = await tableOfPeople(page, installation.url, workshop.ref);
  await withPeople(3, async (path, lines) => {
    await page.goto(`${installation.url}/projects/${workshop.ref}/tables/public/${table}?import=true`);
    const sheet = page.getByRole("dialog", { name: `Import into ${table}` });
    await sheet.locator("input[type=file]").setInputFiles(path);
    await expect(sheet.getByLabel("Column for price")).toHaveValue("price");
    const letEnd = await heldBack(page, "**/meta/v1/import", new RegExp(`"Person ${lines}"`));
    await sheet.getByRole("button", { name: "Import", exact: true }).click();
    await expect(sheet.getByRole("progressbar")).toHaveAttribute("aria-valuenow", /^[1-9]/);
    await letEnd();
    await expect(sheet.getByText(new RegExp(`^${lines.toLocaleString("en")} rows imported in`))).toBeVisible({ timeout: 60_000 });
    await sheet.getByRole("button", { name: "Done" }).click();
    await expect(page.getByRole("grid").getByRole("gridcell", { name: "Person 1", exact: true })).toBeVisible();
  });
});
