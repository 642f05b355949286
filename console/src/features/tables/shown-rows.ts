import type { QueryClient } from "@tanstack/react-query";
import type { Row } from "@/features/tables/read";
import { rowsKey } from "@/features/tables/use-rows";

/** What tells a row from the others of its table. */
export const idOf = (row: Row): string => row.key ?? JSON.stringify(row.values);

/**
 * Puts a row as it was written in place of the old one, wherever a table shows it. A reading that is still under way may have looked before the
 * row was written: it is begun anew, so that its answer does not bring the old row back.
 */
export function putInPlace(queries: QueryClient, [ref, schema, table]: [ref: string, schema: string, table: string], old: Row, next: Row): void {
  const blocks = { queryKey: rowsKey(ref, schema, table), predicate: ({ queryKey }: { queryKey: readonly unknown[] }) => queryKey[5] === "block" };
  const underWay = queries.getQueryCache().findAll({ ...blocks, fetchStatus: "fetching" });
  queries.setQueriesData<Row[]>(blocks, (rows) => (rows?.some((each) => idOf(each) === idOf(old)) ? rows.map((each) => (idOf(each) === idOf(old) ? next : each)) : rows));
  if (underWay.length > 0) void queries.invalidateQueries({ predicate: (query) => underWay.some((each) => each === query) });
}
