import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { addressOf } from "@/features/sql/tabs/bar";
import { TabStore, type Tab } from "@/features/sql/tabs/store";

const route = getRouteApi("/app/projects/$ref/sql");

/** The open texts of one account in one project, and which of them the address names. */
export function useTabs(key: string) {
  const store = useMemo(() => new TabStore(key, localStorage), [key]);
  const tabs = useSyncExternalStore(store.subscribe, store.get);
  const kept = useSyncExternalStore(store.subscribe, store.isKept);
  const outside = useSyncExternalStore(store.subscribe, store.changesOutside);
  const { tab, snippet, sql } = route.useSearch();
  const navigate = route.useNavigate();
  const taken = useRef<string>(undefined);

  useEffect(() => {
    const follow = (event: StorageEvent) => event.key === key && store.adopt(event.newValue);
    window.addEventListener("storage", follow);
    window.addEventListener("pagehide", store.flush);
    return () => {
      window.removeEventListener("storage", follow);
      window.removeEventListener("pagehide", store.flush);
      store.flush();
    };
  }, [key, store]);

  const named = snippet ? tabs.tabs.find((each) => each.snippet?.id === snippet) : tabs.tabs.find((each) => each.id === tab);
  const current = named ?? tabs.tabs.find((each) => each.id === tabs.open) ?? tabs.tabs[0]!;
  const wanted = snippet && !named ? snippet : undefined;

  const show = useCallback(
    (next: Tab, replace = false) => {
      store.show(next.id);
      return navigate({ search: ({ panel, find, which }) => ({ panel, find, which, ...addressOf(next) }), replace });
    },
    [navigate, store],
  );

  // A text that the address brings along opens in a tab of its own, once.
  useEffect(() => {
    if (sql !== undefined && sql !== taken.current) void show(store.add({ text: sql }), true);
    taken.current = sql;
  }, [show, sql, store]);

  // The address names what is open, also after it was saved as a snippet, and what is open is remembered.
  const address = addressOf(current);
  const fits = wanted !== undefined || ("snippet" in address ? address.snippet === snippet : address.tab === tab && !snippet);
  useEffect(() => {
    if (sql !== undefined || wanted !== undefined) return;
    store.show(current.id);
    if (!fits) void navigate({ search: (old) => ({ ...old, sql: undefined, tab: undefined, snippet: undefined, ...addressOf(current) }), replace: true });
  }, [current, fits, navigate, sql, store, wanted]);

  return { store, tabs, current, kept, outside, wanted, show };
}
