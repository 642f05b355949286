import type { CatalogSchema, CatalogTable, TableKind } from "@/lib/catalog";

export interface Branch {
  schema: string;
  /** Those that are shown. */
  tables: CatalogTable[];
  /** How many more there are. */
  more: number;
}

/** More of a schema are found by searching. */
const most = 300;

export const kindName: Record<TableKind, string> = {
  table: "Table",
  partitioned_table: "Partitioned table",
  view: "View",
  materialized_view: "Materialised view",
  foreign_table: "Foreign table",
};

/** The ledger of migrations may be written to, and is yet no place of the app. */
const rank = ({ name, creatable }: CatalogSchema) => (name === "public" ? 0 : creatable && name !== "supabase_migrations" ? 1 : 2);

/** Schemas with their tables, those that are the developers' own first; only what a search finds. */
export function branches(schemas: CatalogSchema[], tables: CatalogTable[], search: string): Branch[] {
  const words = search.trim().toLowerCase();
  return schemas
    .toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
    .map(({ name }) => {
      const found = tables.filter((each) => each.schema === name && (!words || `${name}.${each.name}`.toLowerCase().includes(words))).toSorted((a, b) => a.name.localeCompare(b.name));
      return { schema: name, tables: found.slice(0, most), more: Math.max(0, found.length - most) };
    })
    .filter((each) => each.tables.length > 0 || (!words && each.schema === "public"));
}

/** Whether anyone with a grant reads all of its rows, which a table of an app is seldom meant for. */
export const unprotected = (table: CatalogTable): boolean => table.owned && !table.rls_enabled && (table.kind === "table" || table.kind === "partitioned_table");
