import { readFileSync } from "node:fs";
import { expect, test } from "./installation";
import { expectAccessible } from "./pages";
import { chooseType, databaseOf, expectSurvives, run, shownSql, write } from "./schema";

test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

test("a function is made, called by a form that fits it and by an app, changed and dropped", async ({ page, installation, workshop }) => {
  const at = `${installation.url}/projects/${workshop.ref}/database`;
  const database = await databaseOf(page, installation.url, workshop.ref);
  await database.sql(`drop function if exists "Greet all", greet_them; drop type if exists "Tone"; create type "Tone" as enum ('calm', 'it''s loud')`);

  await test.step("its faults are told beside the fields, and its SQL before it runs", async () => {
    await page.goto(`${at}/functions?create=true`);
    const sheet = page.getByRole("dialog", { name: "Create function" });
    await sheet.getByLabel("Returns").selectOption({ label: "A table" });
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    await expect(sheet.getByText("Enter a name.")).toBeVisible();
    await expect(sheet.getByText("Add a column.")).toBeVisible();
    await sheet.getByLabel("Name", { exact: true }).first().fill("Greet all");
    for (const [name, type, value] of [["names", "text[]", ""], ["times", "int4", ""], ["shout", "bool", "false"], ["tone", "Tone", "'calm'"], ["extra", "jsonb", "'{}'"]] as const) {
      await sheet.getByRole("button", { name: "Add argument" }).click();
      const argument = sheet.getByRole("region", { name: "Arguments" }).getByRole("listitem").last();
      await argument.getByLabel("Name", { exact: true }).fill(name);
      await chooseType(argument.getByRole("button", { name: /^Type of/ }), type, type === "Tone" ? "it's loud" : "");
      if (value) await argument.getByLabel("Default", { exact: true }).fill(value);
    }
    for (const [place, name] of [[1, "greeting"], [2, "n"]] as const) {
      await sheet.getByRole("button", { name: "Add column" }).click();
      await sheet.getByLabel(`Name of column ${place}`).fill(name);
    }
    await chooseType(sheet.getByRole("button", { name: /^Type of column 2: / }), "int4");
    await write(page, "Body", "select case when shout then upper('Hello ' || name) else 'Hello ' || name end || coalesce(extra ->> 'end', ''), i from unnest(names) name, generate_series(1, times) i order by i, name;");
    await sheet.getByLabel("Runs with its owner’s rights").check();
    await expect(sheet.getByLabel("Search path")).toHaveValue("''");
    await expectAccessible(page);
    await sheet.getByRole("button", { name: "Review SQL" }).click();
    await expect(shownSql(page)).toContainText("set search_path to ''");
    await expect(shownSql(page)).toContainText('"Greet all"');
    await run(page, "Create function");
    await expect(page).toHaveURL(/functions\/public\/Greet%20all/);
  });

  const sheet = page.getByRole("dialog", { name: "Greet all" });
  const form = sheet.getByRole("form", { name: "Call Greet all" });
  await test.step("a form of its arguments calls it, and says what is wrong where it is", async () => {
    await expect(sheet.getByRole("region", { name: "Definition" })).toContainText("SECURITY DEFINER");
    await sheet.getByRole("button", { name: "Call", exact: true }).click();
    const names = form.getByRole("group", { name: "names", exact: true }).first();
    for (const [place, name] of [[1, "Ada"], [2, "it's \"me\""]] as const) {
      await names.getByRole("button", { name: "Add element" }).click();
      await names.getByLabel(`Element ${place}`, { exact: true }).fill(name);
    }
    await form.getByRole("button", { name: "Call", exact: true }).click();
    await expect(form.getByText("Enter a whole number.")).toBeVisible();
    await form.getByLabel("times", { exact: true }).last().fill("2");
    await form.getByLabel("How shout is given").selectOption("value");
    await form.getByRole("switch", { name: "shout" }).click();
    await form.getByLabel("How tone is given").selectOption("value");
    await form.getByRole("combobox", { name: "tone", exact: true }).selectOption("it's loud");
    await form.getByLabel("How extra is given").selectOption("value");
    await write(page, "extra", '{"end": "!"}');
    await form.getByRole("button", { name: "Call", exact: true }).click();
    await expect(sheet.getByRole("region", { name: "Answer" }).getByRole("status")).toContainText(/4 rows\. \d+ ms/);
    await expect(sheet.getByRole("grid", { name: /^Answer of/ })).toContainText('HELLO IT\'S "ME"!');
    await form.getByLabel("How tone is given").selectOption("null");
    await form.getByRole("button", { name: "Call", exact: true }).click();
    await expect(sheet.getByRole("region", { name: "Earlier calls" }).getByRole("listitem")).toHaveCount(2);
    await sheet.getByRole("region", { name: "Earlier calls" }).getByRole("listitem").last().getByRole("button").click();
    await expect(form.getByRole("combobox", { name: "tone", exact: true })).toHaveValue("it's loud");
  });

  await test.step("an app calls it with the snippet's values", async () => {
    const snippets = sheet.getByRole("region", { name: "Snippets" });
    await expect(snippets.getByRole("region", { name: "Snippet" })).toContainText('.rpc("Greet all", {');
    await snippets.getByRole("button", { name: "curl" }).click();
    const text = (await snippets.getByRole("region", { name: "Snippet" }).textContent())!;
    const [, path, key] = /\/rest\/v1\/(\S+)'[\s\S]*apikey: (fbk_pub_\w+)/.exec(text)!;
    const body = /--data-raw '([\s\S]*)'$/.exec(text)![1]!.replaceAll(`'\\''`, "'");
    const answer = await page.request.post(`${database.base}/rest/v1/${path}`, { headers: { apikey: key!, "Content-Type": "application/json" }, data: body });
    expect(answer.status(), await answer.text()).toBe(200);
    expect(((await answer.json()) as { greeting: string }[])[0]).toEqual({ greeting: "HELLO ADA!", n: 1 });
    await snippets.getByRole("button", { name: "SQL" }).click();
    await expect(snippets.getByRole("region", { name: "Snippet" })).toContainText("times => '2'::integer");
  });

  await test.step("who it is called as decides", async () => {
    await database.sql(`revoke execute on function "Greet all" from public`);
    await sheet.getByRole("button", { name: /^Role:/ }).click();
    await page.getByRole("menuitemradio", { name: /^anon/ }).click();
    await form.getByRole("button", { name: "Call", exact: true }).click();
    await expect(sheet.getByRole("alert")).toContainText("permission denied");
  });

  await test.step("it is made anew where Postgres asks for it, without being given to everyone", async () => {
    await sheet.getByRole("button", { name: "Change", exact: true }).click();
    const change = page.getByRole("dialog", { name: "Greet all" });
    await change.getByLabel("Name", { exact: true }).first().fill("greet_them");
    await change.getByRole("button", { name: "Remove extra" }).click();
    await write(page, "Body", "select name || '', i from unnest(names) name, generate_series(1, times) i;");
    await change.getByRole("button", { name: "Review SQL" }).click();
    await expect(shownSql(page)).toContainText("revoke execute on function");
    await run(page, "Change function");
    await expect(page).toHaveURL(/functions\/public\/greet_them/);
    expect(await database.sql("select proname::text, has_function_privilege('public', oid, 'execute')::text, prosecdef::text, pronargs::text from pg_proc where proname in ('Greet all', 'greet_them')")).toEqual([["greet_them", "false", "true", "4"]]);
  });

  await test.step("what depends on it is told before it is dropped", async () => {
    await database.sql("create or replace view greeted with (security_invoker = on) as select * from greet_them('{a}', 1)");
    await page.goto(`${at}/functions`);
    await page.getByRole("link", { name: "greet_them" }).click();
    await page.getByRole("button", { name: "Drop function" }).click();
    const review = page.getByRole("dialog", { name: "Drop greet_them" });
    await expect(review.getByRole("list", { name: "What depends on it" })).toContainText("view greeted");
    await review.getByRole("button", { name: "Drop function" }).click();
    await expect(review.getByRole("alert")).toContainText("other objects depend on it");
    await review.getByLabel("Drop what depends on it too").check();
    await review.getByLabel(/to confirm/).fill("greet_them");
    await run(page, "Drop function");
    expect(await database.sql("select count(*)::text from pg_proc where proname = 'greet_them'")).toEqual([["0"]]);
  });
  await database.sql('drop type "Tone"');
});

