/** The elements of an array of one dimension as Postgres writes it: {a,"b c",NULL}. Undefined when it is none. */
export function parseArray(text: string): (string | null)[] | undefined {
  const body = /^\s*\{([\s\S]*)\}\s*$/.exec(text)?.[1];
  if (body === undefined) return undefined;
  if (body.trim() === "") return [];
  const out: (string | null)[] = [];
  // An element, quoted or plain, and what ends it.
  const element = /\s*(?:"((?:[^"\\]|\\[\s\S])*)"|((?:[^",{}\\]|\\[\s\S])+?))\s*(,|$)/y;
  for (;;) {
    const found = element.exec(body);
    if (!found) return undefined;
    const [, inQuotes, plain, end] = found;
    if (inQuotes !== undefined) out.push(unescaped(inQuotes));
    else out.push(/^null$/i.test(plain!) ? null : unescaped(plain!));
    if (end === "") return out;
  }
}

const unescaped = (text: string) => text.replaceAll(/\\([\s\S])/g, "$1");

export function formatArray(elements: (string | null)[]): string {
  return `{${elements.map((each) => (each === null ? "NULL" : plain(each) ? each : `"${each.replaceAll(/["\\]/g, "\\$&")}"`)).join(",")}}`;
}

const plain = (text: string) => /^[^\s",{}\\]+$/.test(text) && !/^null$/i.test(text);
