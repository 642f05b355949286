import { boundsOf, headHeight, hiddenColumns, lineOf, rowHeight, shownColumns, sizeOf, width, type Point } from "@/features/diagram/geometry";
import type { Diagram, DrawnTable } from "@/features/diagram/model";

const margin = 24;
const mono = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace";
/** Of a letter of the fixed-width font at 12 px, and at 11. */
const letters = { 12: 7.25, 11: 6.65 } as const;

/** A text as XML takes it; what XML has no way to say is left out. */
const escape = (text: string): string =>
  text
    // oxlint-disable-next-line no-control-regex -- these are what XML forbids
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

function fitted(text: string, size: 11 | 12, room: number): string {
  const most = Math.max(1, Math.floor(room / letters[size]));
  const all = Array.from(text);
  return all.length > most ? `${all.slice(0, most - 1).join("")}…` : text;
}

/** The diagram as a file of its own, in light colours. */
export function svgOf({ tables, relations }: Diagram, positions: Map<string, Point>, title: string): string {
  const { x, y, width: wide, height: high } = boundsOf(tables, positions);
  const known = new Map(tables.map((each) => [each.id, each]));
  const lines = relations.flatMap((relation) => {
    const [from, to] = [known.get(relation.from), known.get(relation.to)];
    const [a, b] = [positions.get(relation.from), positions.get(relation.to)];
    if (!from || !to || !a || !b) return [];
    const { path, ends, ring } = lineOf(relation, from, to, a, b);
    return [`<g><title>${escape(`${from.title} ${relation.definition}`)}</title><path d="${path}${ends}"/>${ring ? `<circle cx="${ring.x}" cy="${ring.y}" r="3.5" fill="#ffffff"/>` : ""}</g>`];
  });
  const box = [x - margin, y - margin, wide + 2 * margin, high + 2 * margin].join(" ");
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}" width="${wide + 2 * margin}" height="${high + 2 * margin}" font-family="${mono}" font-size="12">
<title>${escape(title)}</title>
<rect x="${x - margin}" y="${y - margin}" width="100%" height="100%" fill="#ffffff"/>
<g fill="none" stroke="#71717a" stroke-width="1.25">
${lines.join("\n")}
</g>
${tables.map((table) => tableSvg(table, positions.get(table.id) ?? { x: 0, y: 0 })).join("\n")}
</svg>
`;
}

function tableSvg(table: DrawnTable, { x, y }: Point): string {
  const { height } = sizeOf(table);
  const rows = shownColumns(table).map(({ name, type, primary, foreign, nullable }, at) => {
    const base = headHeight + at * rowHeight + 16;
    const mark = primary ? "PK" : foreign ? "FK" : "";
    const kind = fitted(type, 11, 100) + (nullable ? "?" : "");
    const room = width - 46 - Array.from(kind).length * letters[11];
    return `${mark && `<text x="10" y="${base}" font-size="9" font-weight="600" fill="${primary ? "#a16207" : "#0f766e"}">${mark}</text>`}<text x="30" y="${base}" fill="#18181b"${primary ? ' font-weight="600"' : ""}>${escape(fitted(name, 12, room))}</text><text x="${width - 10}" y="${base}" font-size="11" text-anchor="end" fill="#52525b">${escape(kind)}</text>`;
  });
  const more = hiddenColumns(table);
  if (more > 0) rows.push(`<text x="30" y="${headHeight + (shownColumns(table).length + 1) * rowHeight - 8}" fill="#52525b">and ${more} more</text>`);
  return `<g transform="translate(${x} ${y})">
<rect width="${width}" height="${height}" rx="6" fill="#ffffff" stroke="#d4d4d8"/>
<path d="M0 ${headHeight}V6a6 6 0 0 1 6-6h${width - 12}a6 6 0 0 1 6 6V${headHeight}z" fill="#f4f4f5" stroke="#d4d4d8"/>
<text x="10" y="22" font-size="12" font-weight="600" fill="#18181b">${escape(fitted(table.title, 12, width - 20))}</text>
${rows.join("\n")}
</g>`;
}
