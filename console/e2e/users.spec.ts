import { toast } from "./console";
import { metadata } from "./identity-provider";
import { expect, test } from "./installation";

const folder = new URL("./screenshots", import.meta.url).pathname;

test.use({ storageState: ({ workshop }, use) => use(workshop.session) });

test("a user is created, looked at, changed, impersonated, banned and deleted", async ({ page, installation, workshop }) => {
  const email = `grace-${Date.now()}@example.com`;
  await page.goto(`${installation.url}/projects/${workshop.ref}/auth/users`);
  await page.getByRole("button", { name: "Create user" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Create user" }).click();
  await expect(page.getByText("Enter an email address or a phone number.")).toBeVisible();
  await page.getByLabel("Email", { exact: true }).fill(email);
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await page.getByRole("dialog").getByRole("button", { name: "Create user" }).click();
  await expect(toast(page, `${email} was created.`)).toBeVisible();
  await page.screenshot({ path: `${folder}/x-users.png` });

  await page.getByRole("searchbox").fill(email);
  await page.getByRole("link", { name: email }).click(); // before the list is narrowed
  const sheet = page.getByRole("dialog", { name: email });
  await expect(sheet.getByText("Confirmed", { exact: true })).toBeVisible();
  await expect(sheet.getByText("Signed in nowhere.")).toBeVisible();
  await expect(page).toHaveURL(/users\/[0-9a-f-]{36}\?filter=/);

  await sheet.getByLabel("Of the app").fill('{"role": "editor"');
  await sheet.getByRole("button", { name: "Save metadata" }).click();
  await expect(sheet.getByRole("alert")).toContainText("no JSON");
  await sheet.getByLabel("Of the app").fill('{"role": "editor"}');
  await sheet.getByRole("button", { name: "Save metadata" }).click();
  await expect(sheet.getByRole("button", { name: "Save metadata" })).toHaveCount(0);
  await expect(sheet.getByText("email", { exact: true })).toBeVisible(); // the identity

  const act = async (name: string) => {
    await sheet.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name }).click();
  };
  await act("Impersonate");
  await page.getByLabel("Reason").fill("Looks at the bench");
  await page.getByRole("button", { name: "Make token" }).click();
  await expect(page.getByTestId("shown-once")).toContainText("eyJ");
  await page.getByRole("button", { name: "I have stored it" }).click();
  await page.reload();
  await expect(sheet.getByRole("button", { name: "End all" })).toBeVisible();
  await page.screenshot({ path: `${folder}/x-user.png` });
  await sheet.getByRole("button", { name: "End all" }).click();
  await expect(sheet.getByText("Signed in nowhere.")).toBeVisible();

  await act("Send password recovery");
  await expect(page.getByText(`A mail goes to ${email}.`).first()).toBeVisible();
  await act("Make a link");
  await page.getByRole("button", { name: "Make link" }).click();
  await expect(page.getByTestId("link")).toContainText("/auth/v1/verify?");
  await page.getByRole("button", { name: "Done" }).click();

  await act("Set password");
  await page.getByLabel("New password").fill("another good one");
  await page.getByRole("button", { name: "Set password" }).click();
  await expect(page.getByText("The password was set.").first()).toBeVisible();

  await act("Ban user");
  await page.getByRole("button", { name: "Ban user" }).click();
  await expect(sheet.getByText("Banned", { exact: true })).toBeVisible();
  await act("Lift the ban");
  await expect(sheet.getByText("Confirmed", { exact: true })).toBeVisible();

  await act("Delete user");
  await page.getByLabel(/to confirm/).fill(email);
  await page.getByRole("button", { name: "Delete user" }).click();
  await expect(page.getByText("No user matches")).toBeVisible();

  await page.goto(`${installation.url}/projects/${workshop.ref}/auth/audit`);
  await page.getByRole("button", { name: "user_impersonated" }).first().click();
  await expect(page.getByRole("dialog")).toContainText("Looks at the bench");
  await page.screenshot({ path: `${folder}/x-auth-audit.png` });
});

