const key = "fluxbase-organization";

/** The organisation that was open last in this browser. */
export const rememberedOrganization = (): string | null => localStorage.getItem(key);

export const rememberOrganization = (slug: string): void => localStorage.setItem(key, slug);
