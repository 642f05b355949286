import { createOrganization, createProject, createUser, runSql, signUp } from "./console";
import { expect, test } from "./installation";

// Pictures for people to look at: every page in both themes, and on a phone. Kept in screenshots/, which git ignores.
const looks = [
  { name: "light", theme: "light", viewport: { width: 1280, height: 800 } },
  { name: "dark", theme: "dark", viewport: { width: 1280, height: 800 } },
  { name: "phone", theme: "light", viewport: { width: 390, height: 844 } },
  { name: "phone-dark", theme: "dark", viewport: { width: 390, height: 844 } },
] as const;

test("every page fits both themes and a phone", async ({ page, installation }) => {
  test.setTimeout(600_000); // some eighty pages
  const folder = new URL("./screenshots", import.meta.url).pathname;
  await page.goto(`${installation.url}/sign-in`);
  for (const look of looks) {
    await page.setViewportSize(look.viewport);
    await page.evaluate((theme) => localStorage.setItem("fluxbase-theme", theme), look.theme);
    for (const path of ["sign-in", "sign-up"]) {
      await page.goto(`${installation.url}/${path}`);
      await expect(page.getByRole("heading").first()).toBeVisible();
      await page.screenshot({ path: `${folder}/${path}-${look.name}.png` });
    }
  }
  await page.setViewportSize(looks[0].viewport);
  await signUp(page, installation.url);
  const slug = await createOrganization(page, "Looking glass");
  await page.getByRole("link", { name: "Members" }).click();
  await page.getByRole("button", { name: "Invite member" }).click();
  await page.getByLabel("Email").fill("grace@example.com");
  await page.getByRole("button", { name: "Send invitation" }).click();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("link", { name: "Projects", exact: true }).click();
  const ref = await createProject(page, "Wonderland");
  await page.goto(`${installation.url}/projects/${ref}/sql`);
  await runSql(page, "drop table if exists tea;\ncreate table tea (id int primary key, guest text, sugar numeric, note jsonb);\ninsert into tea select n, 'guest ' || n, n / 2.0, jsonb_build_object('seat', n) from generate_series(1, 40) n;\nselect * from tea;");
  await expect(page.getByRole("grid")).toBeVisible();

  const pages: Record<string, string> = {
    orgs: "/orgs",
    "org-new": "/orgs/new",
    projects: `/orgs/${slug}/projects`,
    "project-new": `/orgs/${slug}/projects/new`,
    members: `/orgs/${slug}/members`,
    "members-invite": `/orgs/${slug}/members?invite=true`,
    audit: `/orgs/${slug}/audit`,
    "org-settings": `/orgs/${slug}/settings`,
    home: `/projects/${ref}`,
    sql: `/projects/${ref}/sql`,
    keys: `/projects/${ref}/keys`,
    "keys-create": `/projects/${ref}/keys?create=true`,
    "signing-keys": `/projects/${ref}/auth/signing-keys`,
    "signing-keys-create": `/projects/${ref}/auth/signing-keys?create=true`,
    "project-settings": `/projects/${ref}/settings`,
    users: `/projects/${ref}/auth/users`,
    user: `/projects/${ref}/auth/users/${await createUser(page, installation.url, ref)}`,
    methods: `/projects/${ref}/auth/methods`,
    provider: `/projects/${ref}/auth/providers/google`,
    template: `/projects/${ref}/auth/templates/template/magic_link`,
    hooks: `/projects/${ref}/auth/hooks`,
    account: "/account",
    tokens: "/account/tokens",
    clusters: "/operator/clusters",
    plans: "/operator/plans",
    inbox: "/operator/inbox",
  };
  for (const look of looks) {
    await page.setViewportSize(look.viewport);
    await page.evaluate((theme) => localStorage.setItem("fluxbase-theme", theme), look.theme);
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(installation.url + path);
      await expect(page.locator("h1")).toBeVisible(); // not by role: an open dialog hides the page from it
      await page.waitForLoadState("networkidle", { timeout: 2000 }).catch(() => {}); // a followed project never idles 
      if (name === "sql") {
        await page.getByRole("button", { name: "Run" }).click();
        await expect(page.getByRole("grid")).toBeVisible();
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      expect(wide, `${name} is wider than the ${look.name} screen`).toBe(false);
      await page.screenshot({ path: `${folder}/${name}-${look.name}.png` });
    }
  }
});
