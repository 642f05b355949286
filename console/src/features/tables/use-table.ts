import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { readAccess, type Relation } from "@/features/tables/read";
import { keyOf } from "@/features/tables/row-key";
import type { CatalogColumn, CatalogTable, Constraint } from "@/lib/catalog";
import type { As } from "@/lib/meta";
import { literal } from "@/lib/pg";
import { useCatalog, useHere, useNames } from "@/lib/project-data";

/** What may be done with a table by who looks at it. */
export interface Rights {
  insert: (column: string) => boolean;
  update: (column: string) => boolean;
  insertAny: boolean;
  updateAny: boolean;
  delete: boolean;
  /** Why nothing can be changed. */
  readOnly?: string;
}

/** Where a column leads. */
export interface Foreign {
  constraint: string;
  schema: string;
  table: string;
  /** Of the other table, beside the columns of this one. */
  pairs: { column: string; foreign: string }[];
}

export interface TableInfo {
  table: CatalogTable;
  relation: Relation;
  rights: Rights;
  /** Foreign keys by their columns. */
  foreign: Map<string, Foreign>;
  constraints: Constraint[];
  /** Columns that who looks may not read. */
  unreadable: string[];
}

/** All that is to be known of a table before its rows are read. */
export function useTable(schema: string, name: string, as: As | undefined, ready: boolean) {
  const { project, meta } = useHere();
  const { names, schemas } = useNames();
  const tables = useCatalog("tables");
  const columns = useCatalog("columns", { schema, table: name });
  const constraints = useCatalog("constraints", { schema, table: name });
  const table = tables.data?.find((each) => each.schema === schema && each.name === name);
  const simple = as === undefined && table !== undefined && table.owned && (table.kind === "table" || table.kind === "partitioned_table");
  const access = useQuery({
    queryKey: ["catalog", project.ref, "access", schema, name, as?.role ?? "owner"],
    queryFn: async ({ signal }) => (await meta.query(readAccess({ names: names!, schema, table: name }, literal), signal, { as }))[0]!.rows as Access[],
    enabled: ready && names !== undefined && table !== undefined && !simple,
    staleTime: 30_000,
  });
  const parts = [schemas, tables, columns, constraints, ...(simple ? [] : [access])];
  const info = useMemo((): TableInfo | undefined => {
    if (!table || !names || !columns.data || !constraints.data || (!simple && !access.data)) return undefined;
    const found = simple ? undefined : new Map(access.data!.map((each) => [each[0], each]));
    const whole = found ? (access.data![0]?.[4] ?? false) : true;
    const all = [...columns.data].toSorted((a, b) => a.position - b.position);
    const readable = all.filter((each) => found?.get(each.name)?.[1] ?? !found);
    const stored = table.kind === "table" || table.kind === "partitioned_table";
    const wanted = keyOf(table, all, constraints.data);
    const known = wanted.by !== "columns" || wanted.columns.every((each) => readable.some(({ name: column }) => column === each));
    const key = known && (wanted.by !== "place" || whole) ? wanted : ({ by: "nothing" } as const);
    return {
      table,
      constraints: constraints.data,
      relation: { names, schema, table: name, columns: readable, key, versioned: stored && whole },
      rights: rightsOf(table, all, found, key.by === "nothing"),
      foreign: foreignOf(constraints.data),
      unreadable: all.filter((each) => !readable.includes(each)).map((each) => each.name),
    };
  }, [table, names, columns.data, constraints.data, access.data, simple, schema, name]);
  const failed = parts.find((each) => each.isError);
  // What is kept of the catalog may be older than the table.
  const [since] = useState(() => Date.now());
  const { refetch } = tables;
  const stale = tables.isSuccess && !table && tables.dataUpdatedAt < since;
  useEffect(() => {
    if (stale) void refetch();
  }, [stale, refetch]);
  return {
    info,
    pending: !info && parts.some((each) => each.isPending),
    missing: tables.isSuccess && !table && !stale,
    error: info ? undefined : failed?.error,
    retrying: parts.some((each) => each.isFetching),
    retry: () => {
      for (const each of parts) if (each.isError) void each.refetch();
    },
  };
}

/** Name; select, insert and update of the column; select and delete of the table; what a view passes on, as bits. */
type Access = [name: string, select: boolean, insert: boolean, update: boolean, selectAll: boolean, remove: boolean, events: number];

const updates = 4;
const inserts = 8;
const deletes = 16;

function rightsOf(table: CatalogTable, columns: CatalogColumn[], found: Map<string, Access> | undefined, keyless: boolean): Rights {
  const [, , , , , remove, events] = found?.values().next().value ?? ["", true, true, true, true, true, updates | inserts | deletes];
  const may = (column: string, at: 2 | 3) => found?.get(column)?.[at] ?? !found;
  const computed = new Set(columns.filter((each) => each.generated || each.identity === "always").map((each) => each.name));
  const insert = (column: string) => Boolean(events & inserts) && may(column, 2) && !computed.has(column);
  const update = (column: string) => Boolean(events & updates) && !keyless && may(column, 3) && !computed.has(column);
  const names = columns.map((each) => each.name);
  const rights = { insert, update, insertAny: names.some(insert), updateAny: names.some(update), delete: Boolean(events & deletes) && !keyless && remove };
  if (rights.insertAny || rights.updateAny || rights.delete) return rights;
  return { ...rights, readOnly: whyNot(table, events, keyless) };
}

function whyNot(table: CatalogTable, events: number, keyless: boolean): string {
  if (table.kind === "materialized_view") return "A materialised view is changed by refreshing it.";
  if (events === 0) return table.kind === "view" ? "Postgres passes no changes through this view: it is no plain selection from one table." : "This table cannot be changed.";
  return keyless ? "Its rows cannot be told apart by this role, so they can only be read." : "This role may only read it.";
}

function foreignOf(constraints: Constraint[]): Map<string, Foreign> {
  const out = new Map<string, Foreign>();
  for (const each of constraints) {
    if (each.kind !== "foreign_key" || !each.foreign_schema || !each.foreign_table || !each.foreign_columns) continue;
    const pairs = each.columns.map((column, at) => ({ column, foreign: each.foreign_columns![at]! }));
    const foreign = { constraint: each.name, schema: each.foreign_schema, table: each.foreign_table, pairs };
    // A key of one column is the better one to follow.
    for (const column of each.columns) if (!out.has(column) || pairs.length === 1) out.set(column, foreign);
  }
  return out;
}
