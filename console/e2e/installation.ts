import { expect, test as base, type BrowserContext, type Page } from "@playwright/test";
import { spawn, type ChildProcess } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOrganization, createProject, signUp } from "./console";

/** A running "fluxbase dev" of its own: real database, real workers, a folder that goes with it. */
export interface Installation {
  url: string;
  /** The folder with its data, where the test started it. */
  data?: string;
}

/** An account with a project, made once for the tests that only need some: they leave it usable. */
export interface Workshop {
  ref: string;
  /** Makes pages signed in: test.use({ storageState: ({ workshop }, use) => use(workshop.session) }). */
  session: Awaited<ReturnType<BrowserContext["storageState"]>>;
}

export const test = base.extend<{ page: Page }, { installation: Installation; workshop: Workshop }>({
  // No script may fail, and nothing may break the Content-Security-Policy, whatever a test looks at.
  page: async ({ page }, use) => {
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => message.type() === "error" && message.text().includes("Content Security Policy") && faults.push(message.text()));
    await use(page);
    expect(faults, "scripts that failed, and what the browser blocked").toEqual([]);
  },
  installation: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the fixture's needs from the pattern.
    async ({}, use) => {
      // While working on a page: an installation that runs already, for example "npm run dev" in front of "fluxbase dev".
      if (process.env.FLUXBASE_CONSOLE_URL) return use({ url: process.env.FLUXBASE_CONSOLE_URL });
      const binary = process.env.FLUXBASE_BIN;
      if (!binary) throw new Error('Set FLUXBASE_BIN to the binary to test: "make test" does.');
      const folder = await mkdtemp(join(tmpdir(), "fluxbase-console-"));
      await chmod(folder, 0o711); // run by root, PostgreSQL is another user's, who must reach its own folder in it
      const port = await freePort();
      const child = spawn(binary, ["dev", "--data-dir", folder, "--listen", `localhost:${port}`], { stdio: ["ignore", "pipe", "pipe"] });
      const log: string[] = [];
      child.stdout.on("data", (part: Buffer) => log.push(part.toString()));
      child.stderr.on("data", (part: Buffer) => log.push(part.toString()));
      const url = `http://localhost:${port}`;
      try {
        await ready(url, child, log);
        await use({ url, data: folder });
      } finally {
        await stop(child);
        await rm(folder, { recursive: true, force: true });
      }
    },
    { scope: "worker", timeout: 150_000 },
  ],
  workshop: [
    async ({ browser, installation }, use) => {
      const page = await browser.newPage();
      await signUp(page, installation.url);
      await createOrganization(page, "Workshop");
      const ref = await createProject(page, "Bench");
      const session = await page.context().storageState();
      await page.context().close();
      await use({ ref, session });
    },
    { scope: "worker", timeout: 180_000 },
  ],
});

export { expect } from "@playwright/test";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function ready(url: string, child: ChildProcess, log: string[]): Promise<void> {
  const until = Date.now() + 120_000;
  while (Date.now() < until) {
    if (child.exitCode !== null) break;
    const response = await fetch(`${url}/config.json`).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`"fluxbase dev" did not become ready:\n${log.join("").slice(-4000)}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await ended;
  clearTimeout(timer);
}