test("a trigger is made with its function, acts, is switched off and dropped", async ({ page, installation, workshop }) => {
  const at = `${installation.url}/projects/${workshop.ref}/database`;
  const database = await databaseOf(page, installation.url, workshop.ref);
  await database.sql(`drop table if exists "Wall notes"; drop function if exists touch_note; create table "Wall notes" (id bigint primary key, body text, updated_at timestamptz); insert into "Wall notes" values (1, 'a')`);
  await page.goto(`${at}/triggers`);
  await page.getByRole("button", { name: "Create trigger" }).first().click();
  const sheet = page.getByRole("dialog", { name: "Create trigger" });
  await sheet.getByRole("button", { name: "Review SQL" }).click();
  await expect(sheet.getByText("Choose a table.")).toBeVisible();
  await sheet.getByLabel("Table", { exact: true }).selectOption({ label: "Wall notes" });
  await sheet.getByLabel("Name", { exact: true }).fill("touch it");
  await sheet.getByLabel("body", { exact: true }).check();
  await sheet.getByLabel("Only when", { exact: true }).fill("old.* is distinct from new.*");
  await sheet.getByLabel("Name of the function").fill("touch_note");
  await expectAccessible(page);
  await sheet.getByRole("button", { name: "Review SQL" }).click();
  await expect(shownSql(page)).toContainText('update of body on');
  await run(page, "Create trigger");

  const one = page.getByRole("dialog", { name: "touch it" });
  const touched = () => database.sql(`update "Wall notes" set updated_at = null; update "Wall notes" set body = body || 'x' returning (updated_at is not null)::text`);
  await expect(one.getByRole("region", { name: "Definition", exact: true })).toContainText("touch_note()");
  expect(await touched()).toEqual([["true"]]);
  await one.getByRole("button", { name: "Disable" }).click();
  await run(page, "Disable");
  await expect(one.getByText("disabled", { exact: true })).toBeVisible();
  expect(await touched()).toEqual([["false"]]);
  await one.getByRole("button", { name: "Enable" }).click();
  await run(page, "Enable");
  await one.getByRole("button", { name: "Rename" }).click();
  await page.getByRole("dialog", { name: "Rename touch it" }).getByLabel("Name").fill("touch note");
  await run(page, "Rename");
  const renamed = page.getByRole("dialog", { name: "touch note" });
  await renamed.getByRole("link", { name: "public.touch_note" }).click();
  await page.getByRole("dialog", { name: "touch_note" }).getByRole("button", { name: "Triggers" }).click();
  await page.getByRole("link", { name: "touch note" }).click();
  await renamed.getByRole("button", { name: "Drop trigger" }).click();
  await run(page, "Drop trigger");
  expect(await touched()).toEqual([["false"]]);

  await test.step("what a service relies on is not changed", async () => {
    await page.goto(`${at}/triggers?schema=storage`);
    await page.getByRole("row").nth(1).getByRole("link").click();
    await expect(page.getByText(/belongs to a service of the project/)).toBeVisible();
    await expect(page.getByRole("button", { name: "Drop trigger" })).toBeDisabled();
  });
  await database.sql(`drop table "Wall notes"; drop function touch_note`);
});

