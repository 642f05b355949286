import type { Page } from "@playwright/test";
import { execFileSync } from "node:child_process";
import { createOrganization, createProject, signUp } from "./console";
import { expect, test } from "./installation";
import { expectAccessible, expectFits, failing } from "./pages";
import { askPostgres } from "./postgres";

const tables = `
create table harbours (id bigint generated always as identity primary key, name text not null);
alter table harbours enable row level security;
create policy "harbours are read by everyone" on harbours for select to anon using (true);
grant select on harbours to anon;
insert into harbours (name) values ('Sydney'), ('Hamburg');
create function divide() returns int language sql as 'select 1 / 0';
create function break() returns int language plpgsql as $$ begin raise exception 'broken' using errcode = 'XX000'; end $$;
select 'made';
`;

/** What the first steps say is done. */
const done = (page: Page) => page.locator("[data-start][data-done=true]").evaluateAll((items) => items.map((item) => item.getAttribute("data-start")));

test("a new project's home leads to a working app, and shows what it does and what fails", async ({ page, installation }) => {
  test.setTimeout(600_000); // a whole life of a project
  const violations: string[] = [];
  page.on("console", (message) => message.text().includes("Content Security Policy") && violations.push(message.text()));
  await signUp(page, installation.url);
  await createOrganization(page, `Harbour masters ${Date.now()}`);
  const ref = await createProject(page, "Harbours");
  const home = `${installation.url}/projects/${ref}`;
  const snippet = page.getByTestId("snippet");
  const errors = page.getByRole("table", { name: "Recent errors" });
  let databaseUrl = "";
  let base = "";
  let key = "";

  await test.step("it is empty, and says what to do first", async () => {
    await expect(page.getByText("0 of 6 done.")).toBeVisible();
    await expect(page.getByText("No requests in this time").first()).toBeVisible();
    await expect(page.getByText("No errors", { exact: true })).toBeVisible();
  });

  await test.step("the connect dialog hides the password, and its URL connects", async () => {
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await expect(page).toHaveURL(/connect=supabase-js/);
    [, key] = /"(fbk_pub_[^"]+)"/.exec((await snippet.textContent())!)! as unknown as [string, string];
    await expect(page.getByRole("switch", { name: "URL by path" })).toBeChecked(); // as names below "localhost" are few programs' to find
    await expect(snippet).toContainText(`/p/${ref}`);
    base = /"(http[^"]+)"/.exec((await snippet.textContent())!)![1]!;
    await page.getByRole("button", { name: "psql" }).click();
    await expect(snippet).toContainText("••••••••@");
    await page.getByRole("button", { name: "Show the password" }).click();
    databaseUrl = /psql "([^"]+)"/.exec((await snippet.textContent())!)![1]!;
    expect(await askPostgres(databaseUrl, tables)).toBe("made");
    await expectAccessible(page);
    await expectFits(page);
  });

  await test.step("the curl snippet is about a table of the project, and runs as it is", async () => {
    await page.goto(`${home}/keys?connect=curl`); // above any page of the project
    await expect(snippet).toContainText("/rest/v1/harbours");
    const command = (await snippet.locator("pre").textContent())!;
    expect(JSON.parse(execFileSync("bash", ["-c", `${command} -s`]).toString())).toEqual([{ id: 1, name: "Sydney" }, { id: 2, name: "Hamburg" }]);
    await page.keyboard.press("Escape");
    await expect(page).toHaveURL(`${home}/keys`);
  });

  const ask = async (path: string, id: string, data?: object, secret = key) =>
    (await page.request.fetch(base + path, { method: data ? "POST" : "GET", data, headers: { apikey: secret, "X-Request-Id": id } })).status();
  await test.step("an app asks, and much of it fails", async () => {
    expect(await ask("/rest/v1/rpc/divide", "home-divide", {})).toBe(400);
    expect(await ask("/rest/v1/rpc/break", "home-break", {})).toBe(500);
    expect(await ask("/rest/v1/nothing?name=eq.secret", "home-nothing")).toBe(404);
    expect(await ask("/rest/v1/harbours", "home-wrong", undefined, "fbk_pub_wrong")).toBe(401);
    expect(await ask("/auth/v1/signup", "home-ada", { email: `ada-${ref}@example.com`, password: "a long and good one" })).toBe(200);
  });

  await test.step("the charts count it, the steps tick themselves off", async () => {
    await page.goto(home);
    // It comes by itself.
    await expect(page.getByTestId("total-Requests")).toHaveText("5", { timeout: 60_000 });
    await expect(page.getByTestId("total-Errors")).toHaveText("4 1 of the server");
    await expect.poll(() => done(page), { timeout: 60_000 }).toEqual(["table", "rls", "request", "app", "user"]);
    await expect(page.getByTestId("total-Latency")).toContainText("highest p95");
    const chart = page.getByRole("application", { name: /^Requests\. Requests: highest/ });
    await chart.focus();
    await page.keyboard.press("ArrowRight");
    await expect(page.getByRole("status").filter({ hasText: "Requests" })).toBeVisible();
    const rest = page.getByRole("table", { name: "By service" }).getByRole("row", { name: /^REST/ });
    await expect(rest.getByRole("cell").nth(1)).toHaveText("4");
    await rest.getByRole("button", { name: "REST" }).click();
    await expect(page).toHaveURL(/service=rest/);
    await expect(page.getByTestId("total-Requests")).toHaveText("4");
    await page.getByRole("radio", { name: "7 days" }).click();
    await expect(page).toHaveURL(/range=7d/);
  });

  await test.step("what failed is listed by request id, and opens at an address of its own", async () => {
    await page.goto(home);
    for (const id of ["home-divide", "home-break", "home-nothing", "home-wrong"]) await expect(errors).toContainText(id);
    await expect(errors).not.toContainText("secret");
    await expect(errors.getByRole("row", { name: /Division by zero/ })).toContainText("22012");
    await page.getByLabel("Status").selectOption("5xx");
    await expect(errors.getByRole("row")).toHaveCount(2);
    await errors.getByRole("link", { name: "POST /rest/v1/rpc/break" }).click();
    await expect(page).toHaveURL(/status=5xx&failure=[0-9a-f]{17}/);
    await page.goto(`${home}?failure=${new URL(page.url()).searchParams.get("failure")!}`);
    const sheet = page.getByRole("dialog");
    await expect(sheet).toContainText("home-break");
    await expect(sheet).toContainText("anon");
    await expectAccessible(page);
    await expectFits(page);
    await page.keyboard.press("Escape");
    await expect(page).toHaveURL(home);
    await page.getByRole("searchbox", { name: "Path, code or request id" }).fill("home-nothing");
    await expect(errors.getByRole("row")).toHaveCount(2);
    await expectAccessible(page);
    await expectFits(page);
  });

  await test.step("a backend that fails is said so in place, and one Retry goes on with all that failed", async () => {
    const [metrics, failures] = [await failing(page, "**/GetMetrics"), await failing(page, "**/meta/v1/errors*")];
    await page.goto(home);
    const alert = page.getByRole("alert").filter({ hasText: "The measures could not be loaded" });
    await expect(alert).toContainText("cannot be reached");
    const another = page.getByRole("alert").filter({ hasText: "The recent errors could not be loaded" });
    await expect(another).toBeVisible();
    await metrics();
    await failures();
    await alert.getByRole("button", { name: "Retry" }).click();
    await expect(page.getByTestId("total-Requests")).toHaveText("5");
    await expect(errors).toContainText("home-break");
  });

  await test.step("the steps can be put away, and go when all are done", async () => {
    const steps = page.getByRole("region", { name: "Getting started" });
    await steps.getByRole("button", { name: "Dismiss" }).click();
    await expect(steps).toBeHidden();
    await page.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Show first steps" }).click();
    await expect(steps).toContainText("5 of 6 done.");
    const [info] = await Promise.all([page.waitForResponse("**/GetConnectionInfo"), page.reload()]);
    const { serviceRoleKey } = (await info.json()) as { serviceRoleKey: string };
    expect(await ask("/storage/v1/bucket", "home-bucket", { name: "charts" }, serviceRoleKey)).toBe(200);
    expect(await ask("/storage/v1/object/charts/north.json", "home-file", { depth: 7 }, serviceRoleKey)).toBe(200);
    await page.reload();
    await expect(page.getByRole("region", { name: "Activity" })).toBeVisible();
    await expect(steps).toBeHidden();
  });
  expect(violations, "what the server's policy for content refused").toEqual([]);
});

test("a project in a shared database has all of it but a login of its own", async ({ page, installation }) => {
  await signUp(page, installation.url);
  await createOrganization(page, `Sharers ${Date.now()}`);
  const ref = await createProject(page, "Shared", "Schemas of its own in a shared database");
  await page.goto(`${installation.url}/projects/${ref}?connect=psql`);
  await expect(page.getByText("hence no psql and no ORMs")).toBeVisible();
  await expect(page.getByTestId("snippet")).toContainText("createClient");
  await page.keyboard.press("Escape");
  await expect(page.getByText("0 of 6 done.")).toBeVisible();
  await expect(page.getByTestId("total-Database size")).toContainText(/\d+(\.\d+)? [kM]B/, { timeout: 90_000 }); // the next look at the clusters
});
