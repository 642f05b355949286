import { createClient } from "@supabase/supabase-js";
import { request } from "node:http";
import { WebSocket } from "ws";
import { createOrganization, newPerson, runSql, signUp, status } from "./console";
import { expect, test } from "./installation";

const table = `
create table notes (
  id bigint generated always as identity primary key,
  body text not null,
  published boolean not null default false
);
alter table notes enable row level security;
create policy "published notes are read by everyone" on notes for select to anon, authenticated using (published);
grant select on notes to anon, authenticated;
insert into notes (body, published) values ('first', true), ('second', true), ('a secret draft', false);
select id, body, published from notes order by id;
`;

test("from an empty installation to rows read by clients", async ({ page, installation }) => {
  const faults: string[] = [];
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  const person = newPerson();

  await test.step("opening the console leads to signing in, and from there up", async () => {
    await page.goto(installation.url);
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await signUp(page, installation.url, person);
  });

  await test.step("an organisation and a project are created, and the steps seen", async () => {
    await createOrganization(page, "Analytical Engines");
    await page.getByRole("link", { name: "Create project" }).first().click();
    await page.getByLabel("Name", { exact: true }).fill("Notebook");
    await page.getByRole("button", { name: "Create project" }).click();
    await expect(page.getByRole("heading", { name: "Notebook", exact: true })).toBeVisible();
    await expect(status(page, "Active")).toBeVisible({ timeout: 60_000 });
    await page.getByText(/^Provisioned in \d/).click();
    const steps = page.getByRole("listitem").filter({ has: page.locator("svg.text-success") });
    await expect(steps.first()).toBeVisible();
    await expect(page.locator("[data-step]:not([data-status=done])")).toHaveCount(0);
  });

  await test.step("what it uses is shown beside what the plan gives", async () => {
    const usage = page.getByRole("region", { name: "Usage" });
    for (const name of ["0 stored", "Egress in", "Requests in"]) await expect(usage.getByText(name)).toBeVisible();
    await expect(usage.getByText("no limit")).toHaveCount(3); // a developer's machine is nobody's to ration
  });

  const ref = new URL(page.url()).pathname.split("/")[2]!;
  expect(ref).toMatch(/^[a-z]{20}$/);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  const snippet = page.getByTestId("snippet");
  await expect(snippet).toContainText("fbk_pub_");
  await page.getByRole("switch", { name: "URL by path" }).uncheck(); // names below "localhost" are few programs' to find
  await expect(snippet).toContainText(`${ref}.localhost`);
  const [, url, key] = /createClient\(\s*"([^"]+)",\s*"([^"]+)"/.exec((await snippet.textContent()) ?? "")!;
  await page.getByRole("switch", { name: "URL by path" }).check();
  await expect(snippet).toContainText(`/p/${ref}`);
  const [, pathUrl] = /createClient\(\s*"([^"]+)"/.exec((await snippet.textContent()) ?? "")!;
  await page.keyboard.press("Escape");

  await test.step("the pasted SQL runs, and its last result is shown", async () => {
    await page.getByRole("link", { name: "SQL editor", exact: true }).click();
    await runSql(page, table);
    await expect(page.getByRole("grid", { name: "Result" })).toContainText("a secret draft");
    await expect(page.getByRole("tab")).toHaveCount(6);
  });

  await test.step("a mistake is shown where it is", async () => {
    await runSql(page, "select id,\n  no_such_column\nfrom notes");
    await expect(page.getByRole("alert")).toContainText('column "no_such_column" does not exist');
    await expect(page.locator(".cm-lintRange-error")).toHaveText("no_such_column");
  });

  await test.step("supabase-js reads what row level security lets it", async () => {
    const supabase = createClient(pathUrl!, key!, {
      auth: { persistSession: false },
      realtime: { transport: WebSocket as never }, // Node 20 has none of its own
    });
    const { data, error } = await supabase.from("notes").select("body").order("id");
    expect(error).toBeNull();
    expect(data).toEqual([{ body: "first" }, { body: "second" }]);
  });

  await test.step("so does a plain request to the project's own host", async () => {
    const rows = await byHost(url!, "/rest/v1/notes?select=body&order=id", key!);
    expect(rows).toEqual({ status: 200, body: [{ body: "first" }, { body: "second" }] });
    expect((await byHost(url!, "/rest/v1/notes", "fbk_pub_wrong")).status).toBe(401);
  });

  await test.step("signing out ends it, and signing in returns to the page asked for", async () => {
    await page.getByRole("button", { name: "Account menu" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await page.goto(`${installation.url}/projects/${ref}/keys`);
    await page.getByLabel("Email").fill(person.email);
    await page.getByLabel("Password").fill(person.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page).toHaveURL(`${installation.url}/projects/${ref}/keys`);
    await expect(page.getByRole("heading", { name: "API keys" })).toBeVisible();
  });

  await test.step("the audit log tells of it", async () => {
    await page.goto(`${installation.url}/orgs/analytical-engines/audit?action=project`);
    await expect(page.getByRole("button", { name: "project.create" })).toBeVisible();
    await expect(page.getByRole("cell", { name: person.email }).first()).toBeVisible();
  });
  // A refused statement is a 400 that the browser logs; nothing else may be.
  expect(faults.filter((text) => !text.includes("status of 400"))).toEqual([]);
});

/** As curl does: to the installation's address, with the project's name in the Host header. Node resolves no *.localhost. */
function byHost(url: string, path: string, key: string): Promise<{ status: number; body: unknown }> {
  const { host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const call = request({ host: "localhost", port, path, headers: { Host: host, apikey: key } }, (answer) => {
      let text = "";
      answer.on("data", (part: Buffer) => (text += part.toString()));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) as unknown }));
    });
    call.on("error", reject);
    call.end();
  });
}
