import { createUser } from "./console";
import { expect, test } from "./installation";
import { expectAccessible, expectFits } from "./pages";
import { addColumn, chooseType, column, databaseOf, run, shownSql } from "./schema";

test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

test("a table of all sorts is made, exposed, and guarded by policies", async ({ page, installation, workshop }) => {
  const at = `${installation.url}/projects/${workshop.ref}/database`;
  const database = await databaseOf(page, installation.url, workshop.ref);
  const user = await createUser(page, installation.url, workshop.ref);
  const table = 'Order "items"';
  const quoted = '"Order ""items"""';
  await database.sql(`drop table if exists ${quoted}; drop type if exists "Item state"; select 1`);

  await test.step("an enum is made for it", async () => {
    await page.goto(`${at}/types`);
    await page.getByRole("button", { name: "Create enum" }).first().click();
    const sheet = page.getByRole("dialog", { name: "Create enum" });
    await sheet.getByLabel("Name", { exact: true }).fill("Item state");
    await sheet.getByRole("textbox", { name: "Value 1" }).fill("new");
    await page.keyboard.press("Enter");
    await expect(sheet.getByRole("textbox", { name: "Value 2" })).toBeFocused();
    await page.keyboard.type("it's done");
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    await expect(sheet.getByText("Enter a value, or remove it.")).toBeVisible();
    await sheet.getByRole("button", { name: "Remove value 3" }).click();
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    await run(page, "Create enum");
    await expect(page.getByRole("row", { name: /Item state/ })).toContainText("new, it's done");
  });

  await test.step("the table is filled in, and its SQL shown before it runs", async () => {
    await page.goto(`${at}/tables?edit=new-table`);
    const sheet = page.getByRole("dialog", { name: "Create table" });
    await sheet.getByLabel("Name", { exact: true }).first().fill(table);
    await sheet.getByLabel("Comment", { exact: true }).first().fill("what's ordered");
    await addColumn(sheet, "user_id", "uuid").then((row) => row.getByLabel("Default").fill("auth.uid()"));
    await addColumn(sheet, "state", "Item state", "it's done").then((row) => row.getByLabel("Default").fill("new"));
    await column(sheet, "state").getByRole("button", { name: "Use the text 'new'" }).click();
    const price = await addColumn(sheet, "price", "numeric(10,2)");
    await price.getByLabel("price may be null").uncheck();
    const total = await addColumn(sheet, "with tax", "numeric");
    await total.getByRole("button", { name: "More of" }).click();
    await total.getByLabel("Computed from").fill("price * 1.2");
    const tags = await addColumn(sheet, "tags", "text");
    await tags.getByRole("button", { name: "More of" }).click();
    await tags.getByLabel("List of values").check();
    const code = await addColumn(sheet, "code", "varchar(8)");
    await code.getByRole("button", { name: "More of" }).click();
    await code.getByLabel("Unique").check();
    await code.getByRole("button", { name: "Move code up" }).click();
    await sheet.getByRole("button", { name: "Add foreign key" }).click();
    await sheet.getByLabel("Refers to").selectOption({ label: "auth.users" });
    await sheet.getByLabel("Column here").selectOption({ label: "code · varchar(8)" });
    await expect(sheet.getByText(/code is varchar\(8\), id is uuid/)).toBeVisible();
    await sheet.getByLabel("Column here").selectOption({ label: "user_id · uuid" });
    await sheet.getByLabel("When a row there is deleted").selectOption({ label: "Delete these rows too" });
    await sheet.getByRole("button", { name: "Add check" }).click();
    await sheet.getByLabel("Condition", { exact: true }).fill("price > 0; drop table x");
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    await expect(sheet.getByText("Leave out the semicolon")).toBeVisible();
    await sheet.getByLabel("Condition", { exact: true }).fill("price > 0");
    await expectAccessible(page);
    await expectFits(page);
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    const sql = shownSql(page);
    await expect(sql).toContainText(`create table public.${quoted}`);
    await expect(sql).toContainText("enable row level security");
    await run(page, "Create table");
    const made = await database.sql(`select column_name, data_type, column_default, is_nullable from information_schema.columns where table_name = '${table}' order by ordinal_position`);
    expect(made.map(([name, type]) => `${String(name)} ${String(type)}`)).toEqual(["id bigint", "created_at timestamp with time zone", "user_id uuid", "state USER-DEFINED", "price numeric", "with tax numeric", "code character varying", "tags ARRAY"]);
    const facts = await database.sql(`select relrowsecurity::text, obj_description(oid), (select count(*)::text from pg_constraint where conrelid = c.oid and contype in ('p', 'u', 'f', 'c')) from pg_class c where relname = '${table}'`);
    expect(facts).toEqual([["true", "what's ordered", "4"]]);
    await database.sql(`insert into ${quoted} (user_id, price, code) values ('${user}', 10, 'mine'), (null, 20, 'nobody''s')`);
  });

  const row = page.getByRole("row").filter({ hasText: table });
  const path = encodeURIComponent(table);

  await test.step("requests are refused without a grant, see nothing without a policy, and what a policy allows", async () => {
    expect((await database.rest(path)).status).toBe(401);
    await row.getByRole("button", { name: /^Actions of/ }).click();
    await page.getByRole("menuitem", { name: "Policies and grants" }).click();
    const sheet = page.getByRole("dialog", { name: /^Policies of/ });
    await sheet.getByRole("button", { name: "Expose to the API" }).click();
    await run(page, "Run");
    expect(await database.rest(path)).toEqual({ status: 200, body: [] });
    await expectAccessible(page);
    await expectFits(page);

    await sheet.getByRole("button", { name: "Create policy" }).click();
    await expect(page).toHaveURL(/item=new/);
    const form = page.getByRole("dialog", { name: /^Create a policy/ });
    await form.getByRole("button", { name: /^Users manage their own rows/ }).click();
    await expect(form.getByLabel("Column with the user's id")).toHaveValue("user_id");
    await expect(form.getByRole("textbox", { name: "Using" })).toHaveText("(select auth.uid()) = user_id");
    await form.getByRole("button", { name: "Review SQL" }).click();
    await run(page, "Create policy");
    expect((await database.rest(path)).body).toEqual([]);

    await sheet.getByRole("button", { name: "Read as anon" }).click();
    await expect(sheet.getByRole("status").filter({ hasText: "Sees" })).toHaveText("Sees 0 of 2 rows.");
    await sheet.getByLabel("Who", { exact: true }).selectOption({ label: "A user (authenticated)" });
    await sheet.getByLabel("User", { exact: true }).fill(user);
    await sheet.getByRole("button", { name: "Read as this user" }).click();
    await expect(sheet.getByRole("status").filter({ hasText: "Sees" })).toContainText("Sees 1 of 2 rows.");
    await expect(sheet.getByRole("region", { name: "Rows that are seen" })).toContainText("mine");
  });

  await test.step("a policy that lets anyone write is warned of, changed and dropped", async () => {
    const sheet = page.getByRole("dialog", { name: /^Policies of/ });
    await sheet.getByRole("button", { name: "Create policy" }).click();
    const form = page.getByRole("dialog", { name: /^Create a policy/ });
    await form.getByRole("button", { name: /^Everyone reads\s?Who/ }).click();
    await form.getByLabel("Name").fill("open");
    await form.getByLabel("Allows to").selectOption("all");
    await expect(form.getByText("Anyone with the publishable key may read, change and delete every row")).toBeVisible();
    await form.getByLabel("Allows to").selectOption("select");
    await form.getByRole("button", { name: "Review SQL" }).click();
    await run(page, "Create policy");
    expect((await database.rest(`${path}?select=code`)).body).toHaveLength(2);

    await sheet.getByRole("button", { name: /^open/ }).click();
    const using = page.getByRole("textbox", { name: "Using" });
    await using.focus();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.insertText("price > 15");
    await page.getByRole("button", { name: "Review SQL" }).click();
    await expect(shownSql(page)).toHaveText(`alter policy open on public.${quoted} using (price > 15);`);
    await run(page, "Change policy");
    expect((await database.rest(`${path}?select=code`)).body).toEqual([{ code: "nobody's" }]);
    await sheet.getByRole("button", { name: /^open/ }).click();
    await page.getByRole("button", { name: "Drop policy" }).click();
    await run(page, "Drop policy");
    expect((await database.rest(`${path}?select=code`)).body).toEqual([]);
    await sheet.getByRole("radio", { name: /^Forced/ }).click();
    await run(page, "Run");
    await expect(sheet.getByRole("radio", { name: /^Forced/ })).toBeChecked();
  });
  await database.sql(`drop table ${quoted}; drop type "Item state"`);
});

