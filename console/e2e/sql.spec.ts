import type { Page } from "@playwright/test";
import { readFile } from "node:fs/promises";
import { createUser, expectOpened, heldUndo, newPerson, runSql, signUp, toast, writeSql } from "./console";
import { expect, test } from "./installation";
import { expectAccessible, expectFits, failing } from "./pages";

const grid = (page: Page) => page.getByRole("grid", { name: "Result" });
const tabs = (page: Page) => page.getByRole("navigation", { name: "Open queries" });
const editor = (page: Page) => page.getByTestId("sql-editor");

test.use({ storageState: ({ workshop }, use) => use(workshop.session), actionTimeout: 30_000 });

test("texts stay open, each with its name, role and address", async ({ page, installation, workshop }) => {
  const address = `${installation.url}/projects/${workshop.ref}/sql`;
  await page.goto(address);
  await writeSql(page, "select 'first'");
  await expect(page).toHaveURL(/tab=t/);
  const first = page.url();
  await page.getByRole("button", { name: "New tab" }).click();
  await expectOpened(page);
  await writeSql(page, "-- Second one\nselect   'second'  as a ,2 as   b; select 'x' as c");
  await expect(tabs(page).getByRole("link")).toHaveText(["select 'first'", "Second one"]);

  await page.keyboard.press("Shift+Alt+f");
  await expect(editor(page)).toContainText("'second' AS a,".toLowerCase());
  await page.keyboard.press("ControlOrMeta+Home");
  await page.keyboard.press("ControlOrMeta+Shift+Enter");
  await expect(grid(page)).toContainText("second");
  await expect(page.getByRole("tab")).toHaveCount(0); // one statement, one result

  await page.getByRole("button", { name: "More about this tab" }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Deuxième");
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await page.getByRole("button", { name: "More about this tab" }).click();
  await page.getByRole("menuitem", { name: "Move left" }).click();
  await expect(tabs(page).getByRole("link")).toHaveText(["Deuxième", "select 'first'"]);
  await page.reload();
  await expect(tabs(page).locator("[aria-current=page]")).toHaveText("Deuxième");
  await expect(tabs(page).getByRole("link")).toHaveText(["Deuxième", "select 'first'"]);
  await page.goto(first);
  await expect(editor(page)).toContainText("select 'first'");
  await tabs(page).getByRole("link", { name: "Deuxième" }).click();
  await expect(editor(page)).toContainText("Second one");
  await page.goBack();
  await expect(editor(page)).toContainText("select 'first'");

  await page.getByRole("button", { name: "Close select 'first'" }).click();
  await page.getByRole("dialog", { name: "Close without saving" }).getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Close select 'first'" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Close without saving" }).click();
  await expect(tabs(page).getByRole("link")).toHaveText(["Deuxième"]);

  await page.goto(`${address}?sql=${encodeURIComponent("select 'from elsewhere'")}`);
  await expect(editor(page)).toContainText("select 'from elsewhere'");
  await expect(page).not.toHaveURL(/sql=/);
  await expect(grid(page)).toHaveCount(0); // an address never runs what it brings

  await page.getByRole("button", { name: "History" }).click();
  const history = page.getByRole("complementary", { name: "History" });
  await history.getByLabel("Search history").fill("second");
  await expect(history.getByRole("list", { name: "History" }).getByRole("button", { name: /first/ })).toHaveCount(0);
  await history.getByRole("list", { name: "History" }).getByRole("button").first().click();
  await expect(editor(page)).toContainText("'second'");
  await history.getByLabel("Search history").fill("");
  await history.getByRole("button", { name: "Clear history" }).click();
  const undo = await heldUndo(page, "The history was cleared.");
  await expect(history.getByText("is remembered in this browser")).toBeVisible();
  await undo.click();
  await expect(history.getByRole("list", { name: "History" }).getByRole("button")).not.toHaveCount(0);
});

