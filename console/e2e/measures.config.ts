import { defineConfig } from "@playwright/test";
import suite from "./playwright.config";

/** Figures of the console on this machine, told and not held to: "make console-figures", on a machine that does nothing else. */
export default defineConfig({ ...suite, testMatch: "*.measure.ts", timeout: 600_000, retries: 0, workers: 1, use: { ...suite.use, trace: "off" } });