test("a table is indexed, changed, duplicated and dropped, and what is lost is said before", async ({ page, installation, workshop }) => {
  const at = `${installation.url}/projects/${workshop.ref}/database`;
  const database = await databaseOf(page, installation.url, workshop.ref);
  const user = "8f0c0b5e-3c1f-4e0f-9a51-2a7a4a4a0b11";
  const table = 'Order "parts"';
  const quoted = '"Order ""parts"""';
  const path = encodeURIComponent(table);
  await database.sql(`drop table if exists ${quoted}, items_copy cascade; create table ${quoted} (id bigint generated always as identity primary key, user_id uuid, price numeric(10,2) not null check (price > 0), "with tax" numeric generated always as (price * 1.2) stored,
    code varchar(8) unique, kept_by bigint references ${quoted});
    alter table ${quoted} enable row level security; insert into ${quoted} (user_id, price, code) values ('${user}', 10, 'mine'), (null, 20, 'nobody''s')`);
  await page.goto(`${at}/tables`);
  const row = page.getByRole("row").filter({ hasText: table });

  await test.step("an index is made and dropped", async () => {
    await row.getByRole("button", { name: /^Actions of/ }).click();
    await page.getByRole("menuitem", { name: "Indexes and constraints" }).click();
    await page.getByRole("button", { name: "Create index" }).click();
    const sheet = page.getByRole("dialog", { name: /^Create an index/ });
    await sheet.getByRole("combobox", { name: "Column" }).selectOption({ label: "user_id · uuid" });
    await sheet.getByRole("button", { name: "Add column" }).click();
    await sheet.getByRole("textbox", { name: "Expression" }).last().fill("lower(code)");
    await sheet.getByLabel("Name", { exact: true }).fill("by user");
    await sheet.getByLabel("Only rows where").fill("price > 5");
    await sheet.getByLabel("Concurrently").check();
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    await run(page, "Create index");
    const list = page.getByRole("dialog", { name: /^Indexes and constraints/ });
    await expect(list.getByRole("listitem").filter({ hasText: "by user" })).toContainText("btree (user_id, lower((code)::text)) WHERE (price > (5)::numeric)");
    await expectAccessible(page);
    await list.getByRole("button", { name: "Drop by user" }).click();
    await run(page, "Drop index");
    await list.getByRole("button", { name: "Close" }).click();
  });

  await test.step("the table is changed, and told what is lost", async () => {
    await page.goto(`${at}/tables/public/${path}?edit=table`);
    const sheet = page.getByRole("dialog", { name: /^Edit/ });
    await expect(sheet.getByText("Nothing is changed")).toBeVisible();
    await column(sheet, "code").getByLabel("Name").fill("sku");
    await chooseType(column(sheet, "sku").getByRole("button", { name: /^Type of/ }), "varchar(5)");
    await column(sheet, "user_id").getByLabel("user_id may be null").uncheck();
    await sheet.getByRole("button", { name: "Remove with tax" }).click();
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    const review = page.getByRole("dialog", { name: /^Change/ });
    await expect(review).toContainText("Column with tax is dropped with 2 values.");
    await expect(review).toContainText("Column code: 1 value is longer than 5 characters.");
    await expect(review).toContainText("Column user_id has 1 null.");
    await review.getByLabel(/to confirm/).fill("with tax");
    await review.getByRole("button", { name: "Change table" }).click();
    await expect(review.getByRole("alert")).toContainText("Nothing was changed");
    await review.getByRole("button", { name: "Cancel" }).click();
    // What was typed is still there.
    await expect(column(sheet, "sku").getByRole("button", { name: /varchar\(5\)/ })).toBeVisible();
    await column(sheet, "user_id").getByRole("button", { name: "More of" }).click();
    await column(sheet, "user_id").getByLabel("In place of nulls").fill(`'${user}'`);
    await column(sheet, "sku").getByRole("button", { name: "More of" }).click();
    await column(sheet, "sku").getByLabel("Convert with").fill("left(sku, 5)");
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    await review.getByLabel(/to confirm/).fill("with tax");
    await run(page, "Change table");
    expect(await database.sql(`select sku, user_id::text from ${quoted} order by price`)).toEqual([["mine", user], ["nobod", user]]);
  });

  await test.step("a column is added by itself, and the shape duplicated", async () => {
    await page.goto(`${at}/tables/public/${path}?edit=column`);
    const sheet = page.getByRole("dialog", { name: /^Add a column/ });
    await sheet.getByLabel("Name", { exact: true }).fill("number");
    await chooseType(sheet.getByRole("button", { name: /^Type: / }), "int4");
    await sheet.getByLabel("Identity").selectOption({ label: "Unless a value is given" });
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    await run(page, "Change table");
    expect(await database.sql(`select number::text from ${quoted} order by 1`)).toEqual([["1"], ["2"]]);
    await page.goto(`${at}/tables/public/${path}?edit=duplicate`);
    const copy = page.getByRole("dialog", { name: /^Duplicate/ });
    await copy.getByLabel("Name", { exact: true }).first().fill("items_copy");
    await copy.getByRole("button", { name: "Review SQL" }).click();
    await run(page, "Create table");
    expect(await database.sql("select count(*)::text from pg_constraint where conrelid = 'items_copy'::regclass and contype in ('p', 'u', 'f', 'c')")).toEqual([["4"]]);
  });

  await test.step("it is dropped with what depends on it, once its name was typed", async () => {
    await database.sql(`create view "dear items" with (security_invoker = on) as select * from ${quoted} where price > 10`);
    await page.goto(`${at}/tables/public/${path}?edit=drop`);
    const review = page.getByRole("dialog", { name: /^Drop/ });
    await expect(review.getByRole("list", { name: "What depends on it" })).toContainText("view dear items");
    await expect(review).toContainText("its 2 rows");
    await expect(review.getByRole("button", { name: "Drop table" })).toBeDisabled();
    await review.getByLabel(/to confirm/).fill(table);
    await review.getByRole("button", { name: "Drop table" }).click();
    await expect(review.getByRole("alert")).toContainText("other objects depend on it");
    await review.getByLabel("Drop what depends on it too").check();
    await expectAccessible(page);
    await run(page, "Drop table");
    expect(await database.sql("select count(*)::text from pg_class where relname in ('dear items') or relname like 'Order %'")).toEqual([["0"]]);
    await database.sql("drop table items_copy");
  });
});
