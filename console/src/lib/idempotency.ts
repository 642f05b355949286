import { useCallback, useRef } from "react";

/**
 * A key for one intended creation: the same one while a form is tried again, so that a lost answer does not create
 * twice, and a new one after it succeeded or what is asked for changed.
 */
export function useIdempotencyKey() {
  const current = useRef({ of: "", key: "" });
  return useCallback((of: unknown): string => {
    const text = JSON.stringify(of);
    if (current.current.of !== text) current.current = { of: text, key: random() };
    return current.current.key;
  }, []);
}

/** Not crypto.randomUUID, which browsers withhold from consoles served by plain HTTP. */
function random(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
