/** Cuts a JSON array, or JSON values between line breaks, into its elements as they come. */
export class JsonReader {
  private rest = "";

  constructor(private readonly lines: boolean) {}

  push(piece: string, last: boolean): Record<string, string | null>[] {
    const text = this.rest + piece;
    const { elements, end } = this.lines ? lines(text, last) : elementsOf(text);
    this.rest = last ? "" : text.slice(end);
    if (last && !this.lines && text.slice(end).replaceAll(/[\s,[\]]/g, "") !== "") throw new SyntaxError("The file ends within a value.");
    return elements.map(fieldsOf);
  }
}

function lines(text: string, last: boolean): { elements: string[]; end: number } {
  const end = last ? text.length : text.lastIndexOf("\n") + 1;
  return { elements: text.slice(0, end).split("\n").filter((line) => line.trim() !== ""), end };
}

/** The objects at the top, or in the array at the top, that are whole. */
function elementsOf(text: string): { elements: string[]; end: number } {
  const elements: string[] = [];
  let depth = 0;
  let start = 0;
  let end = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (quoted) {
      if (letter === "\\") at += 1;
      else if (letter === '"') quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === "{") {
      if (depth === 0) start = at;
      depth += 1;
    } else if (letter === "}") {
      depth -= 1;
      if (depth === 0) {
        elements.push(text.slice(start, at + 1));
        end = at + 1;
      }
    }
  }
  return { elements, end };
}

interface RawJson {
  rawJSON: string;
}
const exact = JSON as unknown as { rawJSON?: (text: string) => RawJson };

/** Keeps the digits of numbers that JavaScript would round. */
function keepDigits(_: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === "number" && context?.source && String(value) !== context.source && exact.rawJSON ? exact.rawJSON(context.source) : value;
}

/** A row's values as Postgres reads them. */
function fieldsOf(text: string): Record<string, string | null> {
  const value = JSON.parse(text, keepDigits as never) as unknown;
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new SyntaxError("Every row must be an object: {\"column\": \"value\"}.");
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, textOf(each)]));
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value !== "object") return String(value);
  return "rawJSON" in value && Object.getPrototypeOf(value) === null ? String(value.rawJSON) : JSON.stringify(value);
}
