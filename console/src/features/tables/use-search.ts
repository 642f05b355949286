import { getRouteApi, useLocation, useNavigate, useRouter } from "@tanstack/react-router";
import { useMemo } from "react";
import { formatFilter, parseFilter, type Group } from "@/features/tables/filter";
import { formatSort, parseSort, type SortBy } from "@/features/tables/sort";

const route = getRouteApi("/app/projects/$ref/tables/$schema/$table");

/** What the address says is shown, and how to change it. */
export function useTableSearch() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref/tables/$schema/$table" });
  const router = useRouter();
  const here = useLocation({ select: ({ pathname }) => pathname });
  const filter = useMemo(() => parseFilter(search.filter), [search.filter]);
  const sort = useMemo(() => parseSort(search.sort), [search.sort]);
  return useMemo(() => {
    type Search = typeof search;
    // What was saved after its table was left leads nowhere any more.
    const set = (next: Partial<Search>) => void (router.latestLocation.pathname === here && navigate({ to: ".", search: (old) => ({ ...old, ...next }) }));
    return {
      ...search,
      asked: { filter, sort },
      /** The filter of the address cannot be read. */
      unread: Boolean(search.filter) && !filter,
      set,
      setFilter: (next: Group | undefined) => set({ filter: next && formatFilter(next) }),
      setSort: (next: SortBy[]) => set({ sort: formatSort(next) }),
    };
  }, [search, filter, sort, navigate, router, here]);
}

export type TableSearch = ReturnType<typeof useTableSearch>;
