import type { CatalogColumn } from "@/lib/catalog";

/** What the values of a column are like, for editing and filtering them. */
export type Kind = "text" | "number" | "boolean" | "date" | "time" | "timestamp" | "uuid" | "enum" | "json" | "array" | "bytea" | "range" | "search" | "other";

const kinds: Record<string, Kind> = {
  text: "text", varchar: "text", bpchar: "text", citext: "text", name: "text", char: "text",
  int2: "number", int4: "number", int8: "number", float4: "number", float8: "number", numeric: "number", money: "number", oid: "number",
  bool: "boolean", date: "date", time: "time", timetz: "time", timestamp: "timestamp", timestamptz: "timestamp",
  uuid: "uuid", json: "json", jsonb: "json", bytea: "bytea", tsvector: "search",
};

type Typed = Pick<CatalogColumn, "array" | "kind" | "base_type">;

export function kindOf(column: Typed): Kind {
  if (column.array) return "array";
  if (column.kind === "e") return "enum";
  if (column.kind === "r" || column.kind === "m") return "range";
  return kinds[column.base_type] ?? "other";
}

/** Whether values may be so long that a list has only their beginnings. */
export function mayBeLong(column: Typed): boolean {
  return !["number", "boolean", "date", "time", "timestamp", "uuid", "enum"].includes(kindOf(column));
}

/** Whether the column's values follow from others, so that none can be written. Identities are told as generated too, where only the database gives them. */
export const isComputed = ({ generated, identity }: Pick<CatalogColumn, "generated" | "identity">): boolean => generated && identity === null;
