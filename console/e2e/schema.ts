import { expect, type Locator, type Page } from "@playwright/test";
import { expectAccessible, expectFits, failing } from "./pages";

/** Deeds of a person who changes the schema. */

/** Requests of the console to the project's database. */
export const meta = /\/meta\/v1\//;

export interface Database {
  /** Where the project's services answer. */
  base: string;
  /** The rows of the last statement, as the owner sees them. */
  sql: (query: string) => Promise<unknown[][]>;
  /** A request of an app with the publishable key. */
  rest: (path: string) => Promise<{ status: number; body: unknown }>;
  /** Changes the schema as the console does, so that it is among the migrations. */
  migrate: (name: string, sql: string) => Promise<void>;
  /** Makes a user of the app. Answers with the id. */
  signUp: (email: string, metadata: object) => Promise<string>;
}

/** The project's database behind the console's back, to see that what the console says is so. */
export async function databaseOf(page: Page, url: string, ref: string): Promise<Database> {
  await page.goto(`${url}/projects/${ref}/keys`);
  const key = /fbk_pub_\w+/.exec((await page.getByText(/fbk_pub_/).first().textContent()) ?? "")![0];
  const asked = page.waitForRequest(meta); // from this page: one that is left may still ask, and is cut off
  await page.goto(`${url}/projects/${ref}/database/tables`);
  const request = await asked;
  const base = request.url().replace(/\/meta\/v1\/.*/, "");
  const Authorization = (await request.allHeaders()).authorization!;
  return {
    base,
    async sql(query) {
      const answer = await page.request.post(`${base}/meta/v1/query`, { headers: { Authorization }, data: { query, text: true } });
      expect(answer.status(), await answer.text()).toBe(200);
      return ((await answer.json()) as { results: { rows: unknown[][] }[] }).results.at(-1)!.rows;
    },
    async rest(path) {
      const answer = await page.request.get(`${base}/rest/v1/${path}`, { headers: { apikey: key } });
      return { status: answer.status(), body: (await answer.json()) as unknown };
    },
    async migrate(name, sql) {
      const answer = await page.request.post(`${base}/meta/v1/migrations`, { headers: { Authorization }, data: { name, sql } });
      expect(answer.ok(), await answer.text()).toBe(true);
    },
    async signUp(email, metadata) {
      const answer = await page.request.post(`${base}/auth/v1/admin/users`, { headers: { Authorization }, data: { email, password: "a long and good one", email_confirm: true, user_metadata: metadata } });
      expect(answer.ok(), await answer.text()).toBe(true);
      return ((await answer.json()) as { id: string }).id;
    },
  };
}

export const column = (sheet: Locator, name: string) => sheet.getByRole("listitem", { name: `Column ${name}`, exact: true });

export async function addColumn(sheet: Locator, name: string, type: string, about?: string): Promise<Locator> {
  await sheet.getByRole("button", { name: "Add column" }).click();
  await expect(sheet.getByRole("region", { name: "Columns" }).getByRole("listitem").last().getByLabel("Name", { exact: true })).toBeFocused();
  await sheet.page().keyboard.type(name);
  const row = column(sheet, name);
  await chooseType(row.getByRole("button", { name: /^Type of/ }), type, about);
  return row;
}

/** Chooses a type by the keyboard. What is said about it tells one of the project, which is read first, from what is typed. */
export async function chooseType(button: Locator, type: string, about = "") {
  const page = button.page();
  await button.click();
  await page.getByPlaceholder("Search or type one").fill(type);
  await expect(page.getByRole("dialog", { name: "Types" }).getByRole("option", { selected: true })).toContainText(about);
  await page.keyboard.press("Enter");
  await expect(button).toBeFocused(); // the list is gone
}

/** Runs the SQL that a review shows. */
export async function run(page: Page, verb: string) {
  const review = page.getByRole("dialog").filter({ has: page.getByText("Runs as the project’s owner") });
  await review.getByRole("button", { name: verb, exact: true }).click();
  await expect(review).toHaveCount(0);
}

/** The SQL that a review shows. */
export const shownSql = (page: Page) => page.getByRole("region", { name: "SQL that will run" });

/** Writes into an editor in place of what is there. */
export async function write(page: Page, name: string, text: string) {
  const editor = page.getByRole("textbox", { name });
  await editor.focus();
  await expect(editor).toBeFocused();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
}

/** A page below `at`, the name of what it shows, and what it says while the backend is away. */
export type Shown = readonly [path: string, shown: string, what: string];

/** Visits pages of a project while the backend is away and after: each tells, tries again, is accessible and fits a phone. What they show is a heading, unless `find` finds it. */
export async function expectSurvives(page: Page, at: string, pages: readonly Shown[], find = (shown: string) => page.getByRole("heading", { name: shown, exact: true })) {
  for (const [path, shown, what] of pages) {
    const mend = await failing(page, meta);
    await page.goto(`${at}/${path}`);
    const alert = page.getByRole("alert").filter({ hasText: what });
    await expect(alert).toContainText("cannot be reached");
    await mend();
    await alert.getByRole("button", { name: "Retry" }).click();
    await expect(alert).toHaveCount(0);
    await expect(find(shown)).toBeVisible();
    await expect(page.getByRole("status", { name: /^Loading|^Looking/ })).toHaveCount(0);
    await expectAccessible(page);
    await expectFits(page);
  }
}
