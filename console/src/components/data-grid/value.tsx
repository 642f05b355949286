import { indented } from "@/lib/json-text";

/** More of a value than this is not drawn in a cell. */
const drawn = 300;

const numeric = /^(smallint|integer|bigint|int[248]|numeric|decimal|real|double precision|float[48]|oid|money)\b(?!.*\[\])/;

/** Whether values of the type are read digit under digit. */
export const isNumeric = (type: string): boolean => numeric.test(type);

const shorter: [RegExp, string][] = [
  [/^timestamp(\(\d\))? with time zone/, "timestamptz$1"],
  [/^timestamp(\(\d\))? without time zone/, "timestamp$1"],
  [/^time(\(\d\))? with time zone/, "timetz$1"],
  [/^time(\(\d\))? without time zone/, "time$1"],
  [/^character varying/, "varchar"],
  [/^character\b/, "char"],
  [/^double precision/, "float8"],
  [/^boolean/, "bool"],
];

/** A type's name as people write it. */
export function shortType(type: string): string {
  return shorter.reduce((name, [long, short]) => name.replace(long, short), type);
}

/** A value of a result as text; null is empty. */
export function asText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The value over as many lines as it takes to read it. */
export function whole(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "object") return JSON.stringify(value, null, 2);
  const text = String(value);
  return typeof value === "string" && /^\s*[[{]/.test(text) ? indented(text) : text;
}

/** Whether a value has no text of its own: null, or empty. */
export const isNothing = (value: unknown): boolean => value === null || value === undefined || value === "";

/** What is drawn of a value: the beginning of its text, or a word for nothing. */
export function drawnText(value: unknown): string {
  if (isNothing(value)) return value === "" ? "empty" : "null";
  const text = asText(value);
  return text.length > drawn ? `${text.slice(0, drawn)}…` : text;
}

/** A value in a cell; what is nothing is marked as such. */
export function CellValue({ value }: { value: unknown }) {
  return isNothing(value) ? <span className="text-faint italic">{drawnText(value)}</span> : drawnText(value);
}
