import { useCallback, useState } from "react";
import { keepCalls, readCalls, withCall, type PastCall } from "@/features/functions/history";
import type { DatabaseFunction } from "@/lib/catalog";
import { useAccount } from "@/lib/organization";
import { useHere } from "@/lib/project-data";

/** The calls of a function that this account made with this browser. */
export function useCalls(fn: DatabaseFunction) {
  const { project } = useHere();
  const account = useAccount();
  const place = `fluxbase-calls-${project.ref}-${account.data?.id ?? ""}-${fn.schema}.${fn.name}(${fn.identity_arguments})`;
  const [calls, setCalls] = useState(() => readCalls(place));
  const add = useCallback(
    (call: PastCall) => {
      const next = withCall(readCalls(place), call);
      keepCalls(place, next);
      setCalls(next);
    },
    [place],
  );
  const clear = useCallback(() => {
    localStorage.removeItem(place);
    setCalls([]);
  }, [place]);
  return { calls, add, clear };
}
