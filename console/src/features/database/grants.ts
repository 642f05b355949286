import type { Grant } from "@/lib/catalog";
import { ident, type Names } from "@/lib/pg";

/** What roles of requests may do with tables, as a matrix that is edited. */

export const requestRoles = ["anon", "authenticated", "service_role"] as const;
export const deeds = ["select", "insert", "update", "delete"] as const;

export type RequestRole = (typeof requestRoles)[number];
export type Deed = (typeof deeds)[number];

/** "all" by a grant of its own, "everyone" by one to public, "columns" of some columns only. */
export type Held = "all" | "everyone" | "columns" | "none";

export interface Cell {
  schema: string;
  table: string;
  role: RequestRole;
  deed: Deed;
}

export const cellKey = ({ schema, table, role, deed }: Cell): string => JSON.stringify([schema, table, role, deed]);

/** What is granted of each cell that has something. */
export function heldOf(grants: Grant[]): Map<string, Held> {
  const held = new Map<string, Held>();
  const rank: Record<Held, number> = { none: 0, columns: 1, everyone: 2, all: 3 };
  const put = (cell: Cell, next: Held) => {
    const key = cellKey(cell);
    if (rank[next] > rank[held.get(key) ?? "none"]) held.set(key, next);
  };
  for (const grant of grants) {
    if (!["table", "view", "column"].includes(grant.object_kind)) continue;
    for (const role of requestRoles) {
      if (grant.role !== role && grant.role !== "public") continue;
      for (const deed of deeds) {
        if (!grant.privileges.includes(deed)) continue;
        const cell = { schema: grant.schema, table: grant.object, role, deed };
        put(cell, grant.object_kind === "column" ? "columns" : grant.role === "public" ? "everyone" : "all");
      }
    }
  }
  return held;
}

/** A cell that is to be granted (true) or taken back (false). */
export interface Change {
  cell: Cell;
  on: boolean;
}

/** One statement for each table, role and direction. Roles are named as SQL must name them. */
export function grantSql(changes: Change[], names: Names, sqlRole: (role: RequestRole) => string): string {
  const statements = new Map<string, { head: string; tail: string; deeds: Deed[] }>();
  for (const { cell, on } of changes) {
    const tail = `on table ${names.qualified(cell.schema, cell.table)} ${on ? "to" : "from"} ${ident(sqlRole(cell.role))};`;
    const known = statements.get(tail) ?? { head: on ? "grant" : "revoke", tail, deeds: [] };
    known.deeds.push(cell.deed);
    statements.set(tail, known);
  }
  return [...statements.values()].map((each) => `${each.head} ${deeds.filter((deed) => each.deeds.includes(deed)).join(", ")} ${each.tail}`).join("\n");
}

/** Whether a role may name things of a schema at all: without it, no grant of a table counts. */
export const mayUse = (grants: Grant[], schema: string, role: RequestRole): boolean =>
  grants.some((each) => each.object_kind === "schema" && each.object === schema && (each.role === role || each.role === "public") && each.privileges.includes("usage"));

export const usageSql = (schema: string, role: RequestRole, on: boolean, names: Names, sqlRole: (role: RequestRole) => string): string =>
  `${on ? "grant" : "revoke"} usage on schema ${names.schema(schema)} ${on ? "to" : "from"} ${ident(sqlRole(role))};`;
