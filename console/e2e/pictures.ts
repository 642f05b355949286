import { mkdir, rm } from "node:fs/promises";
import { dress, looks, makeWorld, outside, scenes, show, type Scene } from "./gallery";
import { test } from "./installation";
import type { Page } from "@playwright/test";

// Pictures of every page, light, dark and on a phone. They are made anew by "make screenshots", after pages have changed.
const folder = new URL("../../docs/screenshots/", import.meta.url).pathname;

test("every page, light, dark and on a phone", async ({ page, installation }) => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await take(page, installation.url, outside);
  await dress(page, installation.url, looks[0]); // what is made is made at a desk
  const world = await makeWorld(page, installation.url, installation.data);
  await take(page, installation.url, scenes(world));
});

async function take(page: Page, url: string, all: Record<string, Scene>) {
  for (const look of looks) {
    await dress(page, url, look);
    for (const [name, scene] of Object.entries(all)) {
      await show(page, url, scene);
      await page.screenshot({ path: `${folder}${name}-${look.name}.jpg`, type: "jpeg", quality: 38 });
    }
  }
}
