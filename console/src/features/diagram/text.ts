import type { Diagram, DrawnTable } from "@/features/diagram/model";

/** The diagram in the languages of other tools. */

/** Names in Mermaid have letters, digits and underscores; what else is in them goes beside as a label. */
const word = (text: string): string => text.replaceAll(/[^\p{L}\p{N}_]+/gu, "_") || "_";

const label = (text: string): string => text.replaceAll('"', "'");

export function mermaidOf({ tables, relations }: Diagram): string {
  // Two names may become the same word.
  const words = new Map<string, string>();
  const used = new Set<string>();
  for (const { id, title } of tables) {
    let name = word(title);
    for (let n = 2; used.has(name); n += 1) name = `${word(title)}_${n}`;
    used.add(name);
    words.set(id, name);
  }
  const entities = tables.map((table) => {
    const name = words.get(table.id)!;
    const columns = table.columns.map(({ name: column, type, primary, foreign, unique }) => {
      const keys = [primary && "PK", foreign && "FK", unique && !primary && "UK"].filter(Boolean).join(", ");
      return `    ${word(type)} ${word(column)}${keys && ` ${keys}`}`;
    });
    return `  ${name}${name === table.title ? "" : `["${label(table.title)}"]`} {\n${columns.join("\n")}\n  }`;
  });
  const lines = relations.map(({ from, to, many, optional, columns }) => `  ${words.get(from)} ${many ? "}o" : "|o"}--${optional ? "o|" : "||"} ${words.get(to)} : "${label(columns.join(", "))}"`);
  return ["erDiagram", ...entities, ...lines, ""].join("\n");
}

const quoted = (text: string): string => `"${text.replaceAll('"', "'")}"`;

const dbmlName = (table: DrawnTable): string => (table.schema === "public" ? quoted(table.name) : `${quoted(table.schema)}.${quoted(table.name)}`);

const side = (table: DrawnTable, columns: string[]): string => `${dbmlName(table)}.${columns.length === 1 ? quoted(columns[0]!) : `(${columns.map(quoted).join(", ")})`}`;

export function dbmlOf({ tables, relations }: Diagram): string {
  const known = new Map(tables.map((each) => [each.id, each]));
  const entities = tables.map((table) => {
    const keys = table.columns.filter(({ primary }) => primary);
    const columns = table.columns.map(({ name, type, primary, unique, nullable }) => {
      const settings = [primary && keys.length === 1 && "pk", unique && !primary && "unique", !nullable && !primary && "not null"].filter(Boolean);
      return `  ${quoted(name)} ${/^\w+(\(\d+(,\d+)?\))?(\[\])?$/.test(type) ? type : quoted(type)}${settings.length > 0 ? ` [${settings.join(", ")}]` : ""}`;
    });
    if (keys.length > 1) columns.push("", "  indexes {", `    (${keys.map(({ name }) => quoted(name)).join(", ")}) [pk]`, "  }");
    return `Table ${dbmlName(table)} {\n${columns.join("\n")}\n}\n`;
  });
  const lines = relations.flatMap(({ from, to, many, columns, foreignColumns }) => {
    const [a, b] = [known.get(from), known.get(to)];
    return a && b ? [`Ref: ${side(a, columns)} ${many ? ">" : "-"} ${side(b, foreignColumns)}`] : [];
  });
  return [...entities, ...lines, ""].join("\n");
}
