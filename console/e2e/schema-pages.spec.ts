import { expect, test } from "./installation";
import { expectAccessible, heldBack } from "./pages";
import { column, databaseOf, expectSurvives, run, shownSql, write } from "./schema";

test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

test("views and enums are made, changed and dropped; a table's name and default are checked where they are typed", async ({ page, installation, workshop }) => {
  const at = `${installation.url}/projects/${workshop.ref}/database`;
  const database = await databaseOf(page, installation.url, workshop.ref);
  await database.sql("create table schema_books (id bigint primary key, title text); create type schema_mood as enum ('sad', 'glad'); insert into schema_books values (1, 'One')");

  await test.step("a name that is taken is said so, and a default that is none in Postgres' words", async () => {
    const tell = await heldBack(page, "**/meta/v1/tables?limit=10000&*", /^/); // known only once the name was given
    await page.goto(`${at}/tables?edit=new-table`);
    const sheet = page.getByRole("dialog", { name: "Create table" });
    await sheet.getByLabel("Name", { exact: true }).first().fill("schema_books");
    await column(sheet, "created_at").getByLabel("Default").fill("nowhere()");
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    await tell();
    await expect(sheet.getByText("schema_books is there already: choose another name.")).toBeVisible();
    await sheet.getByLabel("Name", { exact: true }).first().fill("schema_pages");
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    const review = page.getByRole("dialog", { name: "Create schema_pages" });
    await review.getByRole("button", { name: "Create table" }).click();
    await expect(review.getByRole("alert")).toContainText("function nowhere() does not exist");
    await page.keyboard.press("Escape");
    await expect(column(sheet, "created_at").getByLabel("Default")).toHaveValue("nowhere()");
  });

  await test.step("a view reads as who asks, is replaced, and made anew where it must be", async () => {
    await page.goto(`${at}/tables?edit=new-view`);
    const sheet = page.getByRole("dialog", { name: "Create view" });
    await sheet.getByLabel("Name", { exact: true }).fill("schema_titles");
    await write(page, "Query", "select id, title from schema_books");
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    await expect(shownSql(page)).toContainText("security_invoker = on");
    await expectAccessible(page);
    await run(page, "Create view");
    await page.getByRole("link", { name: "schema_titles" }).click();
    const edit = page.getByRole("dialog", { name: "Edit schema_titles" });
    await expect(edit.getByRole("textbox", { name: "Query" })).toContainText("schema_books");
    await write(page, "Query", "select title from schema_books");
    await edit.getByRole("button", { name: "Review SQL" }).click();
    const review = page.getByRole("dialog", { name: "Change schema_titles" });
    await review.getByRole("button", { name: "Change view" }).click();
    await expect(review.getByRole("alert")).toContainText("cannot");
    await review.getByRole("button", { name: "Cancel" }).click();
    await edit.getByLabel("Drop it and create it anew").check();
    await edit.getByRole("button", { name: "Review SQL" }).click();
    await run(page, "Change view");
    expect(await database.sql("select * from schema_titles")).toEqual([["One"]]);
  });

  await test.step("an enum gets a value between others, and another name for one", async () => {
    await page.goto(`${at}/types`);
    await page.getByRole("link", { name: "schema_mood" }).click();
    const sheet = page.getByRole("dialog", { name: "Type schema_mood" });
    await sheet.getByRole("textbox", { name: "Value 1" }).press("Enter");
    await sheet.getByRole("textbox", { name: "Value 2" }).fill("so-so");
    await sheet.getByRole("textbox", { name: "Value 3" }).fill("happy");
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    await run(page, "Change type");
    expect(await database.sql("select enum_range(null::schema_mood)::text")).toEqual([["{sad,so-so,happy}"]]);
    await page.getByRole("link", { name: "schema_mood" }).click();
    await sheet.getByRole("button", { name: "Drop type" }).click();
    await run(page, "Drop type");
  });
  await database.sql("drop table schema_books cascade");
});

const pages = {
  "tables and types": [
    ["tables?schema=*", "Tables", "The tables could not be loaded"],
    ["types?schema=*", "Types", "The types could not be loaded"],
    ["tables/public/schema_walls", "Edit schema_walls", "The table could not be loaded"],
  ],
  policies: [
    ["policies", "Policies", "The policies could not be loaded"],
    ["policies/public/schema_walls?item=new", "Create a policy on schema_walls", "The policies could not be loaded"],
  ],
} as const;
for (const [these, list] of Object.entries(pages)) {
  test(`${these} survive a failing backend, are accessible and fit a phone`, async ({ page, installation, workshop }) => {
    const at = `${installation.url}/projects/${workshop.ref}/database`;
    const database = await databaseOf(page, installation.url, workshop.ref);
    await database.sql("create table if not exists schema_walls (id bigint primary key, user_id uuid)");
    await expectSurvives(page, at, list);
    await database.sql("drop table schema_walls");
  });
}
