import type { Page } from "@playwright/test";
import { createUser, signUp } from "./console";
import { expect, test } from "./installation";
import { expectAccessible, expectFits } from "./pages";

// The pages that have no test of their own for it; those of a project's data are looked at by the tests that use them.

/** Waits for a page, and for the dialog that its address opens above it. */
async function expectOpen(page: Page) {
  await expect(page.locator("h1")).toBeVisible();
  if (page.url().endsWith("=true")) await expect(page.getByRole("dialog")).toBeVisible();
}

test("pages before signing in are accessible and fit a phone", async ({ page, installation }) => {
  for (const path of ["/sign-in", "/sign-up", "/forgot", "/nowhere"]) {
    await page.goto(installation.url + path);
    await expect(page.getByRole("heading").first()).toBeVisible();
    await expectAccessible(page);
    await expectFits(page);
  }
});

test("pages of an account are accessible and fit a phone", async ({ page, installation }) => {
  await signUp(page, installation.url);
  for (const path of ["/orgs", "/orgs/new", "/account", "/account/tokens", "/account/tokens?create=true"]) {
    await page.goto(installation.url + path);
    await expectOpen(page);
    await expectAccessible(page);
    await expectFits(page);
  }
});

test.describe("with a project", () => {
  test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

  test("pages of an organisation are accessible and fit a phone", async ({ page, installation, workshop }) => {
    await page.goto(`${installation.url}/projects/${workshop.ref}`);
    const home = await page.getByRole("link", { name: "Fluxbase" }).getAttribute("href");
    expect(home).toBe("/");
    await page.goto(`${installation.url}/orgs`);
    await page.getByRole("main").getByRole("link", { name: "Workshop" }).click();
    await expect(page.getByRole("heading", { name: "Projects", exact: true })).toBeVisible();
    const slug = new URL(page.url()).pathname.split("/")[2]!;
    for (const path of ["projects", "projects/new", "members", "members?invite=true", "audit", "settings"]) {
      await page.goto(`${installation.url}/orgs/${slug}/${path}`);
      await expectOpen(page);
      await expectAccessible(page);
      await expectFits(page);
    }
  });

  const auth = ["users", "users/{user}", "methods", "providers", "providers/google", "sso", "email", "templates", "templates/template/magic_link", "sms", "sessions", "signing-keys"];
  const more = ["mfa", "protection", "hooks", "urls", "audit"];
  for (const path of [...[...auth, ...more].map((each) => `auth/${each}`), "keys", "keys?create=true", "settings"]) {
    test(`${path} of a project is accessible and fits a phone`, async ({ page, installation, workshop }) => {
      const user = path.includes("{user}") ? await createUser(page, installation.url, workshop.ref) : "";
      await page.goto(`${installation.url}/projects/${workshop.ref}/${path.replace("{user}", user)}`);
      await expectOpen(page);
      await expectAccessible(page);
      await expectFits(page);
    });
  }
});
