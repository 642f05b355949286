import { TriangleAlert } from "lucide-react";
import { useState } from "react";
import { CopyButton } from "@/components/copy-button";
import { Button } from "@/components/ui/button";
import { flat, type Plan, type PlanNode } from "@/features/sql/explain/plan";
import { planText } from "@/features/sql/explain/plan-text";
import { PlanTree } from "@/features/sql/explain/tree";
import { precise } from "@/features/sql/explain/precise";
import { bytes, count, took } from "@/lib/format";

type View = "tree" | "text" | "json";
const views: [View, string][] = [
  ["tree", "Tree"],
  ["text", "Text"],
  ["json", "JSON"],
];

/** How Postgres carries a statement out: as a tree, and as it tells it. */
export function PlanView({ plan, analyzed, milliseconds }: { plan: Plan; analyzed: boolean; milliseconds: number }) {
  const [view, setView] = useState<View>("tree");
  const [chosen, setChosen] = useState(plan.root.id);
  const node = flat(plan.root).find(({ id }) => id === chosen) ?? plan.root;
  const text = view === "json" ? JSON.stringify(plan.json, null, 2) : planText(plan);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex min-h-9 shrink-0 items-center gap-x-2 border-b border-border bg-surface px-2">
        <div role="group" aria-label="Show the plan as" className="flex gap-0.5">
          {views.map(([key, words]) => (
            <Button key={key} size="small" variant="ghost" aria-pressed={view === key} onClick={() => setView(key)} className="aria-pressed:bg-hover aria-pressed:text-foreground">
              {words}
            </Button>
          ))}
        </div>
        <p role="status" className="min-w-0 flex-1 truncate px-1 text-xs text-muted tabular-nums">
          {analyzed ? `Took ${precise(plan.executionMilliseconds)}, planned in ${precise(plan.planningMilliseconds)}. What it changed was rolled back.` : `A plan only: it did not run. Asked for in ${took(milliseconds)}.`}
        </p>
        <CopyButton value={text} what={view === "json" ? "plan as JSON" : "plan as text"} label="Copy" />
      </div>
      {view === "tree" ? (
        <div className="flex min-h-0 flex-1 max-lg:flex-col max-lg:overflow-y-auto">
          <div className="min-w-0 flex-1 lg:overflow-auto">
            <Warnings plan={plan} onChosen={setChosen} />
            <PlanTree plan={plan} chosen={node.id} onChosen={setChosen} />
          </div>
          <Details node={node} analyzed={analyzed} />
        </div>
      ) : (
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keyboard
        <pre tabIndex={0} role="region" aria-label="Plan" className="min-h-0 flex-1 overflow-auto p-4 font-mono text-xs leading-5 focus-visible:-outline-offset-2">
          {text}
        </pre>
      )}
    </div>
  );
}

function Warnings({ plan, onChosen }: { plan: Plan; onChosen: (id: number) => void }) {
  if (plan.warnings.length === 0 && plan.notes.length === 0) return null;
  return (
    <ul className="flex flex-col gap-1 border-b border-border bg-warning-soft px-3 py-2 text-xs" aria-label="What stands out">
      {plan.warnings.map(({ node, text }) => (
        <li key={`${node.id} ${text}`} className="flex gap-2">
          <TriangleAlert className="mt-0.5 size-3.5 shrink-0 text-warning" aria-hidden />
          <span>
            <button type="button" className="font-medium underline-offset-4 hover:underline" onClick={() => onChosen(node.id)}>
              {node.type}
            </button>
            : {text}
          </span>
        </li>
      ))}
      {plan.notes.map((note) => (
        <li key={note} className="pl-5 text-muted">
          {note}
        </li>
      ))}
    </ul>
  );
}

const block = (n: number): string => `${count(n)} (${bytes(n * 8192)})`;

function Details({ node, analyzed }: { node: PlanNode; analyzed: boolean }) {
  const rows: [string, string][] = [
    ["Cost", `${node.startupCost.toFixed(2)} … ${node.totalCost.toFixed(2)}`],
    ["Rows expected", `${count(node.planRows)} of ${node.width} bytes`],
  ];
  if (analyzed) {
    rows.push(["Rows found", node.loops ? count(node.rows ?? 0) : "never ran"], ["Loops", count(node.loops ?? 0)], ["Time", `${precise(node.milliseconds)}, ${precise(node.ownMilliseconds)} of it its own`]);
  }
  if (node.buffers) {
    const { hit, read, dirtied, written, tempRead, tempWritten } = node.buffers;
    for (const [name, blocks] of Object.entries({ "Blocks in memory": hit, "Blocks read": read, "Blocks changed": dirtied, "Blocks written": written, "Temporary read": tempRead, "Temporary written": tempWritten })) {
      if (blocks > 0) rows.push([name, block(blocks)]);
    }
  }
  rows.push(...node.details);
  return (
    <aside className="shrink-0 overflow-auto border-border p-3 max-lg:border-t lg:w-80 lg:border-l" aria-label="The chosen step">
      <h2 className="text-sm font-medium">{node.type}</h2>
      {(node.subject || node.role) && <p className="font-mono text-xs break-all text-muted">{[node.subject, node.role].filter(Boolean).join(" · ")}</p>}
      <dl className="mt-2 grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 text-xs">
        {rows.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="font-mono break-words tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
      {node.warnings.map((text) => (
        <p key={text} className="mt-2 flex gap-2 text-xs">
          <TriangleAlert className="mt-0.5 size-3.5 shrink-0 text-warning" aria-hidden /> {text}
        </p>
      ))}
    </aside>
  );
}
