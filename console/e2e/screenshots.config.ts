import { defineConfig } from "@playwright/test";
import suite from "./playwright.config";

/** Pictures of every page for people to look at, in docs/screenshots: "make screenshots". */
export default defineConfig({ ...suite, testMatch: "pictures.ts", timeout: 1_500_000, retries: 0, workers: 1, use: { ...suite.use, actionTimeout: 30_000 } });
