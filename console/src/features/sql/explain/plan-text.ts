import type { Plan, PlanNode } from "@/features/sql/explain/plan";

/** A plan in lines, as psql shows it, to paste into a message. */
export function planText(plan: Plan): string {
  const out = lines(plan.root, 0, plan.root.loops !== undefined);
  if (plan.planningMilliseconds !== undefined) out.push(`Planning Time: ${plan.planningMilliseconds.toFixed(3)} ms`);
  out.push(...plan.notes);
  if (plan.executionMilliseconds !== undefined) out.push(`Execution Time: ${plan.executionMilliseconds.toFixed(3)} ms`);
  return out.join("\n");
}

function lines(node: PlanNode, depth: number, ran: boolean): string[] {
  const indent = "  ".repeat(depth);
  const cost = `(cost=${node.startupCost.toFixed(2)}..${node.totalCost.toFixed(2)} rows=${node.planRows} width=${node.width})`;
  const loops = node.loops ?? 0;
  const actual = !ran ? "" : loops === 0 ? " (never executed)" : ` (actual time=${(node.milliseconds ?? 0).toFixed(3)} ms rows=${node.rows} loops=${loops})`;
  const out = [...(node.role ? [`${indent}${node.role}`] : []), `${indent}${depth > 0 ? "->  " : ""}${node.type}${node.subject ? ` on ${node.subject}` : ""}  ${cost}${actual}`];
  const inner = `${indent}${depth > 0 ? "      " : "  "}`;
  for (const [label, value] of node.details) out.push(`${inner}${label}: ${value}`);
  if (node.buffers) {
    const { hit, read, dirtied, written, tempRead, tempWritten } = node.buffers;
    const shared = Object.entries({ hit, read, dirtied, written }).filter(([, blocks]) => blocks > 0);
    const temp = Object.entries({ read: tempRead, written: tempWritten }).filter(([, blocks]) => blocks > 0);
    const told = [shared, temp].map((list, at) => list.length > 0 && `${at ? "temp" : "shared"} ${list.map(([name, blocks]) => `${name}=${blocks}`).join(" ")}`).filter(Boolean);
    if (told.length > 0) out.push(`${inner}Buffers: ${told.join(", ")}`);
  }
  return [...out, ...node.children.flatMap((child) => lines(child, depth + (depth > 0 ? 3 : 1), ran))];
}
