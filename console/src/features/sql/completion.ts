import type { Completion } from "@codemirror/autocomplete";
import type { SQLNamespace } from "@codemirror/lang-sql";
import type { CatalogColumn, CatalogSchema, CatalogTable, DatabaseFunction } from "@/lib/catalog";
import { ident } from "@/lib/pg";

/** What SQL is completed with. */
export interface Catalog {
  names: SQLNamespace;
  functions: Completion[];
  /** Where names without a schema are looked for. */
  defaultSchema: string;
}

interface Parts {
  columns: CatalogColumn[];
  tables: CatalogTable[];
  schemas: CatalogSchema[];
  functions: DatabaseFunction[];
}

/** Names of schemas are those that SQL must use. */
export function catalogOf({ columns, tables, schemas, functions }: Parts): Catalog {
  const physical = new Map(schemas.map((each) => [each.name, each.sql_name]));
  const schemaOf = (name: string) => physical.get(name) ?? name;
  const names: Record<string, Record<string, { self: Completion; children: Completion[] }>> = {};
  for (const { sql_name } of schemas) names[sql_name] ??= {};
  const place = (schema: string, table: string) => {
    const inSchema = (names[schemaOf(schema)] ??= {});
    return (inSchema[table] ??= { self: { label: table, type: "class" }, children: [] });
  };
  for (const { schema, name, kind, comment } of tables) place(schema, name).self = { label: name, type: "class", detail: kind === "table" ? undefined : kind.replaceAll("_", " "), info: comment ?? undefined };
  for (const { schema, table, name, type, comment } of columns) place(schema, table).children.push({ label: name, detail: type, type: "property", info: comment ?? undefined, boost: 1 });
  return { names, functions: completions(functions, schemaOf), defaultSchema: schemaOf("public") };
}

function completions(functions: DatabaseFunction[], schemaOf: (name: string) => string): Completion[] {
  const seen = new Set<string>();
  const out: Completion[] = [];
  for (const { schema, name, kind, identity_arguments, returns, comment } of functions) {
    if (kind === "trigger") continue; // called by triggers only
    const label = ["public", "extensions", "pg_catalog"].includes(schema) ? name : `${schemaOf(schema)}.${name}`;
    if (seen.has(label)) continue;
    seen.add(label);
    const called = label === name ? ident(name) : `${ident(schemaOf(schema))}.${ident(name)}`;
    out.push({ label, apply: `${called}(`, type: "function", detail: `(${identity_arguments})`, info: [`returns ${returns}`, comment].filter(Boolean).join("\n"), boost: -1 });
  }
  return out;
}