test("a mail is reworded with a preview, and tried", async ({ page, installation, workshop }) => {
  await page.goto(`${installation.url}/projects/${workshop.ref}/auth/templates`);
  await page.getByRole("link", { name: "Invite" }).click();
  const preview = page.getByRole("region", { name: "Preview" });
  const mail = page.frameLocator("iframe[title='The mail']");
  await expect(mail.getByRole("link", { name: "Accept the invitation" })).toBeVisible();
  const editor = page.getByRole("textbox", { name: "Content in HTML" });
  await editor.focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText('<p style="color: rgb(1, 2, 3)">Come to {{ .SiteURL }}</p><script>window.top.hacked = 1</script>');
  await page.getByLabel("Subject").fill("Come in");
  await expect(preview).toContainText("Come in");
  await expect(mail.getByText("Come to http")).toHaveCSS("color", "rgb(1, 2, 3)");
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
  await page.screenshot({ path: `${folder}/x-template.png` });
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await expect(toast(page, /A test mail goes to/)).toBeVisible();
  await page.getByLabel("Subject").fill("{{ .Broken");
  await expect(preview.getByRole("alert")).toBeVisible();
  await page.getByLabel("Subject").fill("Come in");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(toast(page, "2 settings saved.")).toBeVisible();
  await page.getByRole("link", { name: "All templates" }).click();
  await expect(page.getByRole("row", { name: /Invite/ })).toContainText("reworded");
});

test("a custom provider and an identity provider are added and removed", async ({ page, installation, workshop }) => {
  await page.goto(`${installation.url}/projects/${workshop.ref}/auth/providers`);
  await page.getByRole("button", { name: "Add provider" }).click();
  await page.getByLabel("Type").selectOption({ label: "OAuth 2" });
  await page.getByLabel("Name", { exact: true }).fill("Acme ID");
  await page.getByLabel("Identifier").fill("acme");
  await page.getByLabel("Authorisation URL").fill("https://id.example.com/authorize");
  await page.getByLabel("Token URL").fill("https://id.example.com/token");
  await page.getByLabel("User info URL").fill("https://id.example.com/user");
  await page.getByLabel("Client id").fill("bench");
  await page.getByLabel("Client secret").fill("hush-hush");
  await page.getByRole("dialog").getByRole("button", { name: "Add provider" }).click();
  await page.getByRole("link", { name: "Acme ID" }).click();
  await expect(page.getByLabel("Identifier")).toHaveValue("acme");
  await expect(page.getByLabel("Client secret")).toHaveValue("");
  await page.screenshot({ path: `${folder}/x-custom-provider.png` });
  const asked: string[] = [];
  page.on("request", (request) => request.url().includes("/custom-providers/") && asked.push(request.method()));
  await page.getByRole("button", { name: "Remove provider" }).click();
  await page.getByRole("dialog", { name: "Remove Acme ID" }).getByRole("button", { name: "Remove provider" }).click();
  await expect(page.getByText("No custom provider")).toBeVisible();
  expect(asked).toEqual(["DELETE"]); // and it is not saved once more

  await page.goto(`${installation.url}/projects/${workshop.ref}/auth/sso`);
  await page.getByRole("button", { name: "Add identity provider" }).click();
  await page.getByLabel("Or the metadata itself").fill("<nonsense/>");
  await page.getByRole("dialog").getByRole("button", { name: "Add identity provider" }).click();
  await expect(page.getByText("The identity provider was not saved")).toBeVisible();
  await page.getByLabel("Or the metadata itself").fill(metadata);
  await page.getByLabel("Domains").fill("example.com");
  await page.getByRole("dialog").getByRole("button", { name: "Add identity provider" }).click();
  await page.getByRole("link", { name: "https://idp.example.com/metadata" }).click();
  await page.getByLabel("Domains").fill("example.com, example.org");
  await page.screenshot({ path: `${folder}/x-sso.png` });
  await page.getByRole("button", { name: "Save identity provider" }).click();
  const row = page.getByRole("row").filter({ hasText: "example.com, example.org" });
  await row.getByRole("link").click();
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByRole("dialog", { name: "Remove identity provider" }).getByRole("button", { name: "Remove identity provider" }).click();
  await expect(page.getByText("No identity provider")).toBeVisible();
});
