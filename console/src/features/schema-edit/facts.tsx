import type { UseQueryResult } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useCatalog, useNames } from "@/lib/project-data";

/** Everything that a table is made of. */
export function useTable(schema: string, table: string) {
  const { names, schemas } = useNames();
  const tables = useCatalog("tables", { schema, table });
  const columns = useCatalog("columns", { schema, table });
  const constraints = useCatalog("constraints", { schema, table });
  return {
    queries: [schemas, tables, columns, constraints],
    /** Undefined until all of it is there. */
    facts: names && tables.data && columns.data && constraints.data ? { names, table: tables.data[0], columns: columns.data, constraints: constraints.data } : undefined,
  };
}

/** Stands in for what several queries tell, until all have, or says which did not; with `anew`, also while they are read again. */
export function Waiting({ queries, what, rows = 6, anew = false }: { queries: Pick<UseQueryResult, "isPending" | "isError" | "error" | "refetch" | "isFetching">[]; what: string; rows?: number; anew?: boolean }) {
  const failed = queries.filter((each) => each.isError);
  if (failed.length > 0) {
    return <ErrorState error={failed[0]!.error} what={`${what} could not be loaded`} onRetry={() => failed.forEach((each) => void each.refetch())} retrying={failed.some((each) => each.isFetching)} />;
  }
  return queries.some((each) => each.isPending || (anew && each.isFetching)) ? <SkeletonRows rows={rows} label={`Loading ${what.toLowerCase()}`} /> : null;
}

/**
 * What a form begins with, made once, whatever is asked for again meanwhile. What is kept of the catalog may be older than a change that was just
 * made elsewhere: nothing begins while it is read again.
 */
export function useStart<T>(queries: Pick<UseQueryResult, "isFetching">[], make: () => T | undefined): T | undefined {
  const [started, setStarted] = useState<{ value: T }>();
  if (!started && !queries.some((each) => each.isFetching)) {
    const value = make();
    if (value !== undefined) setStarted({ value });
  }
  return started?.value;
}

export function Gone({ what, children }: { what: string; children?: ReactNode }) {
  return <EmptyState title={`There is no ${what}`}>{children ?? "It was dropped or renamed, or the address is mistyped."}</EmptyState>;
}
