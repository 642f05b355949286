import { readFile } from "node:fs/promises";
import { toast } from "./console";
import { expect, test } from "./installation";
import { expectAccessible, expectFits } from "./pages";
import { databaseOf, expectSurvives, run, shownSql, write } from "./schema";

test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

test("an advice is fixed and gone, and another is ignored and told again", async ({ page, installation, workshop }) => {
  const at = `${installation.url}/projects/${workshop.ref}`;
  const database = await databaseOf(page, installation.url, workshop.ref);
  await database.sql(`drop table if exists "Advice ""open" cascade; create table "Advice ""open" (id bigint, body text); insert into "Advice ""open" values (1, 'secret'); grant select on "Advice ""open" to anon`);
  const open = encodeURIComponent('Advice "open');
  expect(((await database.rest(open)).body as unknown[]).length).toBe(1);

  await test.step("what anyone reads is an error, and its fix shuts it", async () => {
    await page.goto(`${at}/advisors?filter=Advice`);
    const group = page.getByRole("region", { name: "Row level security is off" });
    await expect(group.getByRole("listitem")).toContainText('Every row of Advice "open is open: anon may select.');
    await expect(group.getByRole("link", { name: /Advice "open/ })).toHaveAttribute("href", /database\/tables\/public\/.*edit=policies/);
    await expectAccessible(page);
    await expectFits(page);
    await group.getByRole("button", { name: /^Fix Advice/ }).click();
    await expect(shownSql(page)).toHaveText('alter table public."Advice ""open" enable row level security;');
    await run(page, "Run fix");
    await expect(toast(page, "The fix ran.")).toBeVisible();
    await expect(group).toHaveCount(0);
    expect(await database.rest(open)).toEqual({ status: 200, body: [] });
    await expect(page.getByRole("region", { name: "Row level security without a policy" }).getByText("By hand")).toBeVisible();
  });

  await test.step("what is ignored stays so in this browser, with its reason, until it is told again", async () => {
    await page.getByRole("button", { name: /^Performance/ }).click();
    await expect(page).toHaveURL(/tab=performance/);
    const group = page.getByRole("region", { name: "A table without a primary key" });
    await group.getByRole("button", { name: /^Ignore Advice/ }).click();
    const dialog = page.getByRole("dialog", { name: "Ignore this finding" });
    await expect(dialog.getByRole("button", { name: "Ignore" })).toBeDisabled();
    await dialog.getByLabel("Reason").fill("It is a log.");
    await dialog.getByRole("button", { name: "Ignore" }).click();
    await expect(group).toHaveCount(0);
    await page.reload();
    await page.getByRole("button", { name: "1 ignored" }).click();
    await expect(group).toContainText("It is a log.");
    await group.getByRole("button", { name: /^Show Advice/ }).click();
    await expect(page.getByText("No finding matches")).toBeVisible();
    await page.getByRole("button", { name: "Show what is open" }).click();
    await expect(group).toContainText("has no primary key");
  });
  await database.sql('drop table "Advice ""open"');
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(page.getByText("No finding matches")).toBeVisible();
});

test("a migration is written, refused, mended and applied, and taken along", async ({ page, installation, workshop }) => {
  const at = `${installation.url}/projects/${workshop.ref}/database/migrations`;
  const database = await databaseOf(page, installation.url, workshop.ref);
  await page.goto(at);
  await page.getByRole("button", { name: "New migration" }).first().click();
  const sheet = page.getByRole("dialog", { name: "New migration" });
  await sheet.getByRole("button", { name: "Review SQL" }).click();
  await expect(sheet.getByText("Enter a name")).toBeVisible();
  await sheet.getByLabel("Name").fill("Make it: pages");
  await write(page, "SQL", 'create table "Migrated ""pages" (id bigint primary key);\nalter table "Migrated ""pages" add colum body text;');
  await expectAccessible(page);
  await expectFits(page);
  await sheet.getByRole("button", { name: "Review SQL" }).click();
  const review = page.getByRole("dialog", { name: "Apply make_it_pages" });
  await review.getByRole("button", { name: "Apply migration" }).click();
  await expect(review.getByRole("alert")).toContainText('syntax error at or near "text"');
  await page.keyboard.press("Escape");
  await expect(sheet.getByRole("button", { name: "Review SQL" })).toBeFocused(); // where it was opened from
  await page.keyboard.press("Escape");
  const question = page.getByRole("dialog", { name: "Discard what was typed" });
  await question.getByRole("button", { name: "Cancel" }).click();
  await write(page, "SQL", 'create table "Migrated ""pages" (id bigint primary key);\nalter table "Migrated ""pages" add column body text -- what it says');
  await sheet.getByRole("button", { name: "Review SQL" }).click();
  await run(page, "Apply migration");

  const row = page.getByRole("row", { name: /make_it_pages/ });
  await expect(row).toContainText(/Ada \d+/);
  await expect(row.getByRole("cell").last()).toHaveText("2");
  await database.sql("insert into supabase_migrations.schema_migrations (version, name, statements) values ('20200101000000', 'by_another', array['select 1'])");
  await page.getByLabel("Filter by name, version or SQL").fill("by_another");
  await expect(page.getByRole("row", { name: /by_another/ })).toContainText("another tool");
  await page.getByLabel("Filter by name, version or SQL").fill("migrated");
  await row.getByRole("link").click();
  const details = page.getByRole("dialog", { name: "make_it_pages" });
  await expect(details.getByRole("textbox", { name: "Statement 2" })).toContainText("add column body text");
  await expect(page).toHaveURL(/migrations\/20\d{12}\?filter=migrated/);
  await expectAccessible(page);
  await expectFits(page);
  const [file] = await Promise.all([page.waitForEvent("download"), details.getByRole("button", { name: "Download" }).click()]);
  expect(file.suggestedFilename()).toMatch(/^20\d{12}_make_it_pages\.sql$/);
  expect(await readFile(await file.path(), "utf8")).toBe('create table "Migrated ""pages" (id bigint primary key);\n\nalter table "Migrated ""pages" add column body text -- what it says\n;\n');
  await page.keyboard.press("Escape");
  const [all] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download all" }).click()]);
  expect(await readFile(await all.path(), "utf8")).toContain("20200101000000_by_another.sql");
  await database.sql(`drop table "Migrated ""pages"; delete from supabase_migrations.schema_migrations where version = '20200101000000'`);
});

test("an index is made, built anew and dropped; an extension is enabled and disabled; a grant is given and taken back", async ({ page, installation, workshop }) => {
  const at = `${installation.url}/projects/${workshop.ref}/database`;
  const database = await databaseOf(page, installation.url, workshop.ref);
  await database.sql(`drop table if exists "Granted ""notes"; create table "Granted ""notes" (id bigint primary key, body text); insert into "Granted ""notes" values (1, 'x')`);

  await test.step("index", async () => {
    await page.goto(`${at}/indexes?filter=granted`);
    await expect(page.getByRole("row", { name: /pkey/ })).toContainText("primary key");
    await page.getByRole("button", { name: "Create index" }).click();
    await page.getByRole("dialog").getByRole("combobox", { name: "Table", exact: true }).selectOption({ label: 'Granted "notes' });
    const sheet = page.getByRole("dialog", { name: /^Create an index on/ });
    await sheet.getByLabel("Column", { exact: true }).selectOption({ label: "body · text" });
    await sheet.getByLabel("Name").fill("granted by body");
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    await run(page, "Create index");
    const row = page.getByRole("row", { name: /granted by body/ });
    await expect(row).toContainText("unused");
    await row.getByRole("button", { name: /^Actions/ }).click();
    await page.getByRole("menuitem", { name: "Build anew" }).click();
    await expect(shownSql(page)).toHaveText('reindex index concurrently public."granted by body";');
    await run(page, "Build anew");
    await expect(toast(page, /was built anew/)).toBeVisible();
    await row.getByRole("button", { name: /^Actions/ }).click();
    await page.getByRole("menuitem", { name: "Drop index" }).click();
    await run(page, "Drop index");
    await expect(row).toHaveCount(0);
    expect(await database.sql("select count(*)::text from supabase_migrations.schema_migrations where name like '%reindex%'")).toEqual([["0"]]);
  });

  await test.step("extension", async () => {
    await page.goto(`${at}/extensions?filter=citext`);
    await page.getByRole("switch", { name: "citext" }).click();
    await expect(shownSql(page)).toHaveText("create extension citext schema extensions cascade;");
    await run(page, "Enable");
    await expect(page.getByRole("row", { name: /citext/ })).toContainText("extensions");
    await database.sql('alter table "Granted ""notes" add column email extensions.citext');
    await page.getByRole("switch", { name: "citext" }).click();
    const review = page.getByRole("dialog", { name: "Disable citext" });
    await expect(review.getByRole("list", { name: "What uses it" })).toContainText("column email of table");
    await review.getByRole("button", { name: "Disable" }).click();
    await expect(review.getByRole("alert")).toContainText("other objects depend on it");
    await review.getByLabel("Drop what uses it too").check();
    await review.getByLabel(/to confirm/).fill("citext");
    await expectAccessible(page);
    await run(page, "Disable");
    await expect(page.getByRole("switch", { name: "citext" })).not.toBeChecked();
    await page.getByLabel("Filter by name or purpose").fill("file_fdw");
    await expect(page.getByRole("switch", { name: /not trusted/ })).toHaveAttribute("aria-disabled", "true");
  });

  await test.step("grant", async () => {
    const notes = encodeURIComponent('Granted "notes');
    expect((await database.rest(notes)).status).toBe(401);
    await page.goto(`${at}/roles?filter=granted`);
    await page.getByLabel('anon may select Granted "notes').check();
    await page.getByLabel('anon may insert Granted "notes').check();
    await page.getByLabel('anon may insert Granted "notes').uncheck();
    await page.getByLabel('service_role may delete Granted "notes').uncheck();
    await expect(page.getByText("2 changes not run")).toBeVisible();
    await page.getByRole("button", { name: "Review SQL" }).click();
    await expect(shownSql(page)).toContainText('grant select on table public."Granted ""notes" to anon;');
    await expect(shownSql(page)).toContainText('revoke delete on table public."Granted ""notes" from service_role;');
    await run(page, "Change grants");
    await expect(page.getByRole("row", { name: /Granted/ })).toContainText("RLS off");
    expect((await database.rest(notes)).status).toBe(200);
    await page.getByLabel('anon may select Granted "notes').uncheck();
    await page.getByRole("button", { name: "Review SQL" }).click();
    await run(page, "Change grants");
    expect((await database.rest(notes)).status).toBe(401);
  });
  await database.sql('drop table "Granted ""notes"');
});

test("advisors and extensions survive a failing backend, are accessible and fit a phone", async ({ page, installation, workshop }) => {
  await expectSurvives(page, `${installation.url}/projects/${workshop.ref}`, [
    ["advisors", "Advisors", "The database could not be looked at"],
    ["database/extensions", "Extensions", "The extensions could not be loaded"],
  ]);
});

test("migrations and roles survive a failing backend, are accessible and fit a phone", async ({ page, installation, workshop }) => {
  await expectSurvives(page, `${installation.url}/projects/${workshop.ref}`, [
    ["database/migrations", "Migrations", "The migrations could not be loaded"],
    ["database/migrations/19990101000000", "Migration", "The migration could not be loaded"],
    ["database/roles", "Roles and grants", "The grants could not be loaded"],
  ]);
});

test("indexes survive a failing backend, are accessible and fit a phone", async ({ page, installation, workshop }) => {
  const database = await databaseOf(page, installation.url, workshop.ref);
  await database.sql("create table if not exists database_walls (id bigint primary key, body text)");
  await expectSurvives(page, `${installation.url}/projects/${workshop.ref}`, [
    ["database/indexes?schema=*", "Indexes", "The indexes could not be loaded"],
    ["database/indexes?create=true&on=database_walls", "Create an index on database_walls", "The tables could not be loaded"],
  ]);
  await database.sql("drop table database_walls");
});
