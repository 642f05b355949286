import Papa from "papaparse";

/** How a file of values between delimiters is written. */
export interface Dialect {
  delimiter: string;
  newline: "\n" | "\r\n" | "\r";
}

/** Reads values between delimiters from pieces of text as they come; a record may lie across pieces. */
export class CsvReader {
  private rest = "";

  constructor(private readonly dialect: Dialect) {}

  /** The records that are whole by now. Empty lines are none. */
  push(piece: string, last: boolean): string[][] {
    const text = this.rest + piece;
    const parser = new Papa.Parser({ delimiter: this.dialect.delimiter, newline: this.dialect.newline }) as unknown as Parser;
    const { data, meta } = parser.parse(text, 0, !last);
    this.rest = last ? "" : text.slice(meta.cursor);
    return data.filter((record) => record.length > 1 || record[0] !== "");
  }
}

/** Papa's own reader, whose answer its types do not tell. */
interface Parser {
  parse(input: string, base: number, ignoreLastRow: boolean): { data: string[][]; meta: { cursor: number } };
}

/** Guesses how a file is written from its beginning. */
export function dialectOf(sample: string): Dialect {
  const { meta } = Papa.parse<string[]>(sample, { preview: 50, skipEmptyLines: true, delimitersToGuess: [",", "\t", ";", "|"] });
  const plain = sample.replaceAll(/"(?:[^"]|"")*"/g, "");
  return { delimiter: meta.delimiter || ",", newline: plain.includes("\r\n") ? "\r\n" : plain.includes("\n") ? "\n" : plain.includes("\r") ? "\r" : "\n" };
}

/** Whether the first record names the columns: names are short texts, all different, and unlike what stands below. */
export function hasHeader(records: string[][]): boolean {
  const [first, ...others] = records;
  if (!first || first.some((each) => each.trim() === "" || each.length > 63 || /^[-+]?[\d.,]+$/.test(each.trim()))) return false;
  if (new Set(first).size < first.length) return false;
  return others.length === 0 || !others.some((record) => record.some((value, at) => value === first[at] && value !== ""));
}

/** Records as a file. */
export function writeCsv(records: (string | number | null)[][]): string {
  return Papa.unparse(records, { newline: "\n" });
}
