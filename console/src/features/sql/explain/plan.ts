import { warningsOf } from "@/features/sql/explain/warnings";

type Wire = Record<string, unknown>;

/** Blocks of 8 kB that a node took from memory or disk, those of its children included. */
export interface Buffers {
  hit: number;
  read: number;
  dirtied: number;
  written: number;
  tempRead: number;
  tempWritten: number;
}

/** A step of a plan. */
export interface PlanNode {
  id: number;
  /** "Index Scan", "Hash Join" */
  type: string;
  /** What it works on: "notes n, by notes_pkey". */
  subject: string;
  /** "InitPlan 1", "CTE recent" */
  role: string;
  startupCost: number;
  totalCost: number;
  planRows: number;
  width: number;
  /** Of all loops together; undefined when the statement was not run. */
  rows?: number;
  loops?: number;
  /** From the first step to the last, its children's included. */
  milliseconds?: number;
  /** Without its children's. */
  ownMilliseconds?: number;
  ownCost: number;
  /** Of the time of the whole, or of its cost when it was not run: from 0 to 1. */
  share: number;
  buffers?: Buffers;
  /** Whatever else Postgres tells. */
  details: [label: string, value: string][];
  warnings: string[];
  children: PlanNode[];
}

export interface Plan {
  root: PlanNode;
  planningMilliseconds?: number;
  executionMilliseconds?: number;
  /** What stands beside the steps: triggers, compilation. */
  notes: string[];
  warnings: { node: PlanNode; text: string }[];
  /** As Postgres sent it. */
  json: unknown;
}

/** Reads what "explain (format json)" answers; undefined for anything else. */
export function readPlan(value: unknown): Plan | undefined {
  let json = value;
  if (typeof value === "string") {
    try {
      json = JSON.parse(value);
    } catch {
      return undefined;
    }
  }
  const top = Array.isArray(json) ? (json[0] as Wire | undefined) : undefined;
  if (!top || typeof top !== "object" || !isWire(top.Plan)) return undefined;
  const reader = new Reader();
  const root = reader.node(top.Plan, 1);
  const whole = root.milliseconds ?? 0;
  const shares = (node: PlanNode) => {
    node.share = node.ownMilliseconds !== undefined ? ratio(node.ownMilliseconds, whole) : ratio(node.ownCost, root.totalCost);
    node.children.forEach(shares);
  };
  shares(root);
  return {
    root,
    planningMilliseconds: number(top["Planning Time"]),
    executionMilliseconds: number(top["Execution Time"]),
    notes: notesOf(top),
    warnings: flat(root).flatMap((node) => node.warnings.map((text) => ({ node, text }))),
    json,
  };
}

/** The steps in the order in which they are drawn. */
export function flat(node: PlanNode): PlanNode[] {
  return [node, ...node.children.flatMap(flat)];
}

class Reader {
  private next = 0;
  /** How long the tables of "with" took: their time is in the steps that read them, and in none above. */
  private readonly ctes = new Map<string, number>();

  /**
   * Processes are those that work on the step at once: each tells its own time, and Postgres their mean. A limited step is stopped
   * when those above have enough.
   */
  node(wire: Wire, processes: number, limited = false): PlanNode {
    const id = this.next;
    this.next += 1;
    const type = text(wire["Node Type"]) ?? "Step";
    const below = type.startsWith("Gather") ? (number(wire["Workers Launched"]) ?? number(wire["Workers Planned"]) ?? 0) + 1 : processes;
    const wires = (Array.isArray(wire.Plans) ? wire.Plans : []).filter(isWire);
    const stopped = type === "Limit" || (limited && !readsAll.has(type));
    const children = wires.map((each) => this.node(each, below, stopped));
    const loops = number(wire["Actual Loops"]);
    const perLoop = number(wire["Actual Total Time"]);
    const milliseconds = loops === undefined || perLoop === undefined ? undefined : (perLoop * loops) / Math.max(1, Math.min(processes, loops));
    const role = text(wire["Subplan Name"]) ?? "";
    if (role.startsWith("CTE ") && milliseconds !== undefined) this.ctes.set(role.slice(4), milliseconds);
    const inputs = children.filter(({ role }) => !role.startsWith("CTE "));
    const cte = type === "CTE Scan" ? this.takeCte(text(wire["CTE Name"])) : 0;
    const totalCost = number(wire["Total Cost"]) ?? 0;
    const actual = number(wire["Actual Rows"]);
    const node: PlanNode = {
      id,
      type: typeOf(wire, type),
      subject: subjectOf(wire),
      role,
      startupCost: number(wire["Startup Cost"]) ?? 0,
      totalCost,
      planRows: number(wire["Plan Rows"]) ?? 0,
      width: number(wire["Plan Width"]) ?? 0,
      rows: actual === undefined || loops === undefined ? undefined : Math.round(actual * loops),
      loops,
      milliseconds,
      ownMilliseconds: milliseconds === undefined ? undefined : Math.max(0, milliseconds - cte - sum(inputs.map((each) => each.milliseconds ?? 0))),
      ownCost: Math.max(0, totalCost - sum(inputs.map((each) => each.totalCost))),
      share: 0,
      buffers: buffersOf(wire),
      details: detailsOf(wire),
      warnings: [],
      children,
    };
    node.warnings = warningsOf(node, wire, limited);
    return node;
  }

