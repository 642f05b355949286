const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** JSON over as many lines as it takes to read it. Only spaces differ: keys that repeat, digits and spellings stay. What is no JSON stays as it is. */
export function indented(json: string): string {
  try {
    JSON.parse(json);
  } catch {
    return json;
  }
  const out: string[] = [];
  let depth = 0;
  let last = "";
  const line = () => out.push(`\n${"  ".repeat(depth)}`);
  for (const [part] of json.matchAll(token)) {
    const opened = last === "{" || last === "[";
    const closes = part === "}" || part === "]";
    if (closes) depth--;
    if (closes !== opened || last === ",") line();
    out.push(part === ":" ? ": " : part);
    if (part === "{" || part === "[") depth++;
    last = part;
  }
  return out.join("");
}
