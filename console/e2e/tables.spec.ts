import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { createUser, runSql, toast } from "./console";
import { expect, test } from "./installation";
import { expectAccessible, expectFits, failing, heldBack } from "./pages";
import { cell, grid, prepare } from "./shelf";

// Wide enough that no column of these tables is out of view.
test.use({ storageState: ({ workshop }, use) => use(workshop.session), viewport: { width: 1900, height: 900 } });

test("rows are browsed, filtered, sorted and changed by keyboard", async ({ page, installation, workshop }) => {
  const schema = await prepare(page, installation.url, workshop.ref);
  const books = grid(page, "Odd books");

  await test.step("the tree finds the table", async () => {
    await page.goto(`${installation.url}/projects/${workshop.ref}/tables`);
    await expect(page.getByRole("button", { name: "New table from a file" })).toBeVisible();
    await page.keyboard.press("/");
    await page.keyboard.type(`${schema}.odd b`);
    await expect(page.getByRole("link", { name: "Odd books" })).toHaveCount(1);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await expect(books.getByRole("gridcell", { name: "Book 1", exact: true })).toBeVisible();
    await expect(page.getByText("250 rows")).toBeVisible();
  });

  await test.step("conditions narrow the rows, and stand in the address", async () => {
    await page.getByRole("button", { name: "Filter" }).click();
    const form = page.getByRole("dialog", { name: "Filter" });
    await form.getByLabel("Column").selectOption("price");
    await form.getByLabel("Operator").selectOption("between");
    await form.getByLabel("Value", { exact: true }).fill("10");
    await form.getByLabel("Second value").fill("20");
    await form.getByRole("button", { name: "Add group" }).click();
    const group = form.getByRole("group", { name: "Group of conditions" });
    await group.getByLabel("Column").selectOption("tags");
    await group.getByLabel("Operator").selectOption("cs");
    await group.getByLabel("Value", { exact: true }).fill("b 9");
    await group.getByRole("button", { name: "Add condition" }).click();
    await group.getByLabel("Column").nth(1).selectOption("doc");
    await group.getByLabel("Operator").nth(1).selectOption("cs");
    await group.getByLabel("Value", { exact: true }).nth(1).fill('{"n": 8}');
    await form.getByRole("button", { name: "Apply filter" }).click();
    await expect(page.getByText("2 rows match")).toBeVisible();
    await expect(page).toHaveURL(/filter=and/);
  });

  await test.step("several columns sort them", async () => {
    await books.getByRole("columnheader", { name: /^price/ }).click();
    await page.getByRole("menuitem", { name: "Sort descending" }).click();
    await expect(page.getByRole("row").nth(1)).toContainText("Book 9");
    await page.getByRole("button", { name: "Sort" }).click();
    await page.getByRole("dialog", { name: "Sort" }).getByRole("button", { name: "Add column" }).click();
    await expect(page).toHaveURL(/sort=price\.desc/);
    await page.keyboard.press("Escape");
    await page.goBack();
    await page.goBack();
    await expect(page.getByRole("row").nth(1)).toContainText("Book 8");
  });

  await test.step("a filter that Postgres refuses is told, and cleared", async () => {
    await page.goto(`${installation.url}/projects/${workshop.ref}/tables/${encodeURIComponent(schema)}/Odd%20books?filter=and(price.eq.cheap)`);
    await expect(page.getByRole("alert")).toContainText("invalid input syntax");
    await page.goto(`${installation.url}/projects/${workshop.ref}/tables/${encodeURIComponent(schema)}/Odd%20books?filter=price.eq`);
    await expect(page.getByRole("alert")).toContainText("The filter in the address cannot be read");
    await page.getByRole("button", { name: "Clear it" }).click();
    await expect(page.getByRole("alert")).toHaveCount(0); // the rows are drawn anew
  });

  await test.step("a value is typed over, undone, and refused in its place", async () => {
    await cell(page, 1, "Book 1").click();
    await page.keyboard.press("Enter");
    const editor = page.getByRole("dialog", { name: /Edit Title/ });
    await editor.getByRole("textbox").fill("First, then\nsecond");
    await page.keyboard.press("Enter");
    await expect(cell(page, 1, /First, then/)).toBeFocused();
    await expect(toast(page, /was changed/)).toBeVisible();
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(cell(page, 1, "Book 1")).toBeVisible();

    await cell(page, 1, "1.50").click();
    await page.keyboard.type("123456789012");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("alert")).toContainText("numeric field overflow");
    await expect(cell(page, 1, "123456789012")).toHaveAttribute("aria-invalid", "true");
    await page.getByRole("button", { name: "Discard" }).click();
    await expect(cell(page, 1, "1.50")).toBeVisible();
  });

  await test.step("enums, keys, arrays, JSON and null are edited as what they are", async () => {
    await cell(page, 2, "ok").click();
    await page.keyboard.type("h"); // is typed over the value, as anything is
    await expect(page.getByRole("dialog", { name: "Edit mood" }).getByRole("combobox")).toHaveValue("happy");
    await page.keyboard.press("Enter");
    await expect(cell(page, 2, "happy")).toBeVisible();
    const letSave = await heldBack(page, "**/meta/v1/query", /"update /);
    await cell(page, 2, "3").click();
    await page.keyboard.type("Author 17");
    await page.keyboard.press("Enter"); // takes what is found by all of it
    await expect(cell(page, 2, "17")).toBeVisible();
    await cell(page, 2, "17").click({ button: "right" });
    await page.getByRole("menuitem", { name: "Peek at authors" }).click();
    const peek = page.getByRole("dialog", { name: "Row of authors" });
    await expect(peek).toContainText("Author 17");
    await letSave(); // Escape is for what is open, whatever is told of meanwhile
    await expect(toast(page, "author was changed.")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(peek).toBeHidden();
    await cell(page, 2, '{a,"b 2"}').dblclick();
    await page.getByRole("dialog", { name: "Edit tags" }).getByRole("button", { name: "Add element" }).click();
    await page.getByLabel("Element 3", { exact: true }).fill("c, d");
    await page.getByRole("dialog", { name: "Edit tags" }).getByRole("button", { name: "Save" }).click();
    await expect(cell(page, 2, '{a,"b 2","c, d"}')).toBeVisible();
    const letEditor = await heldBack(page, "**/code-mirror*", /^/);
    await cell(page, 2, '{"n": 2}').click();
    await page.keyboard.type('{"m"');
    await expect(page.getByLabel("doc, jsonb")).toHaveValue('{"m"'); // until the editor comes
    await letEditor();
    await expect(page.locator(".cm-content")).toBeFocused();
    await page.keyboard.type(": 2}");
    await page.keyboard.press("ControlOrMeta+Enter");
    await expect(cell(page, 2, '{"m": 2}')).toBeVisible();
    await page.keyboard.type("45"); // the editor is there by now
    await page.keyboard.press("ControlOrMeta+Enter");
    await expect(cell(page, 2, "45")).toBeVisible();
  });

  await test.step("a row that someone else changed meanwhile is not overwritten unasked", async () => {
    await runElsewhere(page, installation.url, workshop.ref, `update "${schema}"."Odd books" set price = 77 where id = 3; select 'changed';`);
    await cell(page, 3, "Book 3").click();
    await page.keyboard.type("Mine");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("alert")).toContainText("changed by someone else");
    await page.getByRole("button", { name: "Save anyway" }).click();
    await expect(cell(page, 3, "77.00")).toBeVisible();
    await expect(cell(page, 3, "Mine")).toBeVisible();
    await runElsewhere(page, installation.url, workshop.ref, `alter table "${schema}"."Odd books" rename doc to "Doc."; select 'changed';`);
    await page.getByRole("button", { name: "Read the rows again" }).click();
    await expect(books.getByRole("columnheader", { name: /^Doc\./ })).toBeVisible();
    await cell(page, 2, "happy").dblclick();
    await expect(page.getByRole("dialog", { name: "Edit mood" })).toBeVisible();
    await cell(page, 2, "6.00").dblclick(); // from one editor to the next
    await expect(page.getByRole("dialog", { name: "Edit doubled" })).toContainText("Postgres computes this value");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("dialog", { name: "Edit doubled" })).toBeHidden();
  });
});