test("the diagram shows tables and foreign keys, remembers where they were put, and is exported", async ({ page, installation, workshop }) => {
  const at = `${installation.url}/projects/${workshop.ref}/database`;
  const database = await databaseOf(page, installation.url, workshop.ref);
  await database.sql(`drop table if exists drawn_books, "Drawn <authors>"; create table "Drawn <authors>" (id bigint primary key, name text not null); create table drawn_books (id bigint primary key, title text, author_id bigint references "Drawn <authors>")`);
  await page.goto(`${at}/diagram`);
  const books = page.getByRole("button", { name: /^drawn_books, 3 columns/ });
  await expect(books).toBeVisible();
  await expect(page.getByText(/\d+ tables?, \d+ foreign keys?/)).toBeVisible();
  await expect(page.locator(".react-flow__edge").first()).toBeAttached();

  await test.step("a search leads to a table, and what is related is lit", async () => {
    await page.getByLabel("Find a table").fill("drawn_b");
    await expect(page.getByText("1 of 1 match")).toBeVisible();
    await books.click();
    await expect(page).toHaveURL(/table=drawn_books/);
    await expect(page.getByText("author_id: n to 0..1")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(page).not.toHaveURL(/table=/);
  });

  await test.step("what was moved stays, until it is arranged anew", async () => {
    const place = () => books.evaluate((node) => node.style.transform);
    const before = await place();
    await books.focus();
    await page.keyboard.press("Space");
    await page.keyboard.press("ArrowDown");
    await expect.poll(place).not.toBe(before);
    const moved = await place();
    await page.reload();
    await expect.poll(place).toBe(moved);
    await page.getByRole("button", { name: "Arrange anew" }).click();
    await expect.poll(place).toBe(before);
  });

  await test.step("it is exported as SVG", async () => {
    await page.getByRole("button", { name: "Export" }).click();
    const download = page.waitForEvent("download");
    await page.getByRole("menuitem", { name: "Download as SVG" }).click();
    const svg = readFileSync(await (await download).path(), "utf8");
    expect(svg).toContain(">drawn_books</text>");
    expect(svg).toContain("Drawn &lt;authors&gt;");
    expect(svg).toContain("FOREIGN KEY (author_id)");
  });

  await test.step("a list says the same, and Enter opens a table", async () => {
    await page.getByRole("button", { name: "List" }).click();
    await expect(page.getByRole("row", { name: /^drawn_books/ })).toContainText("Drawn <authors> by author_id · many to one or none");
    await page.getByRole("button", { name: "Diagram", exact: true }).click();
    await books.focus();
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/\/tables\/public\/drawn_books/);
  });
  await database.sql(`drop table drawn_books, "Drawn <authors>"`);
});

