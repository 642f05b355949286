import type { PlanNode } from "@/features/sql/explain/plan";
import { bytes, count } from "@/lib/format";

/** From how many rows on reading them all is worth a word. */
const many = 10_000;

/** What is odd about a step, and what to do. */
export function warningsOf(node: PlanNode, wire: Record<string, unknown>, limited: boolean): string[] {
  return [scan(node, wire), estimate(node, limited), ...spills(wire), heap(node, wire)].filter((each) => each !== undefined);
}

function scan(node: PlanNode, wire: Record<string, unknown>): string | undefined {
  const kind = wire["Node Type"];
  const loops = node.loops ?? 1;
  const removed = number(wire["Rows Removed by Filter"]) * loops;
  const kept = node.rows ?? node.planRows;
  const table = wire["Relation Name"];
  if (kind === "Seq Scan" && wire.Filter !== undefined) {
    const read = kept + removed;
    // Without a run, only the cost tells how much is read: about a hundredth for each row.
    if (node.rows !== undefined && read >= many && removed >= read / 2) return `Reads ${count(read)} rows of ${table} to keep ${count(kept)}. An index on what the filter asks for may help.`;
    if (node.rows === undefined && node.totalCost >= many / 50 && node.planRows * 100 <= node.totalCost * 50) return `Reads all of ${table} to find about ${count(kept)} rows. An index on what the filter asks for may help.`;
  }
  if (kind === "Seq Scan" && loops >= 100 && kept + removed >= many) return `Reads ${table} ${count(loops)} times over. An index on what it is joined by may help.`;
  if (kind !== "Seq Scan" && removed >= many && removed >= kept * 9) return `Finds ${count(kept + removed)} rows and throws ${count(removed)} away. An index that has more of the conditions may help.`;
  return undefined;
}

function estimate(node: PlanNode, limited: boolean): string | undefined {
  if (node.rows === undefined || !node.loops) return undefined;
  const [expected, found] = [node.planRows, node.rows / node.loops];
  const factor = Math.max(expected, 1) / Math.max(found, 1);
  if (Math.max(expected, found) < 100 || (factor < 10 && factor > 0.1) || (limited && factor > 1)) return undefined;
  const times = count(Math.round(factor >= 1 ? factor : 1 / factor));
  return `${factor >= 1 ? `${times} times fewer` : `${times} times more`} rows than expected (${count(Math.round(found))}, not ${count(expected)}). "analyze" on its tables brings the estimates up to date.`;
}

function spills(wire: Record<string, unknown>): string[] {
  const out: string[] = [];
  const kilobytes = number(wire["Sort Space Used"]);
  if (wire["Sort Space Type"] === "Disk") out.push(`Sorts ${bytes(kilobytes * 1024)} on disk: more work_mem, fewer rows, or an index in that order keeps it in memory.`);
  if (number(wire["Hash Batches"]) > 1 || number(wire["HashAgg Batches"]) > 1 || number(wire["Disk Usage"]) > 0) {
    out.push("Its hash table does not fit into memory and is written to disk in parts: more work_mem or fewer rows keep it in memory.");
  }
  if (number(wire["Lossy Heap Blocks"]) > 0) out.push("Its bitmap does not fit into memory, so whole pages are checked again: more work_mem keeps it exact.");
  return out;
}

function heap(node: PlanNode, wire: Record<string, unknown>): string | undefined {
  const fetches = number(wire["Heap Fetches"]);
  if (fetches < many / 10 || fetches < (node.rows ?? 0) / 2) return undefined;
  return `Looks ${count(fetches)} rows up in the table although the index has them: "vacuum" tells it which it may trust.`;
}

const number = (value: unknown): number => (typeof value === "number" ? value : 0);
