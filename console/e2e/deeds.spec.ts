import type { Route } from "@playwright/test";
import { createOrganization, createProject, expectOpened, runSql, signUp, status, toast, writeSql } from "./console";
import { expect, test } from "./installation";

const shipsColumn = (name: string) => ({ schema: "public", table: "ships", name, type: "integer" });
const folder = new URL("./screenshots", import.meta.url).pathname;

test("a project is created, paused, resumed, deleted and restored, and the audit log tells of it", async ({ page, installation }) => {
  await signUp(page, installation.url);
  const slug = await createOrganization(page, `Extra ${Date.now()}`);
  await createProject(page, "Shared one", "Schemas of its own in a shared database");
  await page.getByText(/^Provisioned in/).click();
  await page.screenshot({ path: `${folder}/x-steps.png` });

  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Pause project" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Pause project" }).click();
  await expect(status(page, "Paused")).toBeVisible();
  await page.screenshot({ path: `${folder}/x-paused.png` });
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(status(page, "Active")).toBeVisible();

  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Delete project" }).click();
  await page.getByLabel(/to confirm/).fill("Shared one");
  await page.screenshot({ path: `${folder}/x-delete.png` });
  await page.getByRole("dialog").getByRole("button", { name: "Delete project" }).click();
  await expect(status(page, "Deleted")).toBeVisible();
  await page.screenshot({ path: `${folder}/x-deleted.png` });
  await page.getByRole("button", { name: "Restore" }).click();
  await expect(status(page, "Active")).toBeVisible();

  await page.goto(`${installation.url}/orgs/${slug}/audit`);
  await page.getByRole("button", { name: "project.create", exact: true }).click();
  await expect(page.getByRole("dialog")).toContainText("project/");
  await page.screenshot({ path: `${folder}/x-audit-sheet.png` });
});

test("a password is changed by who knows the present one", async ({ page, installation }) => {
  const { password } = await signUp(page, installation.url);
  await page.goto(`${installation.url}/account`);
  await page.getByLabel("Present password").fill("wrong one here");
  await page.getByLabel("New password", { exact: true }).fill("another good one");
  await page.getByLabel("New password again").fill("another good one");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("This is not the present password.")).toBeVisible();
  await page.getByLabel("Present password").fill(password);
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(toast(page, "The password was changed.")).toBeVisible();
});