  private takeCte(name: string | undefined): number {
    const took = this.ctes.get(name ?? "") ?? 0;
    this.ctes.delete(name ?? ""); // who reads it first waits for it
    return took;
  }
}

/** Steps that read all of their input before the first row of theirs. */
const readsAll = new Set(["Sort", "Hash", "Aggregate", "HashAggregate", "Bitmap Heap Scan"]);

function typeOf(wire: Wire, type: string): string {
  const parts = [wire["Parallel Aware"] === true && "Parallel", type === "Aggregate" && text(wire.Strategy) === "Hashed" && "Hash", type === "Aggregate" && text(wire.Strategy) === "Sorted" && "Group"];
  const join = text(wire["Join Type"]);
  const name = type === "ModifyTable" ? (text(wire.Operation) ?? type) : join && join !== "Inner" ? type.replace(/ ?Join$/, "") + ` ${join} Join` : type;
  return [...parts.filter(Boolean), name].join(" ");
}

function subjectOf(wire: Wire): string {
  const table = text(wire["Relation Name"]) ?? text(wire["Function Name"]) ?? text(wire["CTE Name"]) ?? text(wire["Tuplestore Name"]);
  const alias = text(wire.Alias);
  const schema = text(wire.Schema);
  const named = table ? `${schema && schema !== "public" ? `${schema}.` : ""}${table}${alias && alias !== table ? ` ${alias}` : ""}` : (alias ?? "");
  const index = text(wire["Index Name"]);
  return [named, index && `by ${index}`].filter(Boolean).join(", ");
}

function buffersOf(wire: Wire): Buffers | undefined {
  if (wire["Shared Hit Blocks"] === undefined) return undefined;
  const of = (name: string) => (number(wire[`Shared ${name} Blocks`]) ?? 0) + (number(wire[`Local ${name} Blocks`]) ?? 0);
  return { hit: of("Hit"), read: of("Read"), dirtied: of("Dirtied"), written: of("Written"), tempRead: number(wire["Temp Read Blocks"]) ?? 0, tempWritten: number(wire["Temp Written Blocks"]) ?? 0 };
}

/** What has a place of its own, or says nothing. */
const placed = new Set(
  "Plans|Node Type|Parent Relationship|Subplan Name|Parallel Aware|Async Capable|Startup Cost|Total Cost|Plan Rows|Plan Width|Actual Startup Time|Actual Total Time|Actual Rows|Actual Loops|Relation Name|Alias|Schema|Index Name|CTE Name|Function Name|Join Type|Strategy|Operation|Inner Unique|Disabled|Workers".split("|"),
);

function detailsOf(wire: Wire): [string, string][] {
  const out: [string, string][] = [];
  for (const [name, value] of Object.entries(wire)) {
    if (placed.has(name) || / (Blocks|I\/O .* Time)$/.test(name) || value === null || value === 0) continue;
    const written = Array.isArray(value) ? value.map((each) => (typeof each === "object" ? JSON.stringify(each) : String(each))).join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value);
    out.push([name, written]);
  }
  return out;
}

function notesOf(top: Wire): string[] {
  const out: string[] = [];
  for (const trigger of Array.isArray(top.Triggers) ? top.Triggers.filter(isWire) : []) {
    out.push(`Trigger ${text(trigger["Trigger Name"]) ?? text(trigger["Constraint Name"]) ?? ""}: ${(number(trigger.Time) ?? 0).toFixed(1)} ms in ${number(trigger.Calls) ?? 0} calls`);
  }
  const jit = isWire(top.JIT) && isWire(top.JIT.Timing) ? number(top.JIT.Timing.Total) : undefined;
  if (jit !== undefined) out.push(`Compilation of the plan (JIT): ${jit.toFixed(1)} ms`);
  return out;
}

const sum = (list: number[]): number => list.reduce((all, each) => all + each, 0);
const ratio = (part: number, whole: number): number => (whole > 0 ? Math.min(1, part / whole) : 0);
const isWire = (value: unknown): value is Wire => typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