/** Runs SQL while a page is open, by a page of its own. */
async function runElsewhere(page: Page, url: string, ref: string, sql: string) {
  const other = await page.context().newPage();
  await other.goto(`${url}/projects/${ref}/sql`);
  await runSql(other, sql);
  await expect(other.getByRole("grid", { name: "Result" })).toContainText("changed");
  await other.close();
}

test("whole rows are opened, inserted, duplicated, chosen, deleted and brought back", async ({ page, installation, workshop }) => {
  const schema = await prepare(page, installation.url, workshop.ref);
  const at = (table: string, search = "") => `${installation.url}/projects/${workshop.ref}/tables/${encodeURIComponent(schema)}/${encodeURIComponent(table)}${search}`;

  await page.goto(at("Odd books", "?row=id.5"));
  const sheet = page.getByRole("dialog", { name: "Row of Odd books" });
  await expect(sheet.getByLabel("price")).toHaveValue("7.50");
  await sheet.getByLabel("price").fill("cheap");
  await sheet.getByRole("button", { name: "Save row" }).click();
  await expect(sheet.getByText("Enter a number.")).toBeVisible();
  await sheet.getByLabel("price").fill("8");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "Close without saving" }).getByRole("button", { name: "Cancel" }).click();
  await sheet.getByRole("button", { name: "Save row" }).click();
  await expect(sheet).toBeHidden();
  await expect(cell(page, 5, "8.00")).toBeVisible();
  await expect(cell(page, 5, "16.00")).toBeVisible(); // is computed from it

  await page.getByRole("button", { name: "Insert" }).click();
  await page.getByRole("menuitem", { name: "Insert row" }).click();
  const insert = page.getByRole("dialog", { name: "Insert row into Odd books" });
  await expect(insert.getByRole("button", { name: "Default" }).first()).toHaveAttribute("aria-pressed", "true");
  await insert.getByLabel('Title "x"').fill("A new one");
  await insert.getByRole("button", { name: "Insert row" }).click();
  await expect(insert).toBeHidden();
  await expect(page.getByText("251 rows")).toBeVisible();

  await cell(page, 1, "Book 1").click({ button: "right" });
  await page.getByRole("menuitem", { name: "Duplicate row" }).click();
  await expect(page.getByText("252 rows")).toBeVisible();
  await expect(toast(page, "A row was duplicated.")).toBeVisible();
  await page.keyboard.press("ControlOrMeta+z");
  await expect(page.getByText("251 rows")).toBeVisible();

  await page.getByLabel("Select row 1", { exact: true }).click();
  await page.getByLabel("Select row 3", { exact: true }).click({ modifiers: ["Shift"] });
  await expect(page.getByText("3 rows chosen")).toBeVisible();
  await page.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("248 rows")).toBeVisible();
  await toast(page, "3 rows deleted.").hover(); // it stays as long
  await cell(page, 1, "Book 4").focus();
  await page.keyboard.press("ControlOrMeta+Enter");
  await expect(sheet).toBeFocused();
  await page.keyboard.press("F8"); // out of the sheet, which holds the focus
  await page.keyboard.press("Enter");
  await expect(page.getByText("251 rows")).toBeVisible();
  await expect(sheet).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(sheet).toBeHidden();
  await expect(cell(page, 1, "Book 1")).toBeVisible();

  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Export rows" }).click();
  await page.evaluate(() => Object.assign(window, { showSaveFilePicker: undefined }));
  await page.getByLabel("Format").selectOption("sql");
  const download = page.waitForEvent("download");
  await page.getByRole("dialog").getByRole("button", { name: "Export" }).click();
  const text = await readFile(await (await download).path(), "utf8");
  expect(text.match(/^ {2}\('/gm)).toHaveLength(251);
  expect(text).toContain(`"Odd books" (id, "Title ""x""",`);

  await page.goto(at("places"));
  await cell(page, 1, "one").dblclick();
  await page.getByRole("dialog", { name: "Edit b" }).getByRole("textbox").fill("uno");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("gridcell", { name: "uno" })).toBeVisible();
  await expect(page.getByText("Without a primary key")).toBeVisible();

  await page.goto(at("titles", "?sort=id.asc"));
  await cell(page, 2, "Book 2").dblclick();
  await page.getByRole("dialog", { name: "Edit title" }).getByRole("textbox").fill("By the view");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("gridcell", { name: "By the view" })).toBeVisible();
});

