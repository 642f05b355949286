import { runSql, toast } from "./console";
import { expect, test } from "./installation";
import { expectAccessible, expectFits, failing } from "./pages";

test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

test("the command menu leads to pages, tables and actions", async ({ page, installation, workshop }) => {
  const base = `${installation.url}/projects/${workshop.ref}`;
  await page.goto(`${base}/sql`);
  await runSql(page, 'create table if not exists "Tea parties" (id int primary key)');
  await expect(page.getByText("CREATE TABLE").first()).toBeVisible();
  await page.keyboard.press("ControlOrMeta+k");
  const menu = page.getByRole("dialog", { name: "Go to" });
  await menu.getByRole("combobox").fill("tea part");
  await expect(menu.getByRole("option", { name: "public.Tea parties", selected: true })).toBeVisible();
  await expectAccessible(page);
  await expectFits(page);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${base}/tables/public/Tea%20parties`);
  await expect(page.getByRole("navigation", { name: "Breadcrumbs" })).toContainText("public.Tea parties");

  await page.keyboard.press("ControlOrMeta+k");
  await menu.getByRole("combobox").fill("signing keys");
  await expect(menu.getByRole("option", { name: /Signing keys/, selected: true })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${base}/auth/signing-keys`);
  await expect(page.getByRole("navigation", { name: "Breadcrumbs" }).getByRole("listitem")).toHaveText(["/Auth", "/Signing keys"]);

  await page.keyboard.press("ControlOrMeta+k");
  await menu.getByRole("combobox").fill("no such thing at all");
  await expect(menu.getByText("Nothing has that name.")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(menu).toBeHidden();
});

test("the switchers find projects and organisations, by keyboard too", async ({ page, installation, workshop }) => {
  await page.goto(`${installation.url}/projects/${workshop.ref}/keys`);
  const mend = await failing(page, "**/fluxbase.controlplane.v1.ProjectService/ListProjects");
  const trigger = page.getByRole("button", { name: /^Switch project/ });
  await trigger.focus();
  await page.keyboard.press("Enter");
  const list = page.getByRole("dialog", { name: "Switch project" });
  await expect(list.getByRole("alert")).toContainText("The projects could not be loaded");
  await mend();
  await list.getByRole("button", { name: "Retry" }).click();
  await expect(list.getByRole("option", { name: /Bench/ })).toBeVisible();
  await expectAccessible(page);
  await list.getByRole("combobox").fill("bench");
  await expect(list.getByRole("option", { name: /Bench/, selected: true })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${installation.url}/projects/${workshop.ref}`);

  await page.getByRole("button", { name: /^Switch organisation/ }).click();
  await page.getByRole("dialog", { name: "Switch organisation" }).getByRole("option", { name: "All organisations" }).click();
  await expect(page).toHaveURL(`${installation.url}/orgs`);
});

test("the keyboard's shortcuts are told, a dialog takes the focus and gives it back, and hides no toast", async ({ page, installation, workshop }) => {
  await page.goto(`${installation.url}/projects/${workshop.ref}/database/tables`);
  const create = page.getByRole("button", { name: "Create table" }).first();
  await create.focus();
  await page.keyboard.press("?");
  const shortcuts = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(shortcuts).toBeFocused();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(create).toBeFocused();
  await page.keyboard.press("/");
  await page.keyboard.type("?");
  await expect(page.getByLabel("Filter tables")).toHaveValue("?");
  await expect(shortcuts).toBeHidden();
  await page.keyboard.press("Backspace");

  await page.keyboard.press("ControlOrMeta+k");
  await page.getByRole("dialog", { name: "Go to" }).getByRole("combobox").fill("copy project ref");
  await page.getByRole("option", { name: "Copy the project’s ref" }).click();
  await expect(toast(page, /copied/)).toBeVisible();
  await create.click();
  await expect(page.getByRole("dialog", { name: "Create table" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Notifications" })).toBeAttached(); // roles are only seen where screen readers see them
});

test("on a phone the sidebar opens over the page", async ({ page, installation, workshop }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${installation.url}/projects/${workshop.ref}/keys`);
  await page.getByRole("button", { name: "Open navigation" }).click();
  const drawer = page.getByRole("dialog", { name: "Navigation" });
  await expectAccessible(page);
  await drawer.getByRole("link", { name: "SQL editor" }).click();
  await expect(drawer).toBeHidden();
  await expect(page.getByRole("heading", { name: "SQL editor" })).toBeVisible();
});
