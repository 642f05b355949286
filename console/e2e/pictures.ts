import { mkdir, rm } from "node:fs/promises";
import { expect, type Page } from "@playwright/test";
import { createOrganization, createProject, createUser, runSql, signUp } from "./console";
import { test } from "./installation";

// Pictures of every page, light, dark and on a phone. They are made anew by "make screenshots", after pages have changed.
const folder = new URL("../../docs/screenshots/", import.meta.url).pathname;
const looks = [
  { name: "light", theme: "light", viewport: { width: 1280, height: 800 } },
  { name: "dark", theme: "dark", viewport: { width: 1280, height: 800 } },
  { name: "phone", theme: "light", viewport: { width: 390, height: 844 } },
] as const;

/** A small app as people build them: a shop for tea. */
const shop = `
create table tea (id bigint generated always as identity primary key, name text not null unique, price numeric(8,2) not null check (price > 0), origin text, tags text[] not null default '{}', details jsonb, added_at timestamptz not null default now());
create type order_state as enum ('cart', 'paid', 'sent');
create table orders (id uuid primary key default gen_random_uuid(), customer uuid default auth.uid(), state order_state not null default 'cart', placed_at timestamptz not null default now());
create table order_lines (order_id uuid not null references orders on delete cascade, tea_id bigint not null references tea, quantity int not null default 1 check (quantity > 0), primary key (order_id, tea_id));
create table reviews (id bigint generated always as identity primary key, tea_id bigint references tea, stars smallint check (stars between 1 and 5), body text);
comment on table tea is 'What the shop sells';
alter table tea enable row level security;
alter table orders enable row level security;
alter table order_lines enable row level security;
create policy "everyone sees the teas" on tea for select using (true);
create policy "customers see their orders" on orders for select to authenticated using (customer = (select auth.uid()));
grant select on tea, reviews to anon, authenticated;
grant select, insert on orders, order_lines to authenticated;
create view cheap_teas with (security_invoker) as select name, price from tea where price < 10;
create function total(wanted uuid) returns numeric language sql stable set search_path = '' as $$ select 0::numeric $$;
create function touch() returns trigger language plpgsql as $$ begin new.added_at = now(); return new; end $$;
create trigger touched before update on tea for each row execute function touch();
insert into tea (name, price, origin, tags, details) select (array['Assam','Darjeeling','Sencha','Oolong','Pu-erh','Keemun','Matcha','Earl Grey'])[1 + n % 8] || ' ' || n, 4 + n % 23 + 0.5, (array['India','Japan','China','Sri Lanka'])[1 + n % 4],
  array['loose', 'tin'], jsonb_build_object('grams', 50 * (1 + n % 4), 'organic', n % 2 = 0) from generate_series(1, 240) n;
insert into orders (state) select (enum_range(null::order_state))[1 + n % 3] from generate_series(1, 40) n;
insert into order_lines select id, 1 + (random() * 200)::int, 2 from orders;
`;

test("every page, light, dark and on a phone", async ({ page, installation }) => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await picture(page, installation.url, { "sign-in": "/sign-in", "sign-up": "/sign-up", forgot: "/forgot" });

  await signUp(page, installation.url);
  const slug = await createOrganization(page, "Looking glass");
  await page.getByRole("link", { name: "Members" }).click();
  await page.getByRole("button", { name: "Invite member" }).click();
  await page.getByLabel("Email").fill("grace@example.com");
  await page.getByRole("button", { name: "Send invitation" }).click();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("link", { name: "Projects", exact: true }).click();
  const ref = await createProject(page, "Tea shop");
  await page.goto(`${installation.url}/projects/${ref}/sql`);
  await runSql(page, shop);
  await expect(page.getByText(/INSERT|insert/).first()).toBeVisible();
  await traffic(page, installation.url, ref);
  const user = await createUser(page, installation.url, ref);

  const org = `/orgs/${slug}`;
  const project = `/projects/${ref}`;
  await picture(page, installation.url, {
    organisations: "/orgs",
    "organisation-new": "/orgs/new",
    projects: `${org}/projects`,
    "project-new": `${org}/projects/new`,
    members: `${org}/members`,
    "members-invite": `${org}/members?invite=true`,
    "audit-log": `${org}/audit`,
    "organisation-settings": `${org}/settings`,
    home: project,
    connect: `${project}?connect=supabase-js`,
    tables: `${project}/tables`,
    table: `${project}/tables/public/tea`,
    "table-new": `${project}/tables?edit=new-table`,
    "table-policies": `${project}/tables/public/tea?edit=policies`,
    sql: `${project}/sql`,
    "database-diagram": `${project}/database/diagram`,
    "database-tables": `${project}/database/tables`,
    "database-policies": `${project}/database/policies`,
    "database-types": `${project}/database/types`,
    "database-functions": `${project}/database/functions`,
    "database-triggers": `${project}/database/triggers`,
    "database-indexes": `${project}/database/indexes`,
    "database-extensions": `${project}/database/extensions`,
    "database-roles": `${project}/database/roles`,
    "database-migrations": `${project}/database/migrations`,
    advisors: `${project}/advisors`,
    users: `${project}/auth/users`,
    user: `${project}/auth/users/${user}`,
    "auth-methods": `${project}/auth/methods`,
    "auth-provider": `${project}/auth/providers/google`,
    "auth-template": `${project}/auth/templates/template/magic_link`,
    "auth-hooks": `${project}/auth/hooks`,
    "auth-signing-keys": `${project}/auth/signing-keys`,
    "api-keys": `${project}/keys`,
    "api-keys-create": `${project}/keys?create=true`,
    "project-settings": `${project}/settings`,
    account: "/account",
    "account-tokens": "/account/tokens",
    "operator-clusters": "/operator/clusters",
    "operator-plans": "/operator/plans",
    "operator-inbox": "/operator/inbox",
  });
});

async function picture(page: Page, url: string, pages: Record<string, string>) {
  for (const look of looks) {
    await page.setViewportSize(look.viewport);
    await page.goto(`${url}/sign-in`);
    await page.evaluate((theme) => localStorage.setItem("fluxbase-theme", theme), look.theme);
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(url + path);
      await expect(page.locator("h1").first()).toBeVisible(); // not by role: an open dialog hides the page from it
      await page.waitForLoadState("networkidle", { timeout: 2000 }).catch(() => {}); // a followed project never idles
      if (name === "sql") {
        await page.getByRole("button", { name: /^Run/ }).first().click();
        await expect(page.getByRole("grid").first()).toBeVisible();
      }
      await page.screenshot({ path: `${folder}${name}-${look.name}.jpg`, type: "jpeg", quality: 80, animations: "disabled" });
    }
  }
}

/** Some requests, good and bad, for the charts and the list of errors. */
async function traffic(page: Page, url: string, ref: string) {
  await page.goto(`${url}/projects/${ref}/keys`);
  const key = (await page.getByText(/^fbk_pub_/).first().textContent())!;
  for (let n = 0; n < 60; n += 1) {
    const path = n % 12 === 0 ? "nothing" : `tea?select=name,price&limit=${n + 1}`;
    await fetch(`${url}/p/${ref}/rest/v1/${path}`, { headers: { apikey: key } });
  }
}
