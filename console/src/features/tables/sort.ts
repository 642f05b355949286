import { quoted, Reader } from "@/features/tables/words";

/** One of the columns that rows are sorted by. */
export interface SortBy {
  column: string;
  descending: boolean;
  /** Where nulls stand; Postgres' own choice when left out. */
  nulls?: "first" | "last";
}

/** As it stands in addresses: created_at.desc,name.asc.nullslast. */
export function formatSort(sort: SortBy[]): string | undefined {
  if (sort.length === 0) return undefined;
  return sort.map(({ column, descending, nulls }) => `${quoted(column)}.${descending ? "desc" : "asc"}${nulls ? `.nulls${nulls}` : ""}`).join(",");
}

/** What cannot be read sorts nothing. */
export function parseSort(text: string | undefined): SortBy[] {
  if (!text) return [];
  try {
    const reader = new Reader(text);
    const out: SortBy[] = [];
    do {
      const column = reader.word();
      reader.expect(".");
      const descending = reader.takes("desc");
      if (!descending) reader.expect("asc");
      const nulls = reader.takes(".nullsfirst") ? "first" : reader.takes(".nullslast") ? "last" : undefined;
      out.push({ column, descending, ...(nulls && { nulls }) });
    } while (reader.takes(","));
    return reader.done ? out : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

/** The next of: ascending, descending, not at all. With `add`, other columns stay. */
export function cycled(sort: SortBy[], column: string, descending: boolean | undefined, add: boolean): SortBy[] {
  const others = add ? sort.filter((each) => each.column !== column) : [];
  if (descending === undefined) return sort.filter((each) => each.column !== column);
  const at = sort.findIndex((each) => each.column === column);
  if (!add || at < 0) return [...others, { column, descending }];
  return sort.map((each, index) => (index === at ? { ...each, descending } : each));
}
