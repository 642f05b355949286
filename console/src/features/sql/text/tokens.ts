/** A piece of SQL as Postgres reads it. Spaces and comments are none. */
export interface Token {
  kind: "word" | "name" | "string" | "number" | "sign";
  /** Words in lower case, names without their quotes, strings of "dollar quotes" without those. */
  text: string;
  from: number;
  to: number;
  /** How many brackets are open around it. */
  depth: number;
}

const space = /\s/;
const wordStart = /[A-Za-z_\u0080-\uffff]/;
const wordPart = /[\w$\u0080-\uffff]/;

/** The tokens of a text, however unfinished it is: what is not closed reaches to the end. */
export function tokenize(sql: string): Token[] {
  const out: Token[] = [];
  let depth = 0;
  let at = 0;
  const add = (kind: Token["kind"], text: string, to: number) => {
    out.push({ kind, text, from: at, to, depth });
    at = to;
  };
  while (at < sql.length) {
    const char = sql[at]!;
    const two = sql.slice(at, at + 2);
    if (space.test(char)) at += 1;
    else if (two === "--") at = endOf(sql, "\n", at);
    else if (two === "/*") at = afterComment(sql, at);
    else if (char === "'") add("string", sql.slice(at, afterQuote(sql, at, "'", false)), afterQuote(sql, at, "'", false));
    else if (/^[eE]'$/.test(two)) add("string", sql.slice(at, afterQuote(sql, at + 1, "'", true)), afterQuote(sql, at + 1, "'", true));
    else if (char === '"') {
      const to = afterQuote(sql, at, '"', false);
      add("name", sql.slice(at + 1, to - 1).replaceAll('""', '"'), to);
    } else if (char === "$") dollar(sql, at, add);
    else if (wordStart.test(char)) {
      let to = at + 1;
      while (to < sql.length && wordPart.test(sql[to]!)) to += 1;
      add("word", sql.slice(at, to).toLowerCase(), to);
    } else if (/[0-9]/.test(char)) {
      let to = at + 1;
      while (to < sql.length && /[\w.]/.test(sql[to]!)) to += 1;
      add("number", sql.slice(at, to), to);
    } else if (char === "(" || char === "[") {
      add("sign", char, at + 1);
      depth += 1;
    } else if (char === ")" || char === "]") {
      depth = Math.max(0, depth - 1);
      add("sign", char, at + 1);
    } else add("sign", char, at + 1);
  }
  return out;
}

function endOf(sql: string, mark: string, from: number): number {
  const found = sql.indexOf(mark, from);
  return found < 0 ? sql.length : found + mark.length;
}

/** Comments of Postgres stand in each other. */
function afterComment(sql: string, from: number): number {
  let open = 0;
  for (let at = from; at < sql.length; ) {
    const two = sql.slice(at, at + 2);
    if (two === "/*" || two === "*/") {
      open += two === "/*" ? 1 : -1;
      at += 2;
      if (open === 0) return at;
    } else at += 1;
  }
  return sql.length;
}

function afterQuote(sql: string, from: number, quote: string, backslashes: boolean): number {
  for (let at = from + 1; at < sql.length; at += 1) {
    if (backslashes && sql[at] === "\\") at += 1;
    else if (sql[at] === quote && sql[at + 1] === quote) at += 1;
    else if (sql[at] === quote) return at + 1;
  }
  return sql.length;
}

function dollar(sql: string, at: number, add: (kind: Token["kind"], text: string, to: number) => void) {
  const tag = /^\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/.exec(sql.slice(at, at + 70))?.[0];
  if (tag) {
    const to = endOf(sql, tag, at + tag.length);
    const closed = sql.endsWith(tag, to) && to - at >= 2 * tag.length;
    add("string", sql.slice(at + tag.length, closed ? to - tag.length : to), to);
    return;
  }
  const number = /^\$\d+/.exec(sql.slice(at, at + 12))?.[0];
  add(number ? "number" : "sign", number ?? "$", at + (number?.length ?? 1));
}
