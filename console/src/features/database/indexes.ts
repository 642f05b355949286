import type { Index } from "@/lib/catalog";
import type { Names } from "@/lib/pg";

/** Builds an index anew beside the old one, while rows are written. One of an exclusion can only be built in its place. */
export function reindex(index: Pick<Index, "schema" | "name" | "constraint" | "unique">, names: Names): string {
  return `reindex index ${index.constraint && !index.unique ? "" : "concurrently "}${names.qualified(index.schema, index.name)};`;
}

/** Whether nothing would be lost with it but space, as far as the statistics tell. */
export const unused = (index: Pick<Index, "scans" | "unique" | "constraint">): boolean => index.scans === 0 && !index.unique && !index.constraint;
