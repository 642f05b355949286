import { expect, type Page } from "@playwright/test";
import { createOrganization, createProject, createUser, runSql, signUp } from "./console";
import { monthly, openShop } from "./shop";

/** What a picture shows: a page's path, and what is done there first. */
export interface Scene {
  path: string;
  act?: (page: Page) => Promise<void>;
}

export const looks = [
  { name: "light", theme: "light", viewport: { width: 1280, height: 800 } },
  { name: "dark", theme: "dark", viewport: { width: 1280, height: 800 } },
  { name: "phone", theme: "light", viewport: { width: 390, height: 844 } },
] as const;

export type Look = (typeof looks)[number];

/** What the pictures show: an organisation with a shop for tea, and a project that is new. */
export interface World {
  org: string;
  shop: string;
  fresh: string;
  user: string;
}

/** Makes the world. Without the installation's data folder the shop has no day of traffic. */
export async function makeWorld(page: Page, url: string, data: string | undefined): Promise<World> {
  await signUp(page, url, { name: "Ada Lovelace", email: "ada@example.com", password: "correct horse battery" });
  const org = await createOrganization(page, "Looking glass");
  await page.getByRole("link", { name: "Members" }).click();
  await page.getByRole("button", { name: "Invite member" }).click();
  await page.getByLabel("Email").fill("grace@example.com");
  await page.getByRole("button", { name: "Send invitation" }).click();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("link", { name: "Projects", exact: true }).click();
  const fresh = await createProject(page, "Bakery");
  await page.goto(`${url}/orgs/${org}/projects`);
  const shop = await createProject(page, "Tea shop");
  const user = await openShop(page, url, shop, data);
  await createUser(page, url, shop); // one who has not confirmed the address
  return { org, shop, fresh, user };
}

/** Pages that anybody sees. */
export const outside: Record<string, Scene> = {
  "sign-in": { path: "/sign-in" },
  "sign-up": { path: "/sign-up" },
  forgot: { path: "/forgot" },
};

/** Scenes in which something lies above the page. */
const sheets = new Set(
  ["members-invite", "connect", "connect-orm", "table-row", "table-import", "table-new", "table-edit", "table-policies", "table-indexes"].concat(
    ["database-type", "database-function", "database-trigger", "database-index-new", "user", "api-keys-create"],
  ),
);
const opened = (page: Page) => expect(page.getByRole("dialog")).toBeVisible();

/** Every page behind the sign-in. */
export function scenes({ org, shop, fresh, user }: World): Record<string, Scene> {
  const project = `/projects/${shop}`;
  const table = `${project}/tables/public/tea`;
  const database = `${project}/database`;
  const auth = `${project}/auth`;
  const paths: Record<string, string> = {
    organisations: "/orgs",
    "organisation-new": "/orgs/new",
    projects: `/orgs/${org}/projects`,
    "project-new": `/orgs/${org}/projects/new`,
    members: `/orgs/${org}/members`,
    "members-invite": `/orgs/${org}/members?invite=true`,
    "audit-log": `/orgs/${org}/audit`,
    "organisation-settings": `/orgs/${org}/settings`,
    "home-first": `/projects/${fresh}`,
    home: project,
    connect: `${project}?connect=supabase-js`,
    "connect-orm": `${project}?connect=prisma`,
    "tables-first": `/projects/${fresh}/tables`,
    tables: `${project}/tables`,
    "table-filtered": `${table}?filter=${encodeURIComponent("and(in_stock.true,price.gt.10)")}&sort=price.desc`,
    "table-row": `${table}?row=id.12`,
    "table-import": `${table}?import=true`,
    "table-as-user": `${project}/tables/public/orders?as=user:${user}`,
    "table-as-visitor": `${project}/tables/public/orders?as=anon`,
    "table-new": `${project}/tables?edit=new-table`,
    "table-edit": `${table}?edit=table`,
    "table-policies": `${table}?edit=policies`,
    "table-indexes": `${table}?edit=indexes`,
    "sql-templates": `${project}/sql?panel=templates`,
    "database-tables": `${database}/tables`,
    "database-policies": `${database}/policies`,
    "database-types": `${database}/types`,
    "database-type": `${database}/types/public/order_state`,
    "database-functions": `${database}/functions`,
    "database-function": `${database}/functions/public/search_teas`,
    "database-triggers": `${database}/triggers`,
    "database-trigger": `${database}/triggers/public/order_lines/keep_total`,
    "database-indexes": `${database}/indexes`,
    "database-index-new": `${database}/indexes?create=true&in=public&on=orders`,
    "database-extensions": `${database}/extensions`,
    "database-roles": `${database}/roles`,
    "database-migrations": `${database}/migrations`,
    advisors: `${project}/advisors`,
    "advisors-performance": `${project}/advisors?tab=performance`,
    users: `${auth}/users`,
    user: `${auth}/users/${user}`,
    "users-first": `/projects/${fresh}/auth/users`,
    "auth-methods": `${auth}/methods`,
    "auth-providers": `${auth}/providers`,
    "auth-provider": `${auth}/providers/google`,
    "auth-sso": `${auth}/sso`,
    "auth-email": `${auth}/email`,
    "auth-templates": `${auth}/templates`,
    "auth-template": `${auth}/templates/template/magic_link`,
    "auth-sms": `${auth}/sms`,
    "auth-sessions": `${auth}/sessions`,
    "auth-signing-keys": `${auth}/signing-keys`,
    "auth-mfa": `${auth}/mfa`,
    "auth-protection": `${auth}/protection`,
    "auth-hooks": `${auth}/hooks`,
    "auth-urls": `${auth}/urls`,
    "auth-audit": `${auth}/audit`,
    "api-keys": `${project}/keys`,
    "api-keys-create": `${project}/keys?create=true`,
    "project-settings": `${project}/settings`,
    account: "/account",
    "account-tokens": "/account/tokens",
    "operator-clusters": "/operator/clusters",
    "operator-plans": "/operator/plans",
    "operator-audit": "/operator/audit",
    "operator-inbox": "/operator/inbox",
  };
  return {
    ...Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, sheets.has(name) ? { path, act: opened } : { path }])),
    "home-activity": { path: project, act: (page) => page.getByRole("region", { name: "Activity" }).evaluate((section) => section.scrollIntoView()) },
    "command-menu": { path: project, act: searchFor },
    navigation: { path: `${database}/tables`, act: openNavigation },
    table: { path: table, act: (page) => expect(page.getByRole("gridcell").first()).not.toBeEmpty() },
    sql: { path: `${project}/sql`, act: runMonthly },
    "sql-chart": { path: `${project}/sql`, act: draw },
    "sql-explain": { path: `${project}/sql`, act: explain },
    "database-diagram": { path: `${database}/diagram`, act: (page) => expect(page.locator(".react-flow__node").first()).toBeVisible() },
    "database-migration": { path: `${database}/migrations`, act: (page) => page.getByRole("link", { name: "create orders" }).click() },
  };
}

