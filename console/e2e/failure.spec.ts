import { createOrganization, signUp } from "./console";
import { expect, test } from "./installation";

const listProjects = "**/fluxbase.controlplane.v1.ProjectService/ListProjects";

test("a backend that cannot be reached is said so, and Retry goes on", async ({ page, installation }) => {
  await signUp(page, installation.url);
  await createOrganization(page, `Broken lines ${Date.now()}`);
  await page.route(listProjects, (route) => route.abort());
  await page.reload();
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("The projects could not be loaded");
  await expect(alert).toContainText("cannot be reached");
  await page.unroute(listProjects);
  await alert.getByRole("button", { name: "Retry" }).click();
  await expect(page.getByText("No project yet")).toBeVisible();
});

test("a refusal shows the server's words and the request id, and the form keeps what was typed", async ({ page, installation }) => {
  await signUp(page, installation.url);
  const name = `Taken ${Date.now()}`;
  await createOrganization(page, name);
  await page.goto(`${installation.url}/orgs/new`);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Short name").fill(name.toLowerCase().replace(" ", "-"));
  await page.getByRole("button", { name: "Create organisation" }).click();
  const alert = page.getByRole("alert").filter({ hasText: "The organisation was not created" });
  await alert.getByText("Details").click();
  await expect(alert).toContainText("request id");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue(name);
});

test("a page that is not there says so", async ({ page, installation }) => {
  await page.goto(`${installation.url}/nowhere`);
  await expect(page.getByRole("heading", { name: "There is no such page" })).toBeVisible();
});
