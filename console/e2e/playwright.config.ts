import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const system = "/usr/bin/chromium";
const args = ["--disable-background-networking"];
if (process.getuid?.() === 0) args.push("--no-sandbox"); // Chromium's sandbox does not work for root

export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.ts",
  // Runs beside each other, at installations of their own, leave each other's traces alone.
  outputDir: `../test-results/${new URL(process.env.FLUXBASE_CONSOLE_URL ?? "http://localhost").port}`,
  workers: 3, // each with an installation of its own; on two cores, as one of them mostly waits
  // For a slow machine with two cores and other work: a fast one never waits so long.
  timeout: 180_000,
  expect: { timeout: 20_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    viewport: { width: 1280, height: 800 },
    // A click waits until what it hits stands still: what only moves takes a quarter of the time.
    contextOptions: { reducedMotion: "reduce" },
    // A trace tells all of a failure, and slows every test: FLUXBASE_TEST_TRACE=1 asks for it.
    trace: process.env.FLUXBASE_TEST_TRACE ? "retain-on-failure" : "off",
    launchOptions: { args, executablePath: existsSync(system) ? system : undefined },
  },
});
