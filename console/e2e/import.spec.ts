import { readFile } from "node:fs/promises";
import { expect, test } from "./installation";
import { grid, prepare } from "./shelf";

test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

test("a file is checked, imported with its faults listed, or becomes a table", async ({ page, installation, workshop }) => {
  const schema = await prepare(page, installation.url, workshop.ref);
  await page.goto(`${installation.url}/projects/${workshop.ref}/tables/${encodeURIComponent(schema)}/Odd%20books?import=true`);
  const lines = Array.from({ length: 3000 }, (_, at) => `"Imported ${at}, ""quoted""";${at % 1000 === 500 ? "no number" : at};ok`);
  await page.locator("input[type=file]").setInputFiles({ name: "books.csv", mimeType: "text/csv", buffer: Buffer.from(`Title "x";PRICE;mood\n${lines.join("\n")}\n`) });
  const sheet = page.getByRole("dialog", { name: "Import into Odd books" });
  await expect(sheet.getByLabel("Delimiter")).toHaveValue(";");
  await expect(sheet.getByLabel("Column for PRICE")).toHaveValue("price");
  await sheet.getByRole("button", { name: "Check first" }).click();
  await expect(sheet.getByText("2,997 rows of 3,000 can be imported. 3 rows refused.")).toBeVisible();
  await expect(sheet.getByRole("row").nth(1)).toContainText("502");
  await sheet.getByRole("button", { name: "Back" }).click();
  await sheet.getByRole("button", { name: "Import", exact: true }).click();
  await expect(sheet.getByText(/^2,997 rows imported in .*3 rows refused\.$/)).toBeVisible();
  const download = page.waitForEvent("download");
  await sheet.getByRole("button", { name: "Download as CSV" }).click();
  expect(await readFile(await (await download).path(), "utf8")).toContain('"Imported 500, ""quoted""",no number,ok,502,');
  await sheet.getByRole("button", { name: "Done" }).click();
  await expect(page.getByText("3,247 rows")).toBeVisible();

  const table = `Visits ${Date.now()}`;
  await page.goto(`${installation.url}/projects/${workshop.ref}/tables?import=true`);
  await page.locator("input[type=file]").setInputFiles({ name: "v.ndjson", mimeType: "", buffer: Buffer.from('{"id": 9007199254740993, "When": "2026-11-23T10:00:00Z", "what": {"a": [1]}}\n{"id": 2, "When": null, "what": null}\n') });
  await page.getByLabel("Name of the table").fill(table);
  await expect(page.getByLabel("Type of When")).toHaveValue("timestamptz");
  await page.getByRole("button", { name: "Review and import" }).click();
  await expect(page.getByTestId("sql-preview")).toContainText("enable row level security");
  await page.getByRole("button", { name: "Create and import" }).click();
  await expect(page.getByText(/^2 rows imported/).first()).toBeVisible();
  await page.getByRole("button", { name: "Done" }).click();
  await expect(grid(page, table).getByRole("gridcell", { name: "9007199254740993" })).toBeVisible();
});
