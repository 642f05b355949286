import { parseArray } from "@/features/tables/array";
import { kindOf } from "@/features/tables/kind";
import type { Given, Parameter } from "@/features/functions/call";
import type { DatabaseFunction } from "@/lib/catalog";
import { indented } from "@/lib/json-text";

export interface Access {
  url: string;
  /** A publishable key. */
  key: string;
}

/** The body of the request as JSON: numbers that JavaScript cannot hold go as text, which Postgres reads as well. */
export function bodyOf(parameters: Parameter[], values: Record<number, Given>, space?: number): string {
  const [only] = parameters;
  if (parameters.length === 1 && only && !only.name) return valueOf(only, values[only.place] ?? { is: "null" }, space);
  const parts = parameters.flatMap((each) => {
    const given = values[each.place] ?? { is: "default" };
    return given.is === "default" ? [] : [`${JSON.stringify(each.name)}: ${valueOf(each, given)}`];
  });
  if (parts.length === 0) return "{}";
  return space ? `{\n${parts.map((each) => `${" ".repeat(space)}${each}`).join(",\n")}\n}` : `{${parts.join(", ")}}`;
}

function valueOf({ column }: Parameter, given: Given, space?: number): string {
  if (given.is !== "value") return "null";
  const { text } = given;
  if (!column.array) return scalar(kindOf(column), text, space);
  const kind = kindOf({ ...column, array: false });
  const elements = parseArray(text);
  return elements ? `[${elements.map((each) => (each === null ? "null" : scalar(kind, each))).join(", ")}]` : JSON.stringify(text);
}

function scalar(kind: string, text: string, space?: number): string {
  if (kind === "boolean" && /^(true|false)$/.test(text)) return text;
  if (kind === "number" && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) && Math.abs(Number(text)) <= Number.MAX_SAFE_INTEGER && String(Number(text)) === text) return text;
  if (kind !== "json") return JSON.stringify(text);
  try {
    JSON.parse(text);
    return space ? indented(text) : text.trim();
  } catch {
    return JSON.stringify(text);
  }
}

export function supabaseJs(fn: DatabaseFunction, parameters: Parameter[], values: Record<number, Given>, { url, key }: Access): string {
  const schema = fn.schema === "public" ? "" : `.schema(${JSON.stringify(fn.schema)})`;
  const body = bodyOf(parameters, values, 2);
  const args = body === "{}" ? "" : `, ${body}`;
  return `import { createClient } from "@supabase/supabase-js";

const supabase = createClient(${JSON.stringify(url)}, ${JSON.stringify(key)});
const { data, error } = await supabase${schema}.rpc(${JSON.stringify(fn.name)}${args});`;
}

/** A text as a shell takes it. */
const shell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export function curl(fn: DatabaseFunction, parameters: Parameter[], values: Record<number, Given>, { url, key }: Access): string {
  const [only] = parameters;
  const plain = parameters.length === 1 && only && !only.name && !/^jsonb?$/.test(only.type);
  const given = only && values[only.place];
  const lines = [
    `curl -X POST ${shell(`${url}/rest/v1/rpc/${encodeURIComponent(fn.name)}`)}`,
    `-H ${shell(`apikey: ${key}`)}`,
    `-H 'Content-Type: ${plain ? (only.type === "bytea" ? "application/octet-stream" : only.type === "xml" ? "text/xml" : "text/plain") : "application/json"}'`,
    ...(fn.schema === "public" ? [] : [`-H ${shell(`Content-Profile: ${fn.schema}`)}`]),
    `--data-raw ${shell(plain ? (given?.is === "value" ? given.text : "") : bodyOf(parameters, values))}`,
  ];
  return lines.join(" \\\n  ");
}