test("rows are seen and changed as someone else", async ({ page, installation, workshop }) => {
  const schema = await prepare(page, installation.url, workshop.ref);
  const user = await createUser(page, installation.url, workshop.ref);
  await runElsewhere(page, installation.url, workshop.ref, `update "${schema}"."Odd books" set owner = '${user}' where id in (7, 9); select 'changed';`);
  await page.goto(`${installation.url}/projects/${workshop.ref}/tables/${encodeURIComponent(schema)}/Odd%20books`);
  await expect(page.getByText("250 rows")).toBeVisible();
  await page.getByRole("button", { name: "View as" }).click();
  await page.getByRole("button", { name: /^Anonymous/ }).click();
  await expect(page.getByText("This role sees no row")).toBeVisible();
  await page.getByRole("button", { name: "View as: Anonymous" }).click();
  await page.getByLabel("Search users").fill(user);
  await page.getByRole("dialog", { name: "View as" }).getByRole("button", { name: new RegExp(user) }).click();
  await expect(page.getByText("2 rows")).toBeVisible();
  await expect(page).toHaveURL(/as=user/);
  await cell(page, 1, "Book 7").dblclick();
  await page.getByRole("dialog", { name: /Edit Title/ }).getByRole("textbox").fill("By its owner");
  await page.keyboard.press("Enter");
  await expect(toast(page, /was changed/)).toBeVisible();
  await cell(page, 1, user).dblclick();
  await page.getByRole("dialog", { name: "Edit owner" }).getByRole("button", { name: "Set null" }).click();
  await expect(page.getByRole("alert")).toContainText("row-level security");
});

