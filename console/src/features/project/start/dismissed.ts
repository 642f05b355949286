import { useSyncExternalStore } from "react";

const keyOf = (ref: string) => `fluxbase-started-${ref}`;
const listeners = new Set<() => void>();

/** Hides the first steps of a project in this browser, or shows them again. */
export function dismiss(ref: string, hidden: boolean) {
  if (hidden) localStorage.setItem(keyOf(ref), "true");
  else localStorage.removeItem(keyOf(ref));
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useDismissed = (ref: string): boolean => useSyncExternalStore(subscribe, () => localStorage.getItem(keyOf(ref)) !== null);