async function searchFor(page: Page) {
  await page.keyboard.press("ControlOrMeta+k");
  const menu = page.getByRole("dialog", { name: "Go to" });
  await menu.getByRole("combobox").fill("order");
  await expect(menu.getByRole("option", { name: "public.orders" })).toBeVisible();
}

/** The sidebar of narrow screens; elsewhere it stands there. */
async function openNavigation(page: Page) {
  const button = page.getByRole("button", { name: "Open navigation" });
  if (!(await button.isVisible())) return;
  await button.click();
  await expect(page.getByRole("dialog", { name: "Navigation" })).toBeVisible();
}

async function runMonthly(page: Page) {
  const chart = page.getByRole("button", { name: "Chart", exact: true });
  await runSql(page, monthly);
  await expect(page.getByRole("button", { name: "Chart", exact: true }).or(page.getByRole("button", { name: "Rows", exact: true }))).toBeVisible();
  if (await chart.isVisible()) await expect(page.getByRole("grid", { name: "Result" })).toBeVisible();
}

async function draw(page: Page) {
  await runMonthly(page);
  await page.getByRole("button", { name: "Chart", exact: true }).click();
  await page.getByLabel("Kind").selectOption("Bars");
  await expect(page.locator(".recharts-bar-rectangle").first()).toBeVisible();
}

async function explain(page: Page) {
  await runMonthly(page);
  await page.getByRole("textbox", { name: "SQL" }).focus();
  await page.getByRole("button", { name: /^Explain/ }).click();
  await page.getByRole("menuitem", { name: /^Explain and measure/ }).click();
  await expect(page.getByText(/^Took/)).toBeVisible();
}

/** Opens a scene in a look, and waits until all of it stands. */
export async function show(page: Page, url: string, { path, act }: Scene) {
  await page.goto("about:blank"); // the requests of the page before end unheard
  const asked = new Set<{ url: () => string }>();
  const begin = (request: { url: () => string }) => !/Watch/.test(request.url()) && asked.add(request); // which never ends
  const end = (request: { url: () => string }) => asked.delete(request);
  page.on("request", begin).on("requestfinished", end).on("requestfailed", end);
  const settled = async () => {
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))); // what is loaded late was asked for
    await expect(page.locator(".pulse, [data-loading]")).toHaveCount(0);
    await expect.poll(() => [...asked].map((each) => each.url()), { message: `requests of ${path}` }).toEqual([]);
  };
  await page.goto(url + path);
  await expect(page.locator("h1").first()).toBeAttached(); // not by role: an open dialog hides the page from it
  await settled();
  await act?.(page);
  await settled();
  await page.evaluate(async () => {
    await document.fonts.ready;
    await Promise.allSettled(document.getAnimations().filter((each) => each.effect?.getComputedTiming().iterations !== Infinity).map((each) => each.finished));
  });
  page.off("request", begin).off("requestfinished", end).off("requestfailed", end);
}

/** Sets the screen and the theme. */
export async function dress(page: Page, url: string, look: Look) {
  await page.setViewportSize(look.viewport);
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.goto(`${url}/sign-in`);
  await page.evaluate((theme) => localStorage.setItem("fluxbase-theme", theme), look.theme);
}
