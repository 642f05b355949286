import { Graph, layout } from "@dagrejs/dagre";
import { boundsOf, sizeOf, type Point } from "@/features/diagram/geometry";
import type { Diagram, DrawnTable } from "@/features/diagram/model";

const gap = 48;

/** A place for every table: what hangs together stands together, referred to at the right of what refers. */
export function arrange(diagram: Diagram): Map<string, Point> {
  const { groups, alone } = split(diagram);
  const blocks = groups.map((tables) => ({ tables, ...ordered(tables, diagram) }));
  for (const table of alone) blocks.push({ tables: [table], positions: new Map([[table.id, { x: 0, y: 0 }]]), ...sizeOf(table) });
  return pack(blocks);
}

/** The tables that foreign keys join, the largest group first, and those that stand alone. */
function split({ tables, relations }: Diagram): { groups: DrawnTable[][]; alone: DrawnTable[] } {
  const next = new Map<string, string[]>();
  for (const { from, to } of relations) {
    if (from === to) continue;
    next.set(from, [...(next.get(from) ?? []), to]);
    next.set(to, [...(next.get(to) ?? []), from]);
  }
  const known = new Map(tables.map((each) => [each.id, each]));
  const seen = new Set<string>();
  const groups: DrawnTable[][] = [];
  for (const { id } of tables) {
    if (seen.has(id) || !next.has(id)) continue;
    const group: DrawnTable[] = [];
    const waiting = [id];
    seen.add(id);
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      group.push(known.get(at)!);
      for (const other of next.get(at) ?? []) {
        if (seen.has(other)) continue;
        seen.add(other);
        waiting.push(other);
      }
    }
    groups.push(group);
  }
  return { groups: groups.toSorted((a, b) => b.length - a.length), alone: tables.filter(({ id }) => !next.has(id)).toSorted((a, b) => sizeOf(b).height - sizeOf(a).height) };
}

interface Block {
  tables: DrawnTable[];
  positions: Map<string, Point>;
  width: number;
  height: number;
}

function ordered(tables: DrawnTable[], { relations }: Diagram): Omit<Block, "tables"> {
  const graph = new Graph({ multigraph: false });
  graph.setGraph({ rankdir: "LR", nodesep: 32, ranksep: 96, marginx: 0, marginy: 0 });
  graph.setDefaultEdgeLabel(() => ({}));
  const inside = new Set(tables.map(({ id }) => id));
  for (const table of tables) graph.setNode(table.id, { ...sizeOf(table) });
  for (const { from, to } of relations) if (from !== to && inside.has(from)) graph.setEdge(from, to);
  layout(graph);
  const positions = new Map(
    tables.map((table) => {
      const { x, y } = graph.node(table.id) as Point;
      const { width, height } = sizeOf(table);
      return [table.id, { x: Math.round(x - width / 2), y: Math.round(y - height / 2) }];
    }),
  );
  return { positions, ...boundsOf(tables, positions) };
}

/** Puts blocks into rows, so that the whole is about as wide as a screen. */
function pack(blocks: Block[]): Map<string, Point> {
  const area = blocks.reduce((sum, { width, height }) => sum + (width + gap) * (height + gap), 0);
  const wide = Math.max(Math.sqrt(area * 1.6), ...blocks.map(({ width }) => width), 0);
  const out = new Map<string, Point>();
  let [x, y, tallest] = [0, 0, 0];
  for (const block of blocks) {
    if (x > 0 && x + block.width > wide) [x, y, tallest] = [0, y + tallest + gap, 0];
    const { x: left, y: top } = boundsOf(block.tables, block.positions);
    for (const [id, at] of block.positions) out.set(id, { x: at.x - left + x, y: at.y - top + y });
    x += block.width + gap;
    tallest = Math.max(tallest, block.height);
  }
  return out;
}

/** Where tables stood stays; those that are new stand beneath. */
export function placed(diagram: Diagram, kept: Record<string, Point>): Map<string, Point> {
  const known = diagram.tables.filter(({ id }) => kept[id]);
  if (known.length === 0) return arrange(diagram);
  const out = new Map(known.map(({ id }) => [id, kept[id]!]));
  const fresh = diagram.tables.filter(({ id }) => !kept[id]);
  if (fresh.length === 0) return out;
  const ids = new Set(fresh.map(({ id }) => id));
  const { x, y, height } = boundsOf(known, out);
  for (const [id, at] of arrange({ tables: fresh, relations: diagram.relations.filter(({ from, to }) => ids.has(from) && ids.has(to)) })) out.set(id, { x: at.x + x, y: at.y + y + height + gap });
  return out;
}