test("a snippet is kept, shared, seen by another member, and not written over", async ({ page, browser, installation, workshop }) => {
  const name = `Harbours ${Date.now()}`;
  await page.goto(`${installation.url}/projects/${workshop.ref}/sql?panel=snippets`);
  await runSql(page, "select 'Rotterdam' as harbour");
  await page.keyboard.press("ControlOrMeta+s");
  const dialog = page.getByRole("dialog", { name: "Save snippet" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Folder").fill("Ships");
  await dialog.getByRole("button", { name: "Save snippet" }).click();
  await expect(page).toHaveURL(/snippet=/);
  const link = page.url();
  const panel = page.getByRole("complementary", { name: "Snippets" });
  await expect(panel.getByRole("region", { name: "Ships" }).getByRole("button", { name }).first()).toBeVisible();

  // Somebody else of the organisation.
  const answer = page.waitForResponse(/ProjectService\/GetProject/);
  await page.reload();
  const slug = ((await (await answer).json()) as { project: { organization: string } }).project.organization;
  const colleague = newPerson();
  await page.goto(`${installation.url}/orgs/${slug}/members?invite=true`);
  await page.getByLabel("Email").fill(colleague.email);
  await page.getByRole("button", { name: "Send invitation" }).click();
  const invitation = (await page.getByRole("dialog").locator("code").textContent())!;
  const theirs = await (await browser.newContext({ storageState: { cookies: [], origins: [] } })).newPage();
  await signUp(theirs, installation.url, colleague);
  const { pathname, search } = new URL(invitation);
  await theirs.goto(installation.url + pathname + search);
  await theirs.getByRole("button", { name: "Accept invitation" }).click();
  await expect(theirs.getByRole("heading", { name: "Projects", exact: true })).toBeVisible();
  await theirs.goto(link);
  await expect(theirs.getByRole("alert")).toContainText("The snippet could not be opened"); // not shared yet

  await page.goto(link);
  await expect(editor(page)).toContainText("Rotterdam");
  await panel.getByRole("button", { name: `More about ${name}` }).click();
  await page.getByRole("menuitem", { name: "Share with the project" }).click();
  await expect(toast(page, "Everybody who works on the project sees it now.")).toBeVisible();
  await theirs.goto(link);
  await expect(editor(theirs)).toContainText("Rotterdam");
  await expect(theirs.getByRole("complementary", { name: "Snippets" })).toContainText("by Ada");
  // Who did not write it saves another.
  await writeSql(theirs, "select 'Genova'");
  await theirs.keyboard.press("ControlOrMeta+s");
  await expect(theirs.getByRole("dialog", { name: "Save snippet" })).toContainText("wrote this snippet");
  await theirs.context().close();

  // The author at two computers: what was saved meanwhile is not written over.
  const other = await (await browser.newContext({ storageState: workshop.session })).newPage();
  await other.goto(link);
  await expect(editor(other)).toContainText("Rotterdam");
  await writeSql(other, "select 'Bergen'");
  await other.keyboard.press("ControlOrMeta+s");
  await expect(toast(other, "Saved.")).toBeVisible();
  await other.context().close();
  await writeSql(page, "select 'Oslo'");
  await page.keyboard.press("ControlOrMeta+s");
  await page.getByRole("dialog", { name: "Somebody saved before you" }).getByRole("button", { name: "Take theirs" }).click();
  await expect(editor(page)).toContainText("Bergen");

  await panel.getByRole("button", { name: `Favourite ${name}` }).click();
  await panel.getByLabel("Which snippets").selectOption("Favourites");
  await expect(page).toHaveURL(/which=favorites/);
  await expect(panel.getByRole("button", { name: `More about ${name}` })).toBeVisible();
  await panel.getByLabel("Search snippets").fill("no such text");
  await expect(panel.getByText("No snippet matches.")).toBeVisible();
  await panel.getByLabel("Search snippets").fill("BERGEN");
  await panel.getByRole("button", { name: `More about ${name}` }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  const undo = await heldUndo(page, `${name} was deleted.`);
  await expect(panel.getByRole("button", { name: `More about ${name}` })).toHaveCount(0);
  await expect(editor(page)).toContainText("Bergen"); // the tab keeps the text
  await undo.click();
  await expect(panel.getByRole("button", { name: `More about ${name}` })).toBeVisible();
});

test("what destroys is asked for, as whom it runs decides what is seen, and what takes long is cancelled", async ({ page, installation, workshop }) => {
  const user = await createUser(page, installation.url, workshop.ref);
  await page.goto(`${installation.url}/projects/${workshop.ref}/sql`);
  await runSql(
    page,
    `create table letters (id int primary key, owner uuid, body text);
     alter table letters enable row level security;
     create policy "own" on letters for select to authenticated using (owner = auth.uid());
     grant select on letters to authenticated;
     insert into letters values (1, '${user}', 'to the user'), (2, null, 'to nobody');
     select body from letters order by id;`,
  );
  await expect(grid(page)).toContainText("to nobody");

  await runSql(page, "select 'drop table letters'; -- delete from letters\ndelete from letters;");
  const danger = page.getByRole("dialog", { name: "This destroys something" });
  await expect(danger.getByRole("listitem")).toHaveCount(1);
  await expect(danger).toContainText("Deletes every row of letters");
  await danger.getByRole("button", { name: "Cancel" }).click();

  const role = page.getByRole("button", { name: /^Role/ });
  await writeSql(page, "select body, auth.uid() from letters");
  await role.click();
  await page.getByRole("menuitemradio", { name: /^anon/ }).click();
  await expect(page.getByText("Grants and policies apply, as for visitors.")).toBeVisible();
  await page.getByRole("button", { name: /^Run/ }).click();
  await expect(page.getByRole("alert")).toContainText("permission denied");
  await role.click();
  await page.getByRole("menuitemradio", { name: /^authenticated/ }).click();
  await page.getByRole("dialog").getByLabel("Email, phone or id").fill(user);
  await expect(page.getByRole("dialog").getByRole("listitem")).toHaveCount(1); // once it is theirs alone
  await page.getByRole("dialog").getByRole("listitem").getByRole("button").click();
  await expect(role).toHaveAccessibleName(/@/); // they are looked up
  await page.getByRole("button", { name: /^Run/ }).click();
  await expect(grid(page)).toContainText("to the user");
  await expect(grid(page)).not.toContainText("to nobody");
  await page.reload();
  await expect(role).toHaveAccessibleName(/@/); // the tab remembers as whom

  await role.click();
  await page.getByRole("menuitemradio", { name: /^owner/ }).click();
  await runSql(page, "select pg_sleep(120)");
  await expect(tabs(page).getByRole("img", { name: "at work" })).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("Cancelled.")).toBeVisible();
  await runSql(page, "delete from letters");
  await danger.getByRole("button", { name: "Run it" }).click();
  await expect(page.getByRole("status").filter({ hasText: "2 rows deleted" })).toBeVisible();
});

test("a plan is drawn, and what was measured is taken back", async ({ page, installation, workshop }) => {
  await page.goto(`${installation.url}/projects/${workshop.ref}/sql`);
  await runSql(page, "create table crates (id int, label text); insert into crates select g, md5(g::text) from generate_series(1, 20000) g; analyze crates; select 'made' as done;");
  await expect(grid(page)).toContainText("made");
  await writeSql(page, "select 1;\n\ndelete from crates where label like 'ab%'");
  await page.getByRole("button", { name: "Explain", exact: true }).click();
  await page.getByRole("menuitem", { name: "Explain and measure" }).click();
  const plan = page.getByRole("treegrid", { name: "Plan" });
  await expect(plan.getByRole("row").nth(1)).toContainText("Delete");
  await expect(page.getByRole("status").filter({ hasText: "rolled back" })).toBeVisible();
  await expect(page.getByRole("list", { name: "What stands out" })).toContainText("Reads 20,000 rows of crates");
  await plan.getByRole("row").nth(1).focus();
  await page.keyboard.press("ArrowDown");
  await expect(plan.getByRole("row", { selected: true })).toContainText("Seq Scan");
  await expect(page.getByRole("complementary", { name: "The chosen step" })).toContainText("Rows Removed by Filter");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowLeft");
  await expect(plan.getByRole("row")).toHaveCount(2); // the head and the closed root
  await expectAccessible(page);
  await expectFits(page);
  await page.getByRole("button", { name: "Text", exact: true }).click();
  await expect(page.getByRole("region", { name: "Plan" })).toContainText("->  Seq Scan on crates");
  await writeSql(page, "create table nothing ()");
  await page.getByRole("button", { name: "Explain", exact: true }).click();
  await page.getByRole("menuitem", { name: /^Explain How/ }).click();
  await expect(page.getByRole("alert")).toContainText('not for "create"');
  await runSql(page, "select count(*)::int as crates from crates");
  await expect(grid(page)).toContainText("20000");
});

test("a result is drawn, limited, and taken along; a failing backend is told of", async ({ page, installation, workshop }) => {
  await page.goto(`${installation.url}/projects/${workshop.ref}/sql`);
  await page.getByRole("button", { name: /^Rows at most/ }).click();
  await page.getByRole("menuitemradio", { name: "100", exact: true }).click();
  await runSql(page, "select date '2026-01-01' + g as day, g * 2 as visits, 'a|b' as note from generate_series(1, 250) g");
  await expect(page.getByRole("status").filter({ hasText: "The first 100 rows; there are more" })).toBeVisible();
  await page.getByRole("button", { name: "Chart", exact: true }).click();
  await expect(page).toHaveURL(/view=chart/);
  await expect(page.getByRole("figure", { name: "visits by day" })).toBeVisible();
  await page.getByLabel("Kind").selectOption("Areas");
  await page.getByRole("button", { name: "Rows", exact: true }).click();
  await page.getByRole("button", { name: "Chart", exact: true }).click();
  await expect(page.getByLabel("Kind")).toHaveValue("area");

  const exported = async (item: string) => {
    await page.getByRole("button", { name: "Export", exact: true }).click();
    const download = page.waitForEvent("download");
    await page.getByRole("menuitem", { name: item, exact: true }).click();
    return readFile(await (await download).path(), "utf8");
  };
  expect((await exported("All rows as CSV")).trim().split("\n")).toHaveLength(251);
  expect((await exported("Download Markdown")).split("\n")[2]).toBe("| 2026-01-02 | 2 | a\\|b |");
  expect(JSON.parse(await exported("Download JSON"))).toHaveLength(100);

  await page.getByRole("button", { name: "Templates" }).click();
  await page.getByLabel("Search templates").fill("sizes");
  await page.getByRole("complementary", { name: "Templates" }).getByRole("button", { name: /^Sizes of tables/ }).click();
  await expectOpened(page);
  await page.getByRole("button", { name: /^Run/ }).click();
  await expect(page.getByRole("status").filter({ hasText: /rows? ·/ })).toBeVisible();
  await expectAccessible(page);
  await expectFits(page);

  const back = await failing(page, /meta\/v1\/query|SnippetService/);
  await page.getByRole("button", { name: "Snippets" }).click();
  await runSql(page, "select 'after all'");
  const alerts = page.getByRole("alert").filter({ hasText: "cannot be reached" });
  const ofSnippets = alerts.filter({ hasText: "The snippets could not be loaded" });
  const ofResult = alerts.filter({ hasNotText: "The snippets" });
  await expect(ofSnippets).toBeVisible();
  await expect(ofResult).toBeVisible();
  await back();
  await ofSnippets.getByRole("button", { name: "Retry" }).click();
  await ofResult.getByRole("button", { name: "Retry" }).click();
  await expect(grid(page)).toContainText("after all");
  await expect(alerts).toHaveCount(0);
});

test("every template that only looks works in this project", async ({ page, installation, workshop }) => {
  await page.goto(`${installation.url}/projects/${workshop.ref}/sql?panel=templates`);
  const list = page.getByRole("complementary", { name: "Templates" }).getByRole("region", { name: "Look at" }).getByRole("button");
  await expect(list).toHaveCount(7);
  for (let at = 0; at < 7; at += 1) {
    await list.nth(at).click();
    await expectOpened(page);
    const answered = page.waitForResponse("**/meta/v1/query");
    await page.keyboard.press("ControlOrMeta+Enter");
    const answer = await answered;
    expect(answer.status(), await answer.text()).toBe(200);
    await expect(page.getByRole("button", { name: /^Run/ })).toBeVisible();
  }
});
