import { expect, type Page } from "@playwright/test";

/** Deeds of a person at the console, that several tests need. */

let people = 0;

export function newPerson() {
  people += 1;
  return { name: `Ada ${people}`, email: `ada-${people}-${Date.now()}@example.com`, password: "correct horse battery" };
}

export async function signUp(page: Page, url: string, person = newPerson()) {
  await page.goto(`${url}/sign-up`);
  await page.getByLabel("Name").fill(person.name);
  await page.getByLabel("Email").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByRole("heading", { name: "Organisations" })).toBeVisible();
  return person;
}

export async function createOrganization(page: Page, name: string) {
  await page.getByRole("link", { name: "Create organisation" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Create organisation" }).click();
  await expect(page.getByRole("heading", { name: "Projects" })).toBeVisible();
}

/** Creates a project and waits until it is active. Answers with its ref. */
export async function createProject(page: Page, name: string, isolation = "As the plan says"): Promise<string> {
  await page.getByRole("link", { name: "Create project" }).first().click();
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Isolation").selectOption({ label: isolation });
  await page.getByRole("button", { name: "Create project" }).click();
  await expect(page.getByRole("heading", { name })).toBeVisible();
  await expect(page.getByText("Active", { exact: true })).toBeVisible({ timeout: 30_000 });
  return new URL(page.url()).pathname.split("/")[2]!;
}

/** Writes into the SQL editor and runs it. */
export async function runSql(page: Page, sql: string) {
  await page.getByRole("textbox", { name: "SQL" }).click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(sql);
  await page.keyboard.press("ControlOrMeta+Enter");
}