test("the table editor can be used by anyone, anywhere, and after a failure", async ({ page, installation, workshop }) => {
  const schema = await prepare(page, installation.url, workshop.ref);
  const at = (table: string, search = "") => `${installation.url}/projects/${workshop.ref}/tables/${encodeURIComponent(schema)}/${encodeURIComponent(table)}${search}`;
  const restore = await failing(page, /\/meta\/v1\/(query|columns)/);
  await page.goto(at("Odd books"));
  await expect(page.getByText("The table could not be loaded")).toBeVisible();
  await restore();
  const away = await failing(page, /\/meta\/v1\/query/);
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(page.getByText("The rows could not be loaded")).toBeVisible();
  await away();
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(page.getByRole("gridcell", { name: "Book 1", exact: true })).toBeVisible();
  await expectAccessible(page);
  await expectFits(page);

  await page.goto(at("empty"));
  await expect(page.getByText("No rows yet")).toBeVisible();
  await expect(page.getByRole("region", { name: "Snippet" })).toContainText("fbk_pub_");
  await expectAccessible(page);
  await expectFits(page);

  await page.goto(at("Odd books", "?row=id.5"));
  await expect(page.getByRole("dialog", { name: "Row of Odd books" }).getByLabel("price")).toBeVisible();
  await expectAccessible(page);
  await expectFits(page);

  await page.goto(`${installation.url}/projects/${workshop.ref}/tables`);
  await expect(page.getByRole("button", { name: "New table from a file" })).toBeVisible();
  await expectAccessible(page);
  await expectFits(page);
});
