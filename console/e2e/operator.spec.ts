import type { BrowserContext, Page } from "@playwright/test";
import { createOrganization, newPerson, signUp, status, toast } from "./console";
import { expect, test as base } from "./installation";

/** The operator's session: in development the first account of an installation operates it. */
const test = base.extend<object, { operator: Awaited<ReturnType<BrowserContext["storageState"]>> }>({
  operator: [
    async ({ browser, installation }, use) => {
      const page = await browser.newPage();
      await signUp(page, installation.url);
      const session = await page.context().storageState();
      await page.context().close();
      await use(session);
    },
    { scope: "worker" },
  ],
});

test.use({ storageState: ({ operator }, use) => use(operator) });

async function openOrganizations(page: Page, url: string) {
  await page.goto(`${url}/orgs`);
  await expect(page.getByRole("heading", { name: "Organisations" })).toBeVisible();
}

/** Drains a cluster, or opens it again. */
async function setCluster(page: Page, url: string, name: string, deed: "Drain" | "Open") {
  await page.goto(`${url}/operator/clusters`);
  const row = page.getByRole("row").filter({ has: page.getByRole("cell", { name, exact: true }) });
  await row.getByRole("button", { name: deed, exact: true }).click();
  await expect(row.getByText(deed === "Drain" ? "draining" : "open", { exact: true })).toBeVisible();
}

test("a cluster is registered and drained by the operator", async ({ page, installation }) => {
  const address = process.env.FLUXBASE_TEST_DATABASE_URL;
  if (!address) throw new Error('Set FLUXBASE_TEST_DATABASE_URL to a PostgreSQL for tests: "make test" does.');
  await page.goto(`${installation.url}/operator/clusters?register=true`);
  await page.getByLabel("Name", { exact: true }).fill("second");
  await page.getByLabel("Admin URL").fill("postgres://nobody@127.0.0.1:1/postgres");
  await page.getByRole("dialog").getByRole("button", { name: "Register cluster" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "The cluster was not registered" })).toBeVisible();
  await page.getByLabel("Admin URL").fill(address);
  await page.getByRole("dialog").getByRole("button", { name: "Register cluster" }).click();
  await expect(toast(page, "second was registered.")).toBeVisible();
  await setCluster(page, installation.url, "second", "Drain");
  await expect(toast(page, "second takes no new projects.")).toBeVisible();
  await page.reload();
  await expect(page.getByRole("row").filter({ hasText: "second" })).toContainText("draining");
});

