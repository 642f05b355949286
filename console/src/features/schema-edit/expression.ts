/** Why a text cannot stand as one expression among other SQL: it would end, or swallow, what is around it. Postgres checks the rest. */
export function expressionProblem(text: string): string | undefined {
  const open: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const rest = text.slice(at);
    const letter = text[at]!;
    if (rest.startsWith("--") || rest.startsWith("/*")) return "Comments cannot stand here.";
    if (letter === ";") return "Leave out the semicolon: one expression stands here.";
    if (letter === "'" || letter === '"') {
      const escapes = letter === "'" && /(^|[^\w$])[eE]$/.test(text.slice(0, at));
      const end = endOfQuote(text, at, letter, escapes);
      if (end < 0) return letter === "'" ? "A text is not closed: ' is missing." : 'A name is not closed: " is missing.';
      at = end;
      continue;
    }
    const tag = /^\$(?:[A-Za-z_]\w*)?\$/.exec(rest)?.[0];
    if (tag && !/[\w$]$/.test(text.slice(0, at))) {
      const end = text.indexOf(tag, at + tag.length);
      if (end < 0) return `A text is not closed: ${tag} is missing.`;
      at = end + tag.length - 1;
      continue;
    }
    if (letter === "(" || letter === "[") open.push(letter);
    if (letter === ")" || letter === "]") {
      const mate = open.pop();
      if (mate !== (letter === ")" ? "(" : "[")) return `A bracket is closed that was not opened: ${letter}`;
    }
  }
  return open.length > 0 ? `A bracket is not closed: ${open.at(-1)}` : undefined;
}

function endOfQuote(text: string, from: number, quote: string, escapes: boolean): number {
  for (let at = from + 1; at < text.length; at += 1) {
    if (escapes && text[at] === "\\") at += 1;
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at;
      at += 1;
    }
  }
  return -1;
}

/** Whether someone wrote a text where an expression is asked for: draft, not 'draft'. */
export function isBareWord(text: string): boolean {
  return /^[A-Za-z][\w -]*$/.test(text.trim()) && !/^(null|true|false|current_\w+|localtime|localtimestamp|user|session_user)$/i.test(text.trim());
}
