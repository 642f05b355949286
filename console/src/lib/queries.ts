import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { createConnectQueryKey } from "@connectrpc/connect-query";
import { QueryClient, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

/** Answers that another try may change. */
const worthAnotherTry = new Set([Code.Unavailable, Code.Unknown, Code.DeadlineExceeded, Code.Aborted]);

export function createQueries(): QueryClient {
  return new QueryClient({
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
