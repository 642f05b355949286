import type { CatalogColumn, CatalogTable, Constraint } from "@/lib/catalog";
import { shortType } from "@/features/schema-edit/column-types";

/** What a diagram shows: tables with their columns, and the foreign keys between them. */

export interface DrawnColumn {
  name: string;
  type: string;
  primary: boolean;
  foreign: boolean;
  unique: boolean;
  nullable: boolean;
}

export interface DrawnTable {
  /** Its schema and name, as one text. */
  id: string;
  schema: string;
  name: string;
  /** With the schema, where it is not the one that is shown. */
  title: string;
  kind: CatalogTable["kind"];
  columns: DrawnColumn[];
  /** How many columns it has more, which are not drawn: a table of another schema shows its keys only. */
  left?: number;
  rls: boolean;
  owned: boolean;
}

export interface Relation {
  id: string;
  name: string;
  /** The table that has the foreign key, and the one it refers to. */
  from: string;
  to: string;
  columns: string[];
  foreignColumns: string[];
  /** Whether many rows may refer to one. */
  many: boolean;
  /** Whether a row may refer to none. */
  optional: boolean;
  definition: string;
}

export interface Diagram {
  tables: DrawnTable[];
  relations: Relation[];
}

export const idOf = (schema: string, table: string): string => JSON.stringify([schema, table]);

interface Facts {
  tables: CatalogTable[];
  columns: CatalogColumn[];
  constraints: Constraint[];
}

const drawn = new Set<CatalogTable["kind"]>(["table", "partitioned_table", "foreign_table"]);

/** The tables of a schema, and those of others that their foreign keys refer to. Without a schema, all of them. */
export function diagramOf({ tables, columns, constraints }: Facts, schema: string | undefined, shown: (type: string) => string = shortType): Diagram {
  const all = new Map(tables.filter((each) => drawn.has(each.kind)).map((each) => [idOf(each.schema, each.name), each]));
  const inside = new Set([...all].filter(([, each]) => !schema || each.schema === schema).map(([id]) => id));
  const keys = constraints.filter((each) => each.kind === "foreign_key" && each.foreign_table !== null && inside.has(idOf(each.schema, each.table)));
  const chosen = new Set(inside);
  for (const key of keys) if (all.has(idOf(key.foreign_schema!, key.foreign_table!))) chosen.add(idOf(key.foreign_schema!, key.foreign_table!));

  const columnsOf = grouped(columns, (each) => idOf(each.schema, each.table));
  const constraintsOf = grouped(constraints, (each) => idOf(each.schema, each.table));
  const relations = keys.flatMap((key): Relation[] => {
    const [from, to] = [idOf(key.schema, key.table), idOf(key.foreign_schema!, key.foreign_table!)];
    if (!chosen.has(to)) return [];
    const own = columnsOf.get(from) ?? [];
    // A key within the foreign key's columns lets each row be referred to by one only.
    const alone = (constraintsOf.get(from) ?? []).some((each) => (each.kind === "unique" || each.kind === "primary_key") && each.columns.every((name) => key.columns.includes(name)));
    return [
      {
        id: `${from}${key.name}`,
        name: key.name,
        from,
        to,
        columns: key.columns,
        foreignColumns: key.foreign_columns ?? [],
        many: !alone,
        optional: key.columns.some((name) => own.find((each) => each.name === name)?.nullable ?? true),
        definition: key.definition,
      },
    ];
  });
  const foreign = new Set(constraints.filter(({ kind }) => kind === "foreign_key").flatMap((each) => each.columns.map((name) => JSON.stringify([each.schema, each.table, name]))));
  return {
    tables: [...chosen].map((id) => {
      const table = all.get(id)!;
      const known = columnsOf.get(id) ?? [];
      const referred = new Set(relations.filter(({ to }) => to === id).flatMap(({ foreignColumns }) => foreignColumns));
      const own = inside.has(id) ? known : known.filter((each) => each.primary_key || referred.has(each.name));
      const unique = new Set((constraintsOf.get(id) ?? []).filter((each) => each.kind === "unique" && each.columns.length === 1).map((each) => each.columns[0]!));
      return {
        id,
        schema: table.schema,
        name: table.name,
        title: table.schema === schema ? table.name : `${table.schema}.${table.name}`,
        kind: table.kind,
        rls: table.rls_enabled,
        owned: table.owned,
        left: known.length - own.length,
        columns: own.map((each) => ({
          name: each.name,
          type: shown(each.type),
          primary: each.primary_key,
          foreign: foreign.has(JSON.stringify([each.schema, each.table, each.name])),
          unique: unique.has(each.name),
          nullable: each.nullable,
        })),
      };
    }),
    relations,
  };
}

function grouped<T>(list: T[], key: (each: T) => string): Map<string, T[]> {
  const out = new Map<string, T[]>();
  for (const each of list) {
    const id = key(each);
    const group = out.get(id);
    if (group) group.push(each);
    else out.set(id, [each]);
  }
  return out;
}

/** A table and all that refer to it or that it refers to. */
export function relatedTo(diagram: Diagram, id: string): Set<string> {
  const out = new Set([id]);
  for (const { from, to } of diagram.relations) {
    if (from === id) out.add(to);
    if (to === id) out.add(from);
  }
  return out;
}
