import type { Kind } from "@/features/tables/kind";
import { quoted, Reader } from "@/features/tables/words";

/** What rows must be like to be shown. */
export interface Condition {
  column: string;
  operator: Operator;
  values: string[];
}

export interface Group {
  join: "and" | "or";
  parts: (Condition | Group)[];
}

export type Operator = keyof typeof operators;

type Takes = "none" | "one" | "two" | "many";

interface About {
  /** As SQL has it. */
  sign: string;
  words: string;
  takes: Takes;
  /** Kinds of columns that it is offered for; all when left out. */
  of?: Kind[];
}

const ordered: Kind[] = ["number", "date", "time", "timestamp", "text", "uuid", "enum", "range", "other"];
const words: Kind[] = ["text", "uuid", "enum", "json", "array", "number", "other"];
const sets: Kind[] = ["array", "json", "range"];

/** Every operator, by its name in addresses. */
export const operators = {
  eq: { sign: "=", words: "equals", takes: "one" },
  neq: { sign: "<>", words: "does not equal", takes: "one" },
  lt: { sign: "<", words: "is less than", takes: "one", of: ordered },
  lte: { sign: "<=", words: "is at most", takes: "one", of: ordered },
  gt: { sign: ">", words: "is greater than", takes: "one", of: ordered },
  gte: { sign: ">=", words: "is at least", takes: "one", of: ordered },
  between: { sign: "between", words: "is between", takes: "two", of: ordered },
  like: { sign: "like", words: "is like", takes: "one", of: words },
  ilike: { sign: "ilike", words: "is like, in any case", takes: "one", of: words },
  match: { sign: "~", words: "matches the expression", takes: "one", of: words },
  imatch: { sign: "~*", words: "matches, in any case", takes: "one", of: words },
  in: { sign: "in", words: "is one of", takes: "many" },
  null: { sign: "is null", words: "is null", takes: "none" },
  notnull: { sign: "is not null", words: "is not null", takes: "none" },
  true: { sign: "is true", words: "is true", takes: "none", of: ["boolean"] },
  false: { sign: "is false", words: "is false", takes: "none", of: ["boolean"] },
  cs: { sign: "@>", words: "contains", takes: "one", of: sets },
  cd: { sign: "<@", words: "is contained in", takes: "one", of: sets },
  ov: { sign: "&&", words: "overlaps", takes: "one", of: ["array", "range"] },
  fts: { sign: "@@", words: "has the words", takes: "one", of: ["text", "search", "json"] },
} as const satisfies Record<string, About>;

export const about = (operator: Operator): About => operators[operator];

/** The operators that make sense for a kind of column. */
export function operatorsOf(kind: Kind): Operator[] {
  return (Object.keys(operators) as Operator[]).filter((each) => about(each).of?.includes(kind) ?? true);
}

export const isGroup = (part: Condition | Group): part is Group => "join" in part;

/** How many conditions there are in all. */
export function countConditions(group: Group | undefined): number {
  return group ? group.parts.reduce((sum, part) => sum + (isGroup(part) ? countConditions(part) : 1), 0) : 0;
}

/** The filter as it stands in addresses: and(status.eq.paid,or(total.gt.100,note.null)). */
export function formatFilter(group: Group): string | undefined {
  return countConditions(group) > 0 ? format(group) : undefined;
}

function format(part: Condition | Group): string {
  if (isGroup(part)) return `${part.join}(${part.parts.filter((each) => !isGroup(each) || countConditions(each) > 0).map(format).join(",")})`;
  const values = part.values.map(quoted);
  const { takes } = about(part.operator);
  const end = takes === "none" ? "" : takes === "one" ? `.${values[0] ?? '""'}` : `.(${values.join(",")})`;
  return `${quoted(part.column)}.${part.operator}${end}`;
}

/** How deep groups may lie in each other. */
const deepest = 4;

/** Reads a filter of an address; what cannot be read is no filter. */
export function parseFilter(text: string | undefined): Group | undefined {
  if (!text) return undefined;
  try {
    const reader = new Reader(text);
    const part = read(reader, 0);
    return reader.done && isGroup(part) ? part : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function read(reader: Reader, depth: number): Condition | Group {
  if (depth > deepest) throw new SyntaxError("Groups lie too deep in each other.");
  for (const join of ["and", "or"] as const) {
    if (reader.takes(`${join}(`)) return { join, parts: list(reader, () => read(reader, depth + 1)) };
  }
  const column = reader.word();
  reader.expect(".");
  const operator = reader.word();
  if (!Object.hasOwn(operators, operator)) throw new SyntaxError(`There is no operator ${operator}.`);
  const { takes } = about(operator as Operator);
  const values = takes === "none" ? [] : readValues(reader, takes);
  return { column, operator: operator as Operator, values };
}

function readValues(reader: Reader, takes: Takes): string[] {
  reader.expect(".");
  if (takes === "one") return [reader.word()];
  reader.expect("(");
  const values = list(reader, () => reader.word());
  if (takes === "two" && values.length !== 2) throw new SyntaxError("Two values belong here.");
  return values;
}

function list<T>(reader: Reader, one: () => T): T[] {
  const out: T[] = [];
  while (!reader.takes(")")) {
    if (out.length > 0) reader.expect(",");
    out.push(one());
  }
  return out;
}
