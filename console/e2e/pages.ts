import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, type Route } from "@playwright/test";

/** What every page must stand: one visit of a test checks all of it. */

const all = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** No finding of axe that is serious or critical. In the dark, only colours can differ. */
export async function expectAccessible(page: Page) {
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await useTheme(page, theme);
    // What is still fading in has not its colours yet: it is brought to its end, which a busy machine may not come to.
    await page.evaluate(() => document.getAnimations().filter((each) => each.effect?.getComputedTiming().iterations !== Infinity).forEach((each) => each.finish()));
    const axe = new AxeBuilder({ page }).setLegacyMode(); // no page of another origin stands in ours
    const { violations } = await (theme === "light" ? axe.withTags(all) : axe.withRules(["color-contrast", "link-in-text-block"])).analyze();
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const told = grave.map(({ id, impact, help, nodes }) => `${impact} ${id}: ${help}\n${nodes.slice(0, 5).map((node) => `  ${node.target.join(" ")} ${node.html.slice(0, 160)} ${node.any.map((check) => check.message).join(" ")}`).join("\n")}`);
    expect.soft(told, `what axe finds at ${page.url()} in ${theme}`).toEqual([]);
  }
}

/** Nothing is wider than the screen, at a desk and on a phone. */
export async function expectFits(page: Page) {
  const desk = page.viewportSize()!;
  for (const size of [desk, { width: 390, height: 844 }]) {
    await page.setViewportSize(size);
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    await expect.poll(wide, { message: `pixels that ${page.url()} is wider than ${size.width}` }).toBe(0);
  }
  await page.setViewportSize(desk);
}

/** Lets what matches fail as a backend that is away does, until the returned function is called. */
export async function failing(page: Page, pattern: string | RegExp): Promise<() => Promise<void>> {
  await page.route(pattern, (route) => route.abort("connectionrefused"));
  return () => page.unroute(pattern);
}

/** Keeps back the next request whose body matches, until the returned function lets it go on. */
export async function heldBack(page: Page, pattern: string, body: RegExp): Promise<() => Promise<void>> {
  let hold: (route: Route) => void;
  const held = new Promise<Route>((resolve) => (hold = resolve));
  let found = false;
  await page.route(pattern, (route) => {
    if (found || !body.test(route.request().postData() ?? "")) return route.continue();
    found = true;
    hold(route);
  });
  return async () => (await held).continue();
}

/** Sets the theme as the user menu does. */
async function useTheme(page: Page, theme: "light" | "dark") {
  await page.evaluate((chosen) => {
    localStorage.setItem("fluxbase-theme", chosen);
    window.dispatchEvent(new StorageEvent("storage", { key: "fluxbase-theme", newValue: chosen }));
  }, theme);
  await expect.poll(() => page.evaluate(() => document.documentElement.classList.contains("dark"))).toBe(theme === "dark");
}