const pages = {
  functions: [
    ["functions", "wall_add", "The functions could not be loaded"],
    ["functions/public/wall_add?item=call", "Call wall_add", "The function could not be loaded"],
  ],
  "triggers and the diagram": [
    ["triggers", "wall_touched", "The triggers could not be loaded"],
    ["triggers/public/wall_pages/wall_touched", "Disable", "The trigger could not be loaded"],
    ["diagram", "wall_pages, 2 columns, 1 foreign key", "The schema could not be loaded"],
  ],
} as const;
for (const [these, list] of Object.entries(pages)) {
  test(`${these} survive a failing backend, are accessible and fit a phone`, async ({ page, installation, workshop }) => {
    const at = `${installation.url}/projects/${workshop.ref}/database`;
    const database = await databaseOf(page, installation.url, workshop.ref);
    await database.sql("create table if not exists wall_pages (id bigint primary key, before bigint references wall_pages); create or replace function wall_add(a int, b int default 2) returns int language sql as 'select a + b'; create or replace function wall_touch() returns trigger language plpgsql as 'begin return new; end'; create or replace trigger wall_touched before update on wall_pages for each row execute function wall_touch()");
    await expectSurvives(page, at, list, (shown) => page.getByRole("link", { name: shown, exact: true }).or(page.getByRole("form", { name: shown })).or(page.getByRole("button", { name: shown, exact: true })));
    await database.sql("drop table wall_pages; drop function wall_add, wall_touch");
  });
}
