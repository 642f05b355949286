import { expect, type Locator, type Page } from "@playwright/test";

/** Deeds of a person at the console, that several tests need. */

let people = 0;

export interface Person {
  name: string;
  email: string;
  password: string;
}

export function newPerson(): Person {
  people += 1;
  return { name: `Ada ${people}`, email: `ada-${people}-${Date.now()}@example.com`, password: "correct horse battery" };
}

export async function signUp(page: Page, url: string, person = newPerson()) {
  await page.goto(`${url}/sign-up`);
  await page.getByLabel("Name", { exact: true }).fill(person.name);
  await page.getByLabel("Email").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByRole("heading", { name: "Organisations" })).toBeVisible();
  return person;
}

/** Creates an organisation. Answers with its slug. */
export async function createOrganization(page: Page, name: string): Promise<string> {
  await page.getByRole("link", { name: "Create organisation" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Create organisation" }).click();
  await expect(page.getByRole("heading", { name: "Projects", exact: true })).toBeVisible();
  return new URL(page.url()).pathname.split("/")[2]!;
}

/** Creates a project and waits until it is active. Answers with its ref. */
export async function createProject(page: Page, name: string, isolation = "The plan’s default"): Promise<string> {
  await page.getByRole("link", { name: "Create project" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Isolation").selectOption({ label: isolation });
  await page.getByRole("button", { name: "Create project" }).click();
  await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
  await expect(status(page, "Active")).toBeVisible({ timeout: 60_000 });
  return new URL(page.url()).pathname.split("/")[2]!;
}

/** The badge that tells how a project is. Only the page has it: toasts and menus may use the same word. */
export function status(page: Page, word: string): Locator {
  return page.getByRole("main").getByText(word, { exact: true });
}

/** What a toast says: pages may use the same words. */
export function toast(page: Page, text: string | RegExp): Locator {
  return page.getByRole("region", { name: "Notifications" }).getByText(text);
}

/** Holds a toast, which else ends by itself, by pointing at it. Answers with its button that takes the change back. */
export async function heldUndo(page: Page, text: string | RegExp): Promise<Locator> {
  const told = toast(page, text);
  await told.hover();
  return told.locator("..").getByRole("button", { name: "Undo" });
}

/** Waits until the SQL editor shows what was just opened in it: it takes the focus then. */
export async function expectOpened(page: Page) {
  await expect(page.getByRole("textbox", { name: "SQL" })).toBeFocused();
}

/** Writes into the SQL editor, in place of what is there. */
export async function writeSql(page: Page, sql: string) {
  const editor = page.getByRole("textbox", { name: "SQL" });
  await editor.focus(); // not by a click: a list of completions may lie above it
  await expect(editor).toBeFocused();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(sql);
}

/** Writes into the SQL editor and runs it. */
export async function runSql(page: Page, sql: string) {
  await writeSql(page, sql);
  await page.keyboard.press("ControlOrMeta+Enter");
}

/** Creates a user of a project's app. Answers with the id. */
export async function createUser(page: Page, url: string, ref: string): Promise<string> {
  const email = newPerson().email;
  await page.goto(`${url}/projects/${ref}/auth/users?create=true`);
  await page.getByLabel("Email", { exact: true }).fill(email);
  await page.getByRole("dialog").getByRole("button", { name: "Create user" }).click();
  await page.getByRole("link", { name: email }).click();
  await expect(page.getByRole("dialog", { name: email })).toBeVisible();
  return new URL(page.url()).pathname.split("/").at(-1)!;
}