test.describe("in a project that is there", () => {
  test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

  test("a secret key is shown once", async ({ page, installation, workshop }) => {
    await page.goto(`${installation.url}/projects/${workshop.ref}`);
    await page.getByRole("button", { name: "Reveal once" }).click();
    await page.screenshot({ path: `${folder}/x-reveal.png` });
    await page.getByRole("button", { name: "Show the key" }).click();
    await expect(page.getByTestId("shown-once")).toContainText("fbk_sec_");
    await page.screenshot({ path: `${folder}/x-revealed.png` });
    await page.getByRole("button", { name: "I have stored it" }).click();
    await expect(page.getByText("Was shown already")).toBeVisible();
  });

  test("the keyboard leads to the SQL editor, which completes, runs and cancels", async ({ page, installation, workshop }) => {
    await page.goto(`${installation.url}/projects/${workshop.ref}`);
    await expect(status(page, "Active")).toBeVisible();
    await page.keyboard.press("ControlOrMeta+k");
    await page.getByPlaceholder("Go to a page").fill("sql");
    await expect(page.getByRole("option", { name: "Project · SQL editor", selected: true })).toBeVisible();
    await page.screenshot({ path: `${folder}/x-palette.png` });
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "SQL editor" })).toBeVisible();
    await page.getByRole("button", { name: "Insert an example" }).click();
    await expectOpened(page);
    await page.keyboard.press("ControlOrMeta+Enter");
    await expect(page.getByRole("grid", { name: "Result" })).toContainText("The first note");
    await writeSql(page, "select * from not");
    await page.keyboard.press("Control+Space");
    await expect(page.getByRole("option", { name: /^notes/ })).toBeVisible();
    await page.screenshot({ path: `${folder}/x-complete.png` });
    await page.keyboard.press("Escape");
    await expect(page.getByRole("option")).toHaveCount(0);
    await runSql(page, "select pg_sleep(120)");
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect(page.getByText("Cancelled.")).toBeVisible();
  });

  test("what is completed before the catalog is there waits for it", async ({ page, installation, workshop }) => {
    const asked = new Promise<Route>((resolve) => void page.route("**/meta/v1/columns*", resolve));
    await page.goto(`${installation.url}/projects/${workshop.ref}/sql`);
    await writeSql(page, "select ships.");
    await page.keyboard.press("Control+Space");
    await (await asked).fulfill({ json: [{ schema: "public", table: "ships", name: "tonnage", type: "integer" }] });
    await expect(page.getByRole("option", { name: /^tonnage/ })).toBeVisible();
  });

  test("a table that was just created is completed, also when the catalog before it comes late", async ({ page, installation, workshop }) => {
    // The first request is never answered: it stands for one that read the catalog before the table was there.
    await page.route("**/meta/v1/columns*", () => {}, { times: 1 });
    const asked = page.waitForRequest("**/meta/v1/columns*");
    await page.goto(`${installation.url}/projects/${workshop.ref}/sql`);
    await asked;
    await runSql(page, "create table harbours (id int primary key, depth int); select 1 as built;");
    await expect(page.getByRole("grid", { name: "Result" })).toContainText("built");
    await writeSql(page, "select harbours.");
    await page.keyboard.press("Control+Space");
    await expect(page.getByRole("option", { name: /^depth/ })).toBeVisible();
  });

  test("columns beyond the catalog's first page are completed too", async ({ page, installation, workshop }) => {
    await page.route("**/meta/v1/columns*", (route) =>
      route.request().url().includes("offset=1")
        ? route.fulfill({ json: [shipsColumn("tonnage")] })
        : route.fulfill({ json: [shipsColumn("length")], headers: { "x-next-offset": "1", "access-control-expose-headers": "x-next-offset" } }),
    );
    await page.goto(`${installation.url}/projects/${workshop.ref}/sql`);
    await writeSql(page, "select ships.");
    await page.keyboard.press("Control+Space");
    await expect(page.getByRole("option", { name: /^length/ })).toBeVisible();
    await expect(page.getByRole("option", { name: /^tonnage/ })).toBeVisible();
  });

  test("settings are refused whole, or saved", async ({ page, installation, workshop }) => {
    await page.goto(`${installation.url}/projects/${workshop.ref}/settings`);
    const rows = page.getByLabel("rest.max_rows", { exact: true });
    const schemas = page.getByLabel("rest.schemas", { exact: true });
    const save = page.getByRole("button", { name: "Save", exact: true });
    await rows.fill("0");
    await save.click();
    await expect(page.getByText("Nothing was saved")).toBeVisible();
    await page.screenshot({ path: `${folder}/x-settings-refused.png` });
    await rows.fill("500");
    await schemas.fill("public, api");
    await save.click();
    await expect(toast(page, "2 settings saved.")).toBeVisible();
    await page.reload();
    await expect(rows).toHaveValue("500");
    await expect(schemas).toHaveValue("public, api");
  });

  test("an access token is shown once", async ({ page, installation }) => {
    await page.goto(`${installation.url}/account/tokens?create=true`);
    await page.getByLabel("Name", { exact: true }).fill("ci");
    await page.getByRole("button", { name: "Create token" }).click();
    await expect(page.getByTestId("shown-once")).toContainText("fbt_");
    await page.getByRole("button", { name: "I have stored it" }).click();
    await expect(page.getByRole("cell", { name: "ci", exact: true })).toBeVisible();
    await page.screenshot({ path: `${folder}/x-tokens.png` });
  });
});
