import { kindOf } from "@/features/tables/kind";
import type { CatalogColumn } from "@/lib/catalog";

const uuid = /^\{?[0-9a-f]{4}(-?[0-9a-f]{4}){7}\}?$/i;
const number = /^\s*[-+]?(\d[\d_]*\.?\d*(e[-+]?\d+)?|\.\d+(e[-+]?\d+)?|nan|inf(inity)?)\s*$/i;
const whole = /^\s*[-+]?\d+\s*$/;

/** What is wrong with a value before it is sent, in words; undefined when nothing is to be seen. Postgres has the last word. */
export function faultIn(column: CatalogColumn, text: string): string | undefined {
  switch (kindOf(column)) {
    case "number":
      if (column.base_type === "money") return undefined;
      if (/^int|^oid/.test(column.base_type)) return whole.test(text) ? undefined : "Enter a whole number.";
      return number.test(text) ? undefined : "Enter a number.";
    case "uuid":
      return uuid.test(text.trim()) ? undefined : "Enter a UUID: 32 hexadecimal digits.";
    case "boolean":
      return /^(true|false)$/.test(text) ? undefined : "Choose true or false.";
    case "enum":
      return !column.values || column.values.includes(text) ? undefined : "Choose one of the values.";
    case "json":
      return faultInJson(text);
    case "bytea":
      return /^\\x([0-9a-f]{2})*$/i.test(text) ? undefined : "Enter \\x and pairs of hexadecimal digits.";
    case "date":
    case "time":
    case "timestamp":
      return text.trim() ? undefined : "Enter a time, or set null.";
    default:
      return undefined;
  }
}

function faultInJson(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return `This is no JSON: ${error instanceof Error ? error.message : "it cannot be read"}.`;
  }
}

/** A UUID by chance; also where pages come by plain HTTP. */
export function newUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The present moment as a column of this kind reads it. */
export function now(column: CatalogColumn, at = new Date()): string {
  const iso = at.toISOString();
  const kind = kindOf(column);
  if (kind === "date") return iso.slice(0, 10);
  const zone = column.base_type.endsWith("tz") ? "+00" : "";
  if (kind === "time") return `${iso.slice(11, 19)}${zone}`;
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}${zone}`;
}
