import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark" | "system";

const key = "fluxbase-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function chosen(): Theme {
  const value = localStorage.getItem(key);
  return value === "light" || value === "dark" ? value : "system";
}

function dark(): boolean {
  return chosen() === "dark" || (chosen() === "system" && system.matches);
}

function apply() {
  document.documentElement.classList.toggle("dark", dark());
  for (const listener of listeners) listener();
}

export function setTheme(theme: Theme) {
  if (theme === "system") localStorage.removeItem(key);
  else localStorage.setItem(key, theme);
  apply();
}

system.addEventListener("change", apply);
window.addEventListener("storage", (event) => event.key === key && apply());

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, chosen);
export const useDark = (): boolean => useSyncExternalStore(subscribe, dark);
