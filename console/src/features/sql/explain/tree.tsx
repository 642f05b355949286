import { ChevronDown, ChevronRight, TriangleAlert } from "lucide-react";
import { useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import type { Plan, PlanNode } from "@/features/sql/explain/plan";
import { precise } from "@/features/sql/explain/precise";
import { cn } from "@/lib/cn";
import { count } from "@/lib/format";

interface Line {
  node: PlanNode;
  level: number;
  parent?: number;
}

interface Props {
  plan: Plan;
  chosen: number;
  onChosen: (id: number) => void;
}

/** The steps of a plan as a tree: the arrows move, left and right close and open. */
export function PlanTree({ plan, chosen, onChosen }: Props) {
  const [closed, setClosed] = useState<ReadonlySet<number>>(new Set());
  const body = useRef<HTMLTableSectionElement>(null);
  const lines = linesOf(plan.root, closed);
  const ran = plan.root.loops !== undefined;
  const at = Math.max(0, lines.findIndex(({ node }) => node.id === chosen));

  const choose = (id: number) => {
    onChosen(id);
    body.current?.querySelector<HTMLElement>(`[data-step="${id}"]`)?.focus();
  };
  const toggle = (id: number, close: boolean) => {
    const next = new Set(closed);
    if (close) next.add(id);
    else next.delete(id);
    setClosed(next);
  };
  function onKeyDown(event: KeyboardEvent) {
    const line = lines[at];
    if (!line || event.altKey || event.ctrlKey || event.metaKey) return;
    const { node, parent } = line;
    const open = node.children.length > 0 && !closed.has(node.id);
    if (event.key === "ArrowDown" && lines[at + 1]) choose(lines[at + 1]!.node.id);
    else if (event.key === "ArrowUp" && lines[at - 1]) choose(lines[at - 1]!.node.id);
    else if (event.key === "Home") choose(lines[0]!.node.id);
    else if (event.key === "End") choose(lines.at(-1)!.node.id);
    else if (event.key === "ArrowRight" && open) choose(node.children[0]!.id);
    else if (event.key === "ArrowRight" && node.children.length > 0) toggle(node.id, false);
    else if (event.key === "ArrowLeft" && open) toggle(node.id, true);
    else if (event.key === "ArrowLeft" && parent !== undefined) choose(parent);
    else return;
    event.preventDefault();
  }

  return (
    <table role="treegrid" aria-label="Plan" className="w-full min-w-[660px] border-separate border-spacing-0 text-xs" onKeyDown={onKeyDown}>
      <thead className="text-left text-muted">
        <tr>
          <Head>Step</Head>
          <Head className="w-44">{ran ? "Own time" : "Own cost"}</Head>
          <Head right>Rows</Head>
          <Head right>Expected</Head>
          <Head right>Cost</Head>
        </tr>
      </thead>
      <tbody ref={body}>
        {lines.map(({ node, level }) => (
          <tr
            key={node.id}
            data-step={node.id}
            aria-level={level}
            aria-selected={node.id === chosen}
            aria-expanded={node.children.length > 0 ? !closed.has(node.id) : undefined}
            tabIndex={node.id === lines[at]!.node.id ? 0 : -1}
            onClick={() => choose(node.id)}
            className="group cursor-default hover:bg-hover/60 focus-visible:-outline-offset-2 aria-selected:bg-accent-soft"
          >
            <Cell>
              <span className="flex min-w-0 items-center gap-1" style={{ paddingLeft: (level - 1) * 16 }}>
                <Fold node={node} closed={closed.has(node.id)} onToggle={toggle} />
                <span className="font-medium whitespace-nowrap">{node.type}</span>
                <span className="truncate font-mono text-muted">{[node.role, node.subject].filter(Boolean).join(" ")}</span>
                {node.warnings.length > 0 && <TriangleAlert className="size-3.5 shrink-0 text-warning" aria-label={node.warnings.join(" ")} />}
              </span>
            </Cell>
            <Cell>
              <span className="flex items-center gap-2">
                <span className="h-2 w-20 shrink-0 overflow-hidden rounded-sm bg-hover group-aria-selected:bg-border" aria-hidden>
                  <span className={cn("block h-full", node.share >= 0.5 ? "bg-danger" : node.share >= 0.2 ? "bg-warning" : "bg-accent")} style={{ width: `${Math.max(node.share * 100, node.share > 0 ? 2 : 0)}%` }} />
                </span>
                <span className="whitespace-nowrap tabular-nums">{ran ? precise(node.ownMilliseconds) : Math.round(node.share * 100) + " %"}</span>
              </span>
            </Cell>
            <Cell right>{!ran ? "—" : node.loops ? count(node.rows ?? 0) : "never ran"}</Cell>
            <Cell right>{count(Math.round(node.planRows * Math.max(node.loops ?? 1, 1)))}</Cell>
            <Cell right>{node.totalCost.toFixed(2)}</Cell>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Fold({ node, closed, onToggle }: { node: PlanNode; closed: boolean; onToggle: (id: number, close: boolean) => void }) {
  if (node.children.length === 0) return <span className="size-4 shrink-0" aria-hidden />;
  const Icon = closed ? ChevronRight : ChevronDown;
  return (
    <Icon
      className="size-4 shrink-0 text-faint hover:text-foreground"
      aria-hidden // the row says whether it is open, and the arrows open it
      onClick={(event) => {
        event.stopPropagation();
        onToggle(node.id, !closed);
      }}
    />
  );
}

function linesOf(node: PlanNode, closed: ReadonlySet<number>, level = 1, parent?: number): Line[] {
  const below = closed.has(node.id) ? [] : node.children.flatMap((child) => linesOf(child, closed, level + 1, node.id));
  return [{ node, level, parent }, ...below];
}

function Head({ right, className, children }: { right?: boolean; className?: string; children: string }) {
  return (
    <th scope="col" className={cn("sticky top-0 h-8 border-b border-border bg-surface px-3 font-medium whitespace-nowrap", right && "text-right", className)}>
      {children}
    </th>
  );
}

function Cell({ right, children }: { right?: boolean; children: ReactNode }) {
  return (
    <td className={cn("h-8 max-w-0 border-b border-border px-3 first:w-full", right && "max-w-none text-right whitespace-nowrap tabular-nums", !right && "overflow-hidden not-first:max-w-none")}>
      {children}
    </td>
  );
}
