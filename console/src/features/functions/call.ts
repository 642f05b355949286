import { faultIn } from "@/features/tables/check";
import { kindOf } from "@/features/tables/kind";
import type { CatalogColumn, DatabaseFunction, DatabaseType } from "@/lib/catalog";
import { ident, literal, type Names } from "@/lib/pg";

/** What someone gives for one argument: a text as Postgres reads it, null, or nothing where there is a default. */
export type Given = { is: "value"; text: string } | { is: "null" } | { is: "default" };

/** An argument that a call may give, with what is known of its type. */
export interface Parameter {
  /** Its place among all arguments. */
  place: number;
  /** As forms name it: its own name, or $1. */
  title: string;
  name: string;
  type: string;
  variadic: boolean;
  default: string | null;
  /** As if it were a column, for what edits and checks values. */
  column: CatalogColumn;
}

const short: Record<string, string> = {
  smallint: "int2", integer: "int4", bigint: "int8", real: "float4", "double precision": "float8", boolean: "bool",
  "character varying": "varchar", character: "bpchar", "timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp",
  "time with time zone": "timetz", "time without time zone": "time",
}; // prettier-ignore

/** The arguments that a caller gives. Enums are told by their values. */
export function parametersOf(fn: DatabaseFunction, types: DatabaseType[], names: Names): Parameter[] {
  return fn.arguments.flatMap((each, place) => {
    if (each.mode === "out" || each.mode === "table") return [];
    const array = each.type.endsWith("[]");
    const element = array ? each.type.slice(0, -2) : each.type;
    const own = types.find((type) => type.kind === "enum" && [names.qualified(type.schema, type.name), ident(type.name)].includes(element));
    const title = each.name || `$${place + 1}`;
    const column: CatalogColumn = {
      schema: fn.schema, table: fn.name, name: title, position: place, type: each.type, base_type: short[element] ?? element, kind: own ? "e" : "b", array,
      values: own?.values ?? null, nullable: true, default: each.default, primary_key: false, generated: false, generation: null, identity: null, comment: null,
    }; // prettier-ignore
    return [{ place, title, name: each.name, type: each.type, variadic: each.mode === "variadic", default: each.default, column }];
  });
}

/** What a form begins with. */
export function startOf({ column, default: value }: Parameter): Given {
  if (value !== null) return { is: "default" };
  const kind = kindOf(column);
  if (kind === "boolean") return { is: "value", text: "false" };
  if (kind === "enum") return { is: "value", text: column.values?.[0] ?? "" };
  if (kind === "json") return { is: "value", text: "{}" };
  return { is: "value", text: kind === "array" ? "{}" : "" };
}

/** Why a call cannot be made so; undefined when it can. Arguments without a name are given by their place. */
export function faultOf(parameter: Parameter, given: Given, all: Parameter[], values: Record<number, Given>): string | undefined {
  if (given.is === "value") return faultIn(parameter.column, given.text);
  if (given.is === "null") return undefined;
  const later = all.some((each) => each.place > parameter.place && !each.name && values[each.place]?.is !== "default");
  return !parameter.name && later ? "It has no name, and one after it is given: give this one too." : undefined;
}

/** A call with its values in the text, or apart as $1, $2. */
function write(fn: DatabaseFunction, parameters: Parameter[], values: Record<number, Given>, names: Names, value: (text: string) => string): string {
  const given = parameters.flatMap((each) => {
    const what = values[each.place] ?? { is: "default" };
    if (what.is === "default") return [];
    const text = what.is === "null" ? `null::${each.type}` : `${value(what.text)}::${each.type}`;
    return [`${each.variadic ? "variadic " : ""}${each.name ? `${ident(each.name)} => ` : ""}${text}`];
  });
  const at = names.qualified(fn.schema, fn.name);
  if (fn.kind !== "procedure") return `select * from ${at}(${given.join(", ")})`;
  const out = fn.arguments.filter(({ mode }) => mode === "out").map(({ name }) => (name ? `${ident(name)} => null` : "null"));
  return `call ${at}(${[...given, ...out].join(", ")})`;
}

export function callSql(fn: DatabaseFunction, parameters: Parameter[], values: Record<number, Given>, names: Names): { query: string; params: (string | null)[] } {
  const params: (string | null)[] = [];
  const query = write(fn, parameters, values, names, (text) => `$${params.push(text)}`);
  return { query, params };
}

export const callText = (fn: DatabaseFunction, parameters: Parameter[], values: Record<number, Given>, names: Names): string => `${write(fn, parameters, values, names, literal)};`;

/** Why the API does not call it; undefined when it does. */
export function unreachable(fn: DatabaseFunction, parameters: Parameter[]): string | undefined {
  if (fn.kind === "procedure") return "The API calls functions, not procedures.";
  const unnamed = parameters.filter((each) => !each.name);
  if (unnamed.length > 1 || (unnamed.length === 1 && (parameters.length > 1 || !/^(jsonb?|text|xml|bytea)$/.test(unnamed[0]!.type)))) return "The API gives arguments by name: name them all.";
  return undefined;
}
