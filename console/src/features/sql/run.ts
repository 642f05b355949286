import { useCallback, useRef, useState } from "react";
import type { Meta, Result } from "@/lib/meta";

export type Run =
  | { state: "idle" }
  | { state: "running"; since: number }
  | { state: "cancelled" }
  | { state: "done"; results: Result[]; milliseconds: number; at: number }
  | { state: "failed"; error: unknown };

/** Runs one text at a time. */
export function useRun(meta: Meta) {
  const [run, setRun] = useState<Run>({ state: "idle" });
  const abort = useRef<AbortController>(null);
  const start = useCallback(
    async (text: string): Promise<Run> => {
      abort.current?.abort();
      const mine = new AbortController();
      abort.current = mine;
      const since = performance.now();
      setRun({ state: "running", since });
      let next: Run;
      try {
        const results = await meta.query(text, mine.signal);
        next = { state: "done", results, milliseconds: performance.now() - since, at: Date.now() };
      } catch (error) {
        next = mine.signal.aborted ? { state: "cancelled" } : { state: "failed", error };
      }
      if (abort.current === mine) setRun(next);
      return next;
    },
    [meta],
  );
  const cancel = useCallback(() => abort.current?.abort(), []);
  return { run, start, cancel };
}
