/** The types that a column may have, and what is known of them beforehand. */

export interface TypeOption {
  /** As SQL names it, and as Postgres writes it back. */
  name: string;
  /** Other names that people look for. */
  also?: string;
  about: string;
  group: string;
}

const options: [group: string, types: [name: string, about: string, also?: string][]][] = [
  ["Common", [
    ["bigint", "Whole number, 8 bytes", "int8 bigserial"],
    ["text", "Text of any length", "string varchar"],
    ["boolean", "True or false", "bool"],
    ["timestamp with time zone", "A moment in time", "timestamptz datetime"],
    ["uuid", "Identifier that is unique everywhere", "guid"],
    ["jsonb", "JSON that can be searched and indexed", "json object"],
  ]],
  ["Numbers", [
    ["integer", "Whole number, 4 bytes", "int int4 serial"],
    ["smallint", "Whole number, 2 bytes", "int2"],
    ["numeric", "Exact number of any size: money", "decimal"],
    ["numeric(12,2)", "Exact, with two digits after the point", "decimal money"],
    ["double precision", "Inexact number, 8 bytes", "float8 float"],
    ["real", "Inexact number, 4 bytes", "float4"],
  ]],
  ["Text", [
    ["character varying(255)", "Text of at most 255 characters", "varchar string"],
    ["character(2)", "Text of just that length, filled with spaces", "char"],
    ["bytea", "Bytes", "binary blob"],
  ]],
  ["Date and time", [
    ["date", "A day"],
    ["time without time zone", "A time of day", "time"],
    ["timestamp without time zone", "A date and time, of no zone", "timestamp datetime"],
    ["interval", "A span of time", "duration"],
  ]],
  ["More", [
    ["json", "JSON as it was written"],
    ["inet", "Network address", "ip"],
    ["cidr", "Network", "ip"],
    ["macaddr", "Hardware address"],
    ["tsvector", "Text prepared for search", "fulltext"],
    ["xml", "XML"],
    ["point", "Point in a plane"],
    ["bit varying", "Bits", "varbit"],
    ["int4range", "Span of whole numbers"],
    ["numrange", "Span of numbers"],
    ["tstzrange", "Span between moments"],
    ["daterange", "Span of days"],
  ]],
]; // prettier-ignore

export const baseTypes: TypeOption[] = options.flatMap(([group, types]) => types.map(([name, about, also]) => ({ name, about, also, group })));

/** The short names that Postgres takes for those it writes back. */
const aliases: Record<string, string> = {
  int8: "bigint", int: "integer", int4: "integer", int2: "smallint", bool: "boolean", float8: "double precision", float4: "real", float: "double precision",
  timestamptz: "timestamp with time zone", timestamp: "timestamp without time zone", time: "time without time zone", timetz: "time with time zone",
  varchar: "character varying", char: "character(1)", decimal: "numeric", varbit: "bit varying",
}; // prettier-ignore

/** The name that Postgres writes for a type that someone typed. */
export function canonical(type: string): string {
  const text = type.trim().replace(/\s+/g, " ");
  const [, name, rest] = /^([A-Za-z_][\w ]*?)\s*(\(.*\))?$/.exec(text) ?? [];
  const long = name && aliases[name.toLowerCase()];
  if (!long || (rest && long.includes("("))) return name && rest && /^(varchar|char|decimal)$/i.test(name) ? `${name.toLowerCase() === "char" ? "character" : long}${rest}` : text;
  return `${long}${rest ?? ""}`;
}

const shortNames: Record<string, string> = {
  "timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp", "time without time zone": "time", "time with time zone": "timetz",
  "double precision": "float8", "character varying": "varchar", character: "char",
}; // prettier-ignore

/** A type's name as lists show it. */
export function shortType(type: string): string {
  const [, name = type, rest = ""] = /^(.*?)((?:\(.*\))?(?:\[\])?)$/.exec(type) ?? [];
  return (shortNames[name] ?? name) + rest;
}

type Family = "integer" | "number" | "text" | "time" | "boolean" | "json" | "other";

function family(type: string): Family {
  if (type.endsWith("[]")) return "other";
  const name = canonical(type).toLowerCase();
  if (/^(smallint|integer|bigint)$/.test(name)) return "integer";
  if (/^(numeric|real|double precision|money)\b/.test(name)) return "number";
  if (/^(text|character|citext|name|"?char"?|bpchar)\b/.test(name)) return "text";
  if (/^(date|timestamp)\b/.test(name)) return "time";
  if (name === "boolean") return "boolean";
  if (/^jsonb?$/.test(name)) return "json";
  return "other";
}

