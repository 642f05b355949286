import type { Page } from "@playwright/test";
import { toast } from "./console";
import { expect, test } from "./installation";

const folder = new URL("./screenshots", import.meta.url).pathname;

test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

const save = (page: Page) => page.getByRole("button", { name: "Save", exact: true });

test("settings of auth are refused beside their fields, saved, guarded and kept secret", async ({ page, installation, workshop }) => {
  await page.goto(`${installation.url}/projects/${workshop.ref}/auth/protection`);
  const captcha = page.getByRole("region", { name: "CAPTCHA" });
  const secret = captcha.getByLabel("Secret", { exact: true });
  await captcha.getByRole("switch", { name: "Enabled" }).click();
  await save(page).click();
  await expect(page.getByText("Nothing was saved")).toBeVisible();
  await expect(captcha.getByRole("alert")).toContainText("Give a value");
  await page.screenshot({ path: `${folder}/x-auth-refused.png` });

  await page.getByRole("link", { name: "Hooks" }).click();
  await expect(page.getByRole("dialog", { name: "Leave without saving" })).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await secret.fill("hush-hush");
  await save(page).click();
  await expect(toast(page, "2 settings saved.")).toBeVisible();
  await page.reload();
  await expect(secret).toHaveAttribute("placeholder", /^Set\./);
  await expect(secret).toHaveValue("");
  expect(await page.content()).not.toContain("hush-hush");
  await captcha.getByRole("button", { name: "Clear" }).click();
  await captcha.getByRole("switch", { name: "Enabled" }).click();
  await save(page).click();
  await expect(secret).toHaveAttribute("placeholder", "Not set");
});

test("each page of settings saves one", async ({ page, installation, workshop }) => {
  const deeds: Record<string, (page: Page) => Promise<void>> = {
    methods: (page) => page.getByRole("region", { name: "Anonymous users" }).getByRole("switch", { name: "Enabled" }).click(),
    sso: (page) => page.getByRole("switch", { name: "Enabled" }).click(),
    email: (page) => page.getByLabel("Sender name", { exact: true }).fill("Bench"),
    sms: (page) => page.getByLabel("Template", { exact: true }).fill("Bench: {{ .Code }}"),
    sessions: (page) => page.getByLabel("JWT expiry", { exact: true }).fill("1800"),
    mfa: (page) => page.getByLabel("Max enrolled factors", { exact: true }).fill("5"),
    protection: (page) => page.getByLabel("Password min length", { exact: true }).fill("8"),
    hooks: (page) => page.getByRole("region", { name: "Send email" }).getByRole("button", { name: "Generate" }).click(),
    urls: (page) => page.getByLabel("Redirect URLs", { exact: true }).fill("https://app.example.com/**\nmyapp://callback"),
  };
  for (const [path, deed] of Object.entries(deeds)) {
    await page.goto(`${installation.url}/projects/${workshop.ref}/auth/${path}`);
    await deed(page);
    await save(page).click();
    await expect(toast(page, "1 setting saved."), path).toBeVisible();
    await expect(save(page), path).toHaveCount(0);
  }
  await page.reload();
  await expect(page.getByLabel("Redirect URLs", { exact: true })).toHaveValue("https://app.example.com/**\nmyapp://callback");
});

test("the settings page leads to auth's", async ({ page, installation, workshop }) => {
  await page.goto(`${installation.url}/projects/${workshop.ref}/settings`);
  await page.getByRole("searchbox").fill("smtp.host");
  await page.getByRole("link", { name: "auth.smtp.host" }).click();
  await expect(page.getByRole("heading", { name: "Email" })).toBeVisible();
});

test("a provider is switched on", async ({ page, installation, workshop }) => {
  await page.goto(`${installation.url}/projects/${workshop.ref}/auth/providers`);
  await page.getByRole("link", { name: "Google" }).click();
  const sheet = page.getByRole("dialog", { name: "Google" });
  await expect(sheet).toContainText("/auth/v1/callback");
  await sheet.getByRole("switch", { name: "Enabled" }).click();
  await sheet.getByLabel("Client ID", { exact: true }).fill("bench.apps.example.com");
  await sheet.getByLabel("Secret", { exact: true }).fill("hush-hush");
  await save(page).click();
  await expect(page.getByText("3 settings saved.").first()).toBeVisible(); // not by role: the sheet is in front
  await page.getByRole("button", { name: "Close" }).click();
  await expect(page.getByRole("listitem").filter({ hasText: "Google" })).toContainText("on");
});
