import { tokenize, type Token } from "@/features/sql/text/tokens";

/** One statement of a text. */
export interface Statement {
  /** From its first token to its last, without the semicolon. */
  text: string;
  from: number;
  to: number;
  tokens: Token[];
}

/** The statements of a text. Semicolons in strings, comments, brackets and bodies of functions part none. */
export function statements(sql: string, tokens = tokenize(sql)): Statement[] {
  const out: Statement[] = [];
  let own: Token[] = [];
  let blocks = 0;
  const end = () => {
    const [first, last] = [own[0], own.at(-1)];
    if (first && last) out.push({ text: sql.slice(first.from, last.to), from: first.from, to: last.to, tokens: own });
    own = [];
    blocks = 0;
  };
  for (const token of tokens) {
    if (token.text === ";" && token.kind === "sign" && token.depth === 0 && blocks === 0) {
      end();
      continue;
    }
    // The body of a function between "begin atomic" and "end" has semicolons of its own.
    if (token.kind === "word") {
      if (token.text === "atomic" && own.at(-1)?.text === "begin") blocks += 1;
      else if (token.text === "case" && blocks > 0) blocks += 1;
      else if (token.text === "end" && blocks > 0) blocks -= 1;
    }
    own.push(token);
  }
  end();
  return out;
}

/** The statement that a place in the text is in, or just behind. */
export function statementAt(sql: string, at: number): Statement | undefined {
  const all = statements(sql);
  return all.find((each, index) => {
    const next = all[index + 1];
    if (at < each.from) return true;
    // Behind its semicolon, on the same line, it is still meant.
    return at <= each.to || !next || (at < next.from && !sql.slice(each.to, at).includes("\n"));
  });
}