export const isText = (type: string): boolean => family(type) === "text";
export const isInteger = (type: string): boolean => family(type) === "integer";

/** The type without length, precision or list. */
const bare = (type: string): string => canonical(type.replace(/\[\]$/, "")).replace(/\(.*\)/, "");

/** Whether Postgres converts from one type to the other only when told how. */
export function needsUsing(from: string, to: string): boolean {
  if (bare(from) === bare(to) && from.endsWith("[]") === to.endsWith("[]")) return false;
  const [a, b] = [family(from), family(to)];
  if (b === "text") return false;
  const numbers: Family[] = ["integer", "number"];
  if (numbers.includes(a) && numbers.includes(b)) return /money/.test(from + to);
  return !(a === b && (a === "time" || a === "json"));
}

export interface Narrowing {
  /** What becomes of the values. */
  words: string;
  /** Which values it concerns; undefined where it cannot be asked. */
  where?: string;
  /** Whether Postgres refuses the change while there are such values, and loses nothing. */
  refused: boolean;
}

const ranges: Record<string, string> = { smallint: "between -32768 and 32767", integer: "between -2147483648 and 2147483647" };
const sizes = ["smallint", "integer", "bigint"];

/** What values lose by another type, if anything. The column is named as SQL names it. */
export function narrowing(from: string, to: string, column: string): Narrowing | undefined {
  const [old, next] = [canonical(from), canonical(to)];
  if (old === next) return undefined;
  const length = Number(/^character(?: varying)?\((\d+)\)$/.exec(next)?.[1]);
  if (length && family(old) !== "other") {
    const before = Number(/^character(?: varying)?\((\d+)\)$/.exec(old)?.[1]);
    return before && before <= length ? undefined : { words: `longer than ${length} characters`, where: `length(${column}::text) > ${length}`, refused: true };
  }
  const [a, b] = [family(old), family(next)];
  if (b === "integer" && a === "integer") {
    return sizes.indexOf(next) < sizes.indexOf(old) ? { words: `too large for ${next}`, where: `${column} not ${ranges[next]}`, refused: true } : undefined;
  }
  if (b === "integer" && a === "number") return { words: "rounded to whole numbers", where: `${column} <> round(${column}::numeric)`, refused: false };
  const scale = /^numeric\(\d+(?:,\s*(\d+))?\)$/.exec(next);
  if (scale && a === "number") return { words: `rounded to ${scale[1] ?? 0} digits after the point`, where: `${column} <> round(${column}::numeric, ${scale[1] ?? 0})`, refused: false };
  if (next === "real" && (a === "number" || a === "integer")) return { words: "kept less exactly", where: `${column} <> ${column}::real`, refused: false };
  if (next === "double precision" && old.startsWith("numeric")) return { words: "kept less exactly", where: `${column} <> ${column}::double precision::numeric`, refused: false };
  if (next === "date" && old.startsWith("timestamp")) return { words: "kept without their time of day", where: `${column} <> date_trunc('day', ${column})`, refused: false };
  if (a === "text" && b !== "text") return { words: `not readable as ${shortType(next)}`, where: `not pg_input_is_valid(${column}::text, '${next.replaceAll("'", "''")}')`, refused: true };
  if (b !== "text" && needsUsing(old, next)) return { words: `converted from ${shortType(old)} to ${shortType(next)}`, where: `${column} is not null`, refused: false };
  return undefined;
}

/** Expressions that columns of a type often begin with. */
export function defaultsOf(type: string, array: boolean, values: string[] | null): string[] {
  if (array) return ["'{}'"];
  const name = canonical(type);
  if (values) return values.map((value) => `'${value.replaceAll("'", "''")}'`);
  if (name === "uuid") return ["gen_random_uuid()", "auth.uid()"];
  if (name.startsWith("timestamp")) return ["now()"];
  if (name === "date") return ["current_date"];
  if (name.startsWith("time ")) return ["localtime"];
  switch (family(name)) {
    case "boolean":
      return ["false", "true"];
    case "json":
      return ["'{}'", "'[]'"];
    case "integer":
    case "number":
      return ["0"];
    case "text":
      return ["''", "auth.email()"];
    default:
      return [];
  }
}
