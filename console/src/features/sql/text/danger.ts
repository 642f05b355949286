import { statements, type Statement } from "@/features/sql/text/statements";
import type { Token } from "@/features/sql/text/tokens";

/** What a statement destroys. */
export interface Danger {
  /** "Drops table notes" */
  what: string;
  /** The statement, shortened. */
  text: string;
  from: number;
}

/** What of a text drops, empties, or changes whole tables. Comments and strings do not count, the blocks of "do" do. */
export function dangers(sql: string): Danger[] {
  return statements(sql).flatMap((each) => inStatement(each, false).map((what) => ({ what, text: shorten(each.text), from: each.from })));
}

function inStatement({ tokens, text }: Statement, block: boolean): string[] {
  const first = word(tokens[0]);
  if (first === "explain" && !analyzes(tokens)) return [];
  if (first === "do") return tokens.filter((each) => each.kind === "string").flatMap((body) => statements(body.text).flatMap((each) => inStatement(each, true)));
  // What a function or policy will do, it does not do now.
  if (first === "create" && tokens.slice(0, 5).some((each) => ["function", "procedure", "policy", "trigger", "rule", "event"].includes(word(each) ?? ""))) return [];
  const out: string[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    if (tokens[at]!.kind !== "word") continue;
    const found = atToken(tokens, at, block, text);
    if (found) out.push(found);
  }
  return out;
}

/** Words after which a statement begins in PL/pgSQL. */
const openers = new Set(["begin", "then", "else", "loop"]);

function atToken(tokens: Token[], at: number, block: boolean, text: string): string | undefined {
  const before = word(tokens[at - 1]);
  const begins = at === 0 || (block && openers.has(before ?? ""));
  switch (tokens[at]!.text) {
    case "drop":
      return begins && word(tokens[at + 1]) !== "owned" ? `Drops ${object(tokens, at + 1, text)}${tokens.some((each) => word(each) === "cascade") ? ", and what depends on it" : ""}` : undefined;
    case "truncate": {
      if (!begins) return undefined;
      const name = word(tokens[at + 1]) === "table" ? at + 2 : at + 1;
      return `Deletes every row of ${listed(tokens, name, text)}`;
    }
    case "delete":
      return word(tokens[at + 1]) === "from" && !bounded(tokens, at) ? `Deletes every row of ${named(tokens, at + 2, text)}` : undefined;
    case "update":
      return !notUpdating.has(before ?? "") && tokens[at - 1]?.text !== "," && sets(tokens, at) && !bounded(tokens, at) ? `Changes every row of ${named(tokens, at + 1, text)}` : undefined;
    case "alter":
      return begins ? dropsPart(tokens.slice(at), text.slice(tokens[at]!.from - tokens[0]!.from)) : undefined;
    default:
      return undefined;
  }
}

const notUpdating = new Set(["on", "for", "do", "or", "then", "before", "after", "of", "grant", "revoke", "key", "all"]);

/** Whether a condition follows within the same brackets. */
function bounded(tokens: Token[], at: number): boolean {
  const { depth } = tokens[at]!;
  for (const token of tokens.slice(at + 1)) {
    if (token.depth < depth || (token.kind === "sign" && token.depth === depth && token.text === ";")) return false;
    if (token.depth === depth && word(token) === "where") return true;
  }
  return false;
}

function sets(tokens: Token[], at: number): boolean {
  const { depth } = tokens[at]!;
  return tokens.slice(at + 1, at + 12).some((each) => each.depth === depth && word(each) === "set");
}

/** Columns and constraints go with their data and their checks; defaults and the like do not count. */
function dropsPart(tokens: Token[], text: string): string | undefined {
  const what = tokens.findIndex((each, at) => at > 1 && each.depth === tokens[0]!.depth && word(each) === "drop");
  if (what < 0) return undefined;
  const next = word(tokens[what + 1]);
  if (["not", "default", "identity", "expression"].includes(next ?? "")) return dropsPart(tokens.filter((_, at) => at !== what), text);
  const part = next === "column" || next === "constraint" || next === "attribute" || next === "value" ? next : "column";
  const name = next === part ? what + 2 : what + 1;
  return `Drops ${part} ${named(tokens, name, text)} of ${object(tokens, 1, text)}`;
}

/** "table if exists only notes" without what may stand between. */
function object(tokens: Token[], at: number, text: string): string {
  const kinds: string[] = [];
  let next = at;
  while (tokens[next]?.kind === "word" && kindWords.has(tokens[next]!.text)) {
    kinds.push(tokens[next]!.text);
    next += 1;
  }
  return [...kinds, listed(tokens, next, text)].join(" ");
}

const kindWords = new Set(
  "table view materialized foreign index schema column sequence type domain function procedure routine aggregate policy trigger rule role user database extension publication subscription operator class family collation statistics cast server wrapper data text search configuration dictionary event access method language tablespace".split(" "),
);
const between = new Set(["if", "exists", "only", "concurrently"]);

/** A name, with its schema, as it is written. */
function named(tokens: Token[], at: number, text: string): string {
  return text.slice(...span(tokens, at)) || "something";
}

function listed(tokens: Token[], at: number, text: string): string {
  const names = [named(tokens, at, text)];
  let [, next] = range(tokens, at);
  while (tokens[next]?.text === ",") {
    names.push(named(tokens, next + 1, text));
    [, next] = range(tokens, next + 1);
  }
  return names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
}

function range(tokens: Token[], at: number): [number, number] {
  let from = at;
  while (tokens[from]?.kind === "word" && between.has(tokens[from]!.text)) from += 1;
  let to = from;
  while (tokens[to] && (tokens[to]!.kind === "word" || tokens[to]!.kind === "name")) {
    to += 1;
    if (tokens[to]?.text !== ".") break;
    to += 1;
  }
  return [from, to];
}

function span(tokens: Token[], at: number): [number, number] {
  const [from, to] = range(tokens, at);
  const start = tokens[0]!.from;
  const [first, last] = [tokens[from], tokens[to - 1]];
  return first && last && to > from ? [first.from - start, last.to - start] : [0, 0];
}

function analyzes(tokens: Token[]): boolean {
  return tokens.slice(1, 30).some((each) => word(each) === "analyze" || word(each) === "analyse");
}

function word(token: Token | undefined): string | undefined {
  return token?.kind === "word" ? token.text : undefined;
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}
