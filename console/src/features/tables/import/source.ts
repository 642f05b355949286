import { CsvReader, dialectOf, hasHeader, type Dialect } from "@/features/tables/import/csv";
import { JsonReader } from "@/features/tables/import/json";

export type Format = "csv" | "json" | "ndjson";

/** How a file is to be read. */
export interface Reading {
  format: Format;
  encoding: string;
  dialect: Dialect;
  header: boolean;
  /** Whether an empty value is null. */
  emptyIsNull: boolean;
}

export interface Preview {
  reading: Reading;
  fields: string[];
  rows: (string | null)[][];
}

/** Rows of a part of a file. */
export interface Part {
  rows: (string | null)[][];
  /** Of the file, read so far. */
  bytes: number;
}

const sampled = 256 << 10;
const piece = 384 << 10;
const previewed = 200;

/** Reads the beginning of a file and guesses what is not said. */
export async function preview(file: File, said: Partial<Reading> = {}): Promise<Preview> {
  const bytes = new Uint8Array(await file.slice(0, sampled).arrayBuffer());
  const whole = file.size <= sampled;
  const encoding = said.encoding ?? encodingOf(bytes, whole);
  const text = new TextDecoder(encoding).decode(bytes, { stream: !whole });
  if (text.includes("\0")) throw new Error("This is no text: choose a file of comma- or tab-separated values, or of JSON.");
  const format = said.format ?? formatOf(file.name, text);
  const dialect = { ...dialectOf(format === "csv" ? text : ""), ...said.dialect };
  const reading: Reading = { format, encoding, dialect, header: said.header ?? true, emptyIsNull: said.emptyIsNull ?? true };
  if (format !== "csv") {
    const objects = new JsonReader(format === "ndjson").push(text, whole).slice(0, previewed);
    if (objects.length === 0) throw new Error("No row was found in the file. JSON must be an array of objects, or one object a line.");
    const fields = [...new Set(objects.flatMap(Object.keys))];
    return { reading, fields, rows: objects.map((each) => fields.map((name) => each[name] ?? null)) };
  }
  const records = new CsvReader(dialect).push(text, whole).slice(0, previewed);
  if (records.length === 0) throw new Error("The file is empty.");
  reading.header = said.header ?? hasHeader(records);
  const width = Math.max(...records.map((each) => each.length));
  const names = reading.header ? records[0]! : [];
  const fields = Array.from({ length: width }, (_, at) => names[at]?.trim() || `column_${at + 1}`);
  return { reading, fields: distinct(fields), rows: records.slice(reading.header ? 1 : 0).map((record) => valuesOf(record, width, reading)) };
}

/** All rows of a file, piece by piece: never more of it is in memory. */
export async function* read(file: File, { reading, fields }: Pick<Preview, "reading" | "fields">): AsyncGenerator<Part> {
  const decoder = new TextDecoder(reading.encoding);
  const csv = new CsvReader(reading.dialect);
  const json = new JsonReader(reading.format === "ndjson");
  let first = reading.header;
  for (let at = 0; at < file.size || at === 0; at += piece) {
    const last = at + piece >= file.size;
    const text = decoder.decode(await file.slice(at, at + piece).arrayBuffer(), { stream: !last });
    let rows: (string | null)[][];
    if (reading.format === "csv") {
      const records = csv.push(text, last);
      if (first && records.length > 0) {
        records.shift();
        first = false;
      }
      rows = records.map((record) => valuesOf(record, fields.length, reading));
    } else rows = json.push(text, last).map((each) => fields.map((name) => each[name] ?? null));
    yield { rows, bytes: Math.min(at + piece, file.size) };
  }
}

/** Makes a record the values of a row, in its own place: a file has millions. */
function valuesOf(record: (string | null)[], width: number, { emptyIsNull }: Reading): (string | null)[] {
  if (emptyIsNull) for (let at = 0; at < record.length; at += 1) if (record[at] === "") record[at] = null;
  while (record.length < width) record.push(null);
  record.length = width;
  return record;
}

function encodingOf(bytes: Uint8Array, whole: boolean): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: !whole });
    return "utf-8";
  } catch {
    return "windows-1252";
  }
}

function formatOf(name: string, text: string): Format {
  if (/\.(ndjson|jsonl)$/i.test(name)) return "ndjson";
  const start = text.trimStart();
  if (start.startsWith("[") && (/\.json$/i.test(name) || /^\[\s*\{/.test(start))) return "json";
  if (start.startsWith("{")) return /^\{[^\n]*\}\s*\n\s*\{/.test(start) ? "ndjson" : "json";
  return "csv";
}

/** Names that come twice get a number. */
function distinct(names: string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name}_${times}`;
  });
}
