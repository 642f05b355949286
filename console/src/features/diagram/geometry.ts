import type { DrawnColumn, DrawnTable, Relation } from "@/features/diagram/model";

/** Where things stand in a diagram, on the screen and in files alike. */

export interface Point {
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export const width = 248;
export const headHeight = 34;
export const rowHeight = 24;
/** Longer tables end with how many columns there are more. */
export const mostRows = 32;

export const shownColumns = (table: DrawnTable): DrawnColumn[] => (table.columns.length > mostRows ? table.columns.slice(0, mostRows - 1) : table.columns);

/** How many columns a table has in all. */
export const allColumns = (table: DrawnTable): number => table.columns.length + (table.left ?? 0);

export const hiddenColumns = (table: DrawnTable): number => allColumns(table) - shownColumns(table).length;

export const sizeOf = (table: DrawnTable): Size => ({ width, height: headHeight + (shownColumns(table).length + (hiddenColumns(table) > 0 ? 1 : 0)) * rowHeight + 2 });

/** The middle of a column's row, beneath the top of its table. */
export function rowAt(table: DrawnTable, column: string | undefined): number {
  const at = table.columns.findIndex(({ name }) => name === column);
  return at < 0 ? headHeight / 2 : headHeight + (Math.min(at, mostRows - 1) + 0.5) * rowHeight;
}

export interface Line {
  path: string;
  /** What stands at its ends: a foot of three toes for many, a bar for one, a ring for none. */
  ends: string;
  ring?: Point;
  middle: Point;
}

const foot = 12;
const bend = 40;

/** The line of a foreign key between two tables that stand somewhere. */
export function lineOf(relation: Relation, from: DrawnTable, to: DrawnTable, a: Point, b: Point): Line {
  const start = { x: a.x, y: a.y + rowAt(from, relation.columns[0]) };
  const end = { x: b.x, y: b.y + rowAt(to, relation.foreignColumns[0]) };
  // Each end leaves on the side that looks to the other; above each other, both leave on the right.
  const [right, left] = [b.x > a.x + width + 24, b.x + width + 24 < a.x];
  const out = left ? -1 : 1;
  const into = right ? -1 : 1;
  if (out > 0) start.x += width;
  if (into > 0) end.x += width;
  const p = { x: start.x + out * foot, y: start.y };
  const q = { x: end.x + into * foot, y: end.y };
  const reach = Math.max(bend, Math.abs(q.x - p.x) / 2);
  const c = p.x + out * reach;
  const d = q.x + into * reach;
  const toes = relation.many ? `M${start.x} ${start.y - 6}L${p.x} ${p.y}L${start.x} ${start.y + 6}` : `M${start.x + out * 7} ${start.y - 5}v10`;
  const bar = `M${end.x + into * 6} ${end.y - 5}v10`;
  return {
    path: `M${start.x} ${start.y}L${p.x} ${p.y}C${c} ${p.y} ${d} ${q.y} ${q.x} ${q.y}L${end.x} ${end.y}`,
    ends: toes + bar,
    ring: relation.optional ? { x: end.x + into * 11, y: end.y } : undefined,
    middle: { x: (p.x + 3 * c + 3 * d + q.x) / 8, y: (p.y + q.y) / 2 },
  };
}

/** What holds all of the tables. */
export function boundsOf(tables: DrawnTable[], positions: Map<string, Point>): Point & Size {
  const boxes = tables.map((each) => ({ ...(positions.get(each.id) ?? { x: 0, y: 0 }), ...sizeOf(each) }));
  if (boxes.length === 0) return { x: 0, y: 0, width: 0, height: 0 };
  const x = Math.min(...boxes.map((each) => each.x));
  const y = Math.min(...boxes.map((each) => each.y));
  return { x, y, width: Math.max(...boxes.map((each) => each.x + each.width)) - x, height: Math.max(...boxes.map((each) => each.y + each.height)) - y };
}
