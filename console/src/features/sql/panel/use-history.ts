import { useCallback, useEffect, useState } from "react";
import { readHistory, remembered, type PastRun } from "@/features/sql/panel/history";

/** What ran in this browser, of one account in one project. */
export function useHistory(key: string) {
  const [history, setHistory] = useState(() => readHistory(localStorage.getItem(key)));
  useEffect(() => {
    const follow = (event: StorageEvent) => event.key === key && setHistory(readHistory(event.newValue));
    window.addEventListener("storage", follow);
    return () => window.removeEventListener("storage", follow);
  }, [key]);
  const write = useCallback(
    (next: PastRun[]) => {
      setHistory(next);
      try {
        localStorage.setItem(key, JSON.stringify(next));
      } catch {
        // The browser is full: what ran is remembered until the page goes.
      }
    },
    [key],
  );
  const add = useCallback((run: PastRun) => write(remembered(readHistory(localStorage.getItem(key)), run)), [key, write]);
  return { history, add, write };
}
