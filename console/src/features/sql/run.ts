import { useCallback, useRef, useState } from "react";
import type { Plan } from "@/features/sql/explain/plan";
import type { Meta, QueryOptions, Result } from "@/lib/meta";

export type Run =
  | { state: "idle" }
  | { state: "running"; since: number }
  | { state: "cancelled" }
  | { state: "done"; results: Result[]; texts: string[]; milliseconds: number; at: number; limit: number; plan?: Plan; analyzed?: boolean }
  | { state: "failed"; error: unknown };

export interface Request {
  sql: string;
  options: QueryOptions;
  /** The statements as they are written: of each, when there is a result for each. */
  texts: string[];
  /** Makes more of the results. */
  read?: (results: Result[]) => { plan?: Plan; analyzed?: boolean };
}

const idle: Run = { state: "idle" };

/** What runs and ran in each tab. One text of a tab runs at a time. */
export function useRuns(meta: Meta) {
  const [runs, setRuns] = useState<Record<string, Run>>({});
  const aborts = useRef(new Map<string, AbortController>());

  const start = useCallback(
    async (tab: string, { sql, options, texts, read }: Request): Promise<{ run: Run; took: number }> => {
      aborts.current.get(tab)?.abort();
      const mine = new AbortController();
      aborts.current.set(tab, mine);
      const since = performance.now();
      const set = (run: Run) => aborts.current.get(tab) === mine && setRuns((all) => ({ ...all, [tab]: run }));
      set({ state: "running", since });
      let run: Run;
      try {
        const results = await meta.query(sql, mine.signal, options);
        run = { state: "done", results, texts, milliseconds: performance.now() - since, at: Date.now(), limit: options.limit ?? 0, ...read?.(results) };
      } catch (error) {
        run = mine.signal.aborted ? { state: "cancelled" } : { state: "failed", error };
      }
      set(run);
      return { run, took: performance.now() - since };
    },
    [meta],
  );
  const cancel = useCallback((tab: string) => aborts.current.get(tab)?.abort(), []);
  const cancelAll = useCallback(() => {
    for (const each of aborts.current.values()) each.abort();
  }, []);
  const forget = useCallback((tab: string) => {
    aborts.current.get(tab)?.abort();
    aborts.current.delete(tab);
    setRuns((all) => ({ ...all, [tab]: idle }));
  }, []);
  const runOf = useCallback((tab: string): Run => runs[tab] ?? idle, [runs]);
  return { runOf, start, cancel, cancelAll, forget };
}
