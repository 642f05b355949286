import { toast } from "./console";
import { expect, test } from "./installation";

const folder = new URL("./screenshots", import.meta.url).pathname;

test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

test("a key is bounded to scopes, rotated and revoked", async ({ page, installation, workshop }) => {
  await page.goto(`${installation.url}/projects/${workshop.ref}/keys?create=true`);
  const dialog = page.getByRole("dialog");
  const name = `Report ${Date.now()}`;
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("May do").selectOption({ label: "Only what is chosen here" });
  await expect(dialog.getByRole("checkbox", { name: /^sql:run/ })).toHaveCount(0); // a publishable key cannot
  await dialog.getByLabel("Type").selectOption({ label: "Secret" });
  await dialog.getByRole("button", { name: "Create key" }).click();
  await expect(dialog.getByText("Choose at least one.")).toBeVisible();
  await dialog.getByRole("checkbox", { name: /^tables:read/ }).check();
  await dialog.getByRole("checkbox", { name: /^sql:run/ }).check();
  await dialog.getByLabel("Requests per second").fill("many");
  await dialog.getByRole("button", { name: "Create key" }).click();
  await expect(dialog.getByText("Enter a whole number of requests, or nothing.")).toBeVisible();
  await dialog.getByLabel("Requests per second").fill("25");
  await page.screenshot({ path: `${folder}/x-key-scopes.png` });
  await dialog.getByRole("button", { name: "Create key" }).click();
  const first = await page.getByTestId("shown-once").innerText();
  await page.getByRole("button", { name: "I have stored it" }).click();
  const row = page.getByRole("row").filter({ hasText: name });
  await expect(row).toContainText("tables:read");
  await expect(row).toContainText("25 requests/s");
  const ask = (key: string, method: "GET" | "POST") =>
    page.request.fetch(`${installation.url}/p/${workshop.ref}/rest/v1/${method === "POST" ? "rpc/nothing" : ""}`, { method, headers: { apikey: key } }).then((answer) => answer.status());
  expect(await ask(first, "GET")).toBe(200);
  expect(await ask(first, "POST")).toBe(403);

  await row.getByRole("button", { name: "Rotate" }).click();
  await dialog.getByLabel("The old key works").selectOption({ label: "For an hour" });
  await page.screenshot({ path: `${folder}/x-key-rotate.png` });
  await dialog.getByRole("button", { name: "Rotate key" }).click();
  const second = await page.getByTestId("shown-once").innerText();
  expect(second).not.toBe(first);
  await page.getByRole("button", { name: "I have stored it" }).click();
  await expect(row).toHaveCount(2);
  await expect(row.nth(1)).toContainText("ends");
  await expect(row.nth(1).getByRole("button", { name: "Rotate" })).toHaveCount(0);
  for (const key of [first, second]) expect(await ask(key, "GET")).toBe(200);
  await page.screenshot({ path: `${folder}/x-keys.png` });

  await row.nth(1).getByRole("button", { name: "Revoke" }).click();
  await dialog.getByRole("button", { name: "Revoke key" }).click();
  await expect(toast(page, "The key was revoked.")).toBeVisible();
  await expect.poll(() => ask(first, "GET")).toBe(401);
  expect(await ask(second, "GET")).toBe(200);
});

test("a signing key stands by, signs, and is revoked", async ({ page, installation, workshop }) => {
  await page.goto(`${installation.url}/projects/${workshop.ref}/auth/signing-keys`);
  await expect(page.getByRole("heading", { name: "Signing keys" })).toBeVisible();
  const dialog = page.getByRole("dialog");
  const rows = page.getByRole("main").getByRole("row");
  await expect(rows).toHaveCount(2); // the head and the one key
  await expect(rows.nth(1)).toContainText("in use");
  // A project begins with ES256; where this test ran before, it goes back to it.
  const [first, second] = (await rows.nth(1).innerText()).includes("ES256") ? (["ES256", "EdDSA"] as const) : (["EdDSA", "ES256"] as const);
  const curves = { ES256: "P-256", EdDSA: "Ed25519" };
  await page.getByRole("button", { name: "Create signing key" }).click();
  await dialog.getByLabel("Algorithm").selectOption({ label: second });
  await page.screenshot({ path: `${folder}/x-signing-key-create.png` });
  await dialog.getByRole("button", { name: "Create signing key" }).click();
  await expect(toast(page, "The key stands by. Rotate to sign with it.")).toBeVisible();
  const published = async () => JSON.stringify(await (await page.request.get(`${installation.url}/p/${workshop.ref}/auth/v1/.well-known/jwks.json`)).json());
  await expect.poll(published).toContain(curves[second]);

  const next = rows.filter({ hasText: second });
  const old = rows.filter({ hasText: first });
  await next.getByRole("button", { name: "Rotate" }).click();
  await page.screenshot({ path: `${folder}/x-signing-key-rotate.png` });
  await dialog.getByRole("button", { name: "Rotate" }).click();
  await expect(next).toContainText("in use");
  await expect(old).toContainText("previously used");
  await page.screenshot({ path: `${folder}/x-signing-keys.png` });

  await old.getByRole("button", { name: "Revoke" }).click();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(old).toContainText("previously used");
  await old.getByRole("button", { name: "Revoke" }).click();
  await dialog.getByRole("button", { name: "Revoke key" }).click();
  await expect(old).toContainText("revoked");
  await expect.poll(published).not.toContain(curves[first]);
  await old.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("button", { name: "Delete key" }).click();
  await expect(old).toHaveCount(0);
  await page.goto(`${installation.url}/projects/${workshop.ref}/sql`); // the console's own tokens follow
  await expect(page.getByRole("button", { name: /^Run/ }).first()).toBeVisible();
});
