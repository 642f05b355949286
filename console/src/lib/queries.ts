import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { createConnectQueryKey } from "@connectrpc/connect-query";
import { QueryClient, useQueryClient, type InvalidateOptions, type InvalidateQueryFilters, type QueryKey } from "@tanstack/react-query";
import { useCallback } from "react";

/** Answers that another try may change. */
const worthAnotherTry = new Set([Code.Unavailable, Code.Unknown, Code.DeadlineExceeded, Code.Aborted]);

/**
 * Reads again what a change made old, also where the first reading was still under way: that one may have looked before
 * the change, and TanStack's client would show what it saw as the newest.
 */
class Queries extends QueryClient {
  override async invalidateQueries<Key extends QueryKey = QueryKey>(filters?: InvalidateQueryFilters<Key>, options: InvalidateOptions = {}): Promise<void> {
    const first = this.getQueryCache()
      .findAll(filters)
      .filter(({ state }) => state.data === undefined && state.fetchStatus === "fetching");
    await super.invalidateQueries(filters, options);
    if (first.length > 0) await super.invalidateQueries({ refetchType: filters?.refetchType, predicate: (query) => first.includes(query) }, options);
  }
}

export function createQueries(): QueryClient {
  return new Queries({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        retry: (failures, error) => failures < 1 && worthAnotherTry.has(ConnectError.from(error).code),
        retryDelay: 400,
        refetchOnWindowFocus: true,
      },
    },
  });
}

/** Marks everything that these methods answered as old, so that what is on screen is asked for again. */
export function useInvalidate() {
  const queries = useQueryClient();
  return useCallback(
    (...methods: DescMethodUnary[]) =>
      Promise.all(methods.map((schema) => queries.invalidateQueries({ queryKey: createConnectQueryKey({ schema, cardinality: undefined }) }))),
    [queries],
  );
}