test("a project that failed is tried again", async ({ page, installation }) => {
  await setCluster(page, installation.url, "default", "Drain");
  await openOrganizations(page, installation.url);
  await createOrganization(page, `Patience ${Date.now()}`);
  await page.getByRole("link", { name: "Create project" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill("No room");
  await page.getByRole("button", { name: "Create project" }).click();
  const alert = page.getByRole("alert").filter({ hasText: "The last job failed" });
  await expect(alert).toContainText("No database cluster has room");
  const home = page.url();
  await setCluster(page, installation.url, "default", "Open");
  await page.goto(home);
  await alert.getByRole("button", { name: "Retry" }).click();
  await expect(status(page, "Active")).toBeVisible({ timeout: 60_000 });
});

test("an invitation is accepted by whom it names", async ({ page, browser, installation }) => {
  const guest = newPerson();
  await openOrganizations(page, installation.url);
  const slug = await createOrganization(page, `Hosts ${Date.now()}`);
  await page.goto(`${installation.url}/orgs/${slug}/members?invite=true`);
  await page.getByLabel("Email").fill(guest.email);
  await page.getByRole("button", { name: "Send invitation" }).click();
  const link = await page.getByRole("dialog").getByRole("code").textContent();
  await page.getByRole("dialog").getByRole("button", { name: "Done" }).click();

  const elsewhere = await browser.newContext({ storageState: undefined });
  const theirs = await elsewhere.newPage();
  await signUp(theirs, installation.url, newPerson());
  await theirs.goto(link!);
  await theirs.getByRole("button", { name: "Accept invitation" }).click();
  await expect(theirs.getByRole("alert").filter({ hasText: "The invitation was not accepted" })).toBeVisible();
  await theirs.context().clearCookies();
  await theirs.evaluate(() => localStorage.clear());
  await signUp(theirs, installation.url, guest);
  await theirs.goto(link!);
  await theirs.getByRole("button", { name: "Accept invitation" }).click();
  await expect(theirs).toHaveURL(new RegExp(`/orgs/${slug}/projects`));
  await expect(theirs.getByRole("heading", { name: "Projects", exact: true })).toBeVisible();
  await elsewhere.close();
  await page.goto(`${installation.url}/orgs/${slug}/members`);
  await expect(page.getByRole("cell", { name: guest.email })).toBeVisible();
});

test("a long list is paged, forth and back", async ({ page, installation }) => {
  await openOrganizations(page, installation.url);
  const slug = await createOrganization(page, `Chronicle ${Date.now()}`);
  const asked = page.waitForRequest(/controlplane\.v1\.OrganizationService/);
  await page.reload();
  const authorization = (await (await asked).allHeaders()).authorization!;
  for (let i = 0; i < 60; i += 1) {
    const response = await page.request.post(`${installation.url}/fluxbase.controlplane.v1.OrganizationService/UpdateOrganization`, {
      headers: { authorization },
      data: { organization: slug, name: `Chronicle, part ${i}`, updateMask: "name" },
    });
    expect(response.status(), await response.text()).toBe(200);
  }
  await page.goto(`${installation.url}/orgs/${slug}/audit`);
  const pages = page.getByRole("navigation", { name: "Pages" });
  const creation = page.getByRole("button", { name: "organization.create", exact: true });
  await expect(page.getByRole("button", { name: "organization.update", exact: true }).first()).toBeVisible();
  await expect(creation).toHaveCount(0);
  await expect(pages.getByRole("button", { name: "Previous" })).toBeDisabled();
  await pages.getByRole("button", { name: "Next" }).click();
  await expect(creation).toBeVisible();
  await expect(page).toHaveURL(/after=/);
  await expect(pages.getByRole("button", { name: "Next" })).toBeDisabled();
  await pages.getByRole("button", { name: "Previous" }).click();
  await expect(creation).toHaveCount(0);
  await expect(page).not.toHaveURL(/after=/);
});

/** Goes on by the Tab key until something has the focus. */
async function tabTo(page: Page, role: "link" | "button" | "combobox", name: string) {
  const wanted = page.getByRole(role, { name }).first();
  await expect(wanted).toBeVisible();
  for (let i = 0; i < 60; i += 1) {
    await page.keyboard.press("Tab");
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`Tab does not lead to the ${role} "${name}".`);
}

test("a project is created by the keyboard alone", async ({ page, installation }) => {
  await openOrganizations(page, installation.url);
  await tabTo(page, "link", "Create organisation");
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
  await page.keyboard.type(`Keys ${Date.now()}`);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Projects", exact: true })).toBeVisible();
  await tabTo(page, "link", "Create project");
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
  await page.keyboard.type("By hand");
  await tabTo(page, "combobox", "Isolation");
  await page.keyboard.type("Schemas");
  await expect(page.getByLabel("Isolation")).toHaveValue("2");
  await tabTo(page, "button", "Create project");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "By hand", exact: true })).toBeVisible();
  await expect(status(page, "Active")).toBeVisible({ timeout: 60_000 });
});

test("a forgotten password is set anew by the link of a mail, in the browser that asked", async ({ page, browser, installation }) => {
  const other = await browser.newContext({ storageState: undefined });
  const theirs = await other.newPage();
  const person = await signUp(theirs, installation.url);
  await theirs.getByRole("button", { name: "Account menu" }).click();
  await theirs.getByRole("menuitem", { name: "Sign out" }).click();
  await theirs.getByRole("link", { name: "Forgot the password?" }).click();
  await theirs.getByLabel("Email").fill(person.email);
  await theirs.getByRole("button", { name: "Send link" }).click();
  await expect(theirs.getByRole("heading", { name: "Look into your mail" })).toBeVisible();

  const mail = page.getByRole("row").filter({ hasText: person.email }).getByRole("button");
  await expect(async () => {
    await page.goto(`${installation.url}/operator/inbox`);
    await expect(mail.first()).toBeVisible({ timeout: 2000 });
  }).toPass();
  await mail.first().click();
  const link = await page.getByRole("dialog").getByRole("link").first().getAttribute("href");
  await theirs.goto(link!);
  await expect(theirs.getByRole("heading", { name: "Set a new password" })).toBeVisible();
  expect(theirs.url()).not.toContain("code=");
  await theirs.getByLabel("New password").fill("another good one");
  await theirs.getByRole("button", { name: "Set password" }).click();
  await expect(theirs.getByRole("heading", { name: "Organisations" })).toBeVisible();

  await page.goto(link!); // used, and asked for elsewhere
  await expect(page.getByRole("heading", { name: "The link does not work" })).toBeVisible();
  await other.close();
});
