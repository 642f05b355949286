import type { z } from "zod";

const key = "fluxbase-organization";

/** The organisation that was open last in this browser. */
export const rememberedOrganization = (): string | null => localStorage.getItem(key);

export const rememberOrganization = (slug: string): void => localStorage.setItem(key, slug);

/** What was kept in this browser under a name; what cannot be read counts as nothing. */
export function recall<T>(name: string, schema: z.ZodType<T>): T | undefined {
  try {
    const text = localStorage.getItem(name);
    return text === null ? undefined : schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Keeps something in this browser. A full or forbidden store keeps nothing, and that is no failure. */
export function remember(name: string, value: unknown): void {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // it is only a convenience
  }
}
