import type { CatalogSchema } from "@/lib/catalog";

/** Words that Postgres does not take as a name unless quoted. */
const reserved = new Set(
  `all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast char character check coalesce collate collation column concurrently
  constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do else end except
  exists extract false fetch float for foreign freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect interval into is isnull join json
  json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize json_table json_value lateral leading least left like limit localtime localtimestamp
  merge_action national natural nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay placing position precision primary real references
  returning right row select session_user setof similar smallint some substring symmetric system_user table tablesample then time timestamp to trailing treat trim true union unique user using
  values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable`.split(/\s+/),
);

/** A name as SQL takes it, quoted where it must be. */
export function ident(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) && !reserved.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** A string as SQL takes it, whatever is in it. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes("\\") ? `E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}

/** Body of a function or block between dollar quotes that are not in it. */
export function dollar(body: string): string {
  let tag = "$$";
  for (let n = 0; body.includes(tag) || `${body}$`.includes(tag); n += 1) tag = `$body${n || ""}$`;
  return `${tag}${body}${tag}`;
}

/** Turns logical names of schemas into those that SQL must use, which differ in a shared database. */
export class Names {
  private readonly physical: Map<string, string>;

  constructor(schemas: CatalogSchema[]) {
    this.physical = new Map(schemas.map((each) => [each.name, each.sql_name]));
  }

  schema(name: string): string {
    return ident(this.physical.get(name) ?? name);
  }

  qualified(schema: string, name: string): string {
    return `${this.schema(schema)}.${ident(name)}`;
  }
}
