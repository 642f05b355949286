import { ChartColumn, Rows3 } from "lucide-react";
import { Tabs } from "radix-ui";
import { lazy, memo, Suspense, useEffect, useState } from "react";
import { ResultGrid } from "@/components/data-grid/result-grid";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { ExportMenu } from "@/features/sql/results/export-menu";
import type { Run } from "@/features/sql/run";
import type { ChartChoice } from "@/features/sql/tabs/store";
import { tokenize } from "@/features/sql/text/tokens";
import { apple } from "@/features/sql/toolbar";
import { counted, took } from "@/lib/format";
import { SqlError, type As, type Result } from "@/lib/meta";

// What is drawn of a result stays as it is while the text above is written.
const Rows = memo(ResultGrid);
const ChartView = lazy(() => import("@/features/sql/results/chart-view").then((module) => ({ default: memo(module.ChartView) })));
const PlanView = lazy(() => import("@/features/sql/explain/view").then((module) => ({ default: memo(module.PlanView) })));

interface Props {
  run: Run;
  /** Puts an example into the editor, while that is empty. */
  onExample: (() => void) | undefined;
  /** Which of several results is shown, from 1; the last when not said. */
  shown: number | undefined;
  onShow: (index: number) => void;
  onRetry: () => void;
  /** How the result is drawn; as rows when not said. */
  view: "chart" | undefined;
  onView: (view: "chart" | undefined) => void;
  chart: ChartChoice | undefined;
  onChart: (choice: ChartChoice) => void;
  as: As | undefined;
  /** What files of it are called. */
  name: string;
}

export function Results(props: Props) {
  const { run, onRetry } = props;
  if (run.state === "idle") return <Hint onExample={props.onExample} />;
  if (run.state === "running") return <Running since={run.since} />;
  if (run.state === "cancelled") return <p className="px-4 py-3 text-sm text-muted">Cancelled. Nothing of it was kept unless it was committed before.</p>;
  if (run.state === "failed") return <Failed error={run.error} onRetry={onRetry} />;
  if (run.plan) {
    return (
      <Suspense>
        <PlanView key={run.at} plan={run.plan} analyzed={run.analyzed ?? false} milliseconds={run.milliseconds} />
      </Suspense>
    );
  }
  if (run.results.length === 0) return <p className="px-4 py-3 text-sm text-muted">There was nothing to run.</p>;
  return <Done {...props} run={run} />;
}

function Done({ run, shown, onShow, view, onView, chart, onChart, as, name }: Props & { run: Run & { state: "done" } }) {
  const { results } = run;
  const index = Math.min(Math.max((shown ?? results.length) - 1, 0), results.length - 1);
  const result = results[index]!;
  const text = run.texts.length === results.length ? run.texts[index] : undefined;
  const drawn = view === "chart" && result.columns.length > 0;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex min-h-9 shrink-0 items-center gap-x-1 border-b border-border bg-surface px-1 max-sm:flex-wrap">
        {results.length > 1 && (
          <Tabs.Root value={String(index)} onValueChange={(value) => onShow(Number(value) + 1)} className="min-w-0 max-sm:w-full">
            <Tabs.List aria-label="Results" className="flex overflow-x-auto">
              {results.map((each, number) => (
                <Tabs.Trigger
                  key={number}
                  value={String(number)}
                  className="h-9 border-b-2 border-transparent px-2.5 text-xs whitespace-nowrap text-muted hover:text-foreground focus-visible:-outline-offset-2 data-[state=active]:border-accent data-[state=active]:text-foreground"
                >
                  {number + 1} · {word(each)}
                </Tabs.Trigger>
              ))}
            </Tabs.List>
          </Tabs.Root>
        )}
        <p role="status" className="min-w-24 flex-1 truncate px-2 text-xs text-muted tabular-nums">
          <Summary result={result} limit={run.limit} /> · {results.length > 1 ? `${results.length} statements in ` : ""}
          {took(run.milliseconds)}
        </p>
        {result.columns.length > 0 && (
          <>
            <Button size="small" variant="ghost" aria-pressed={drawn} onClick={() => onView(drawn ? undefined : "chart")}>
              {drawn ? <Rows3 aria-hidden /> : <ChartColumn aria-hidden />} {drawn ? "Rows" : "Chart"}
            </Button>
            <ExportMenu result={result} text={text !== undefined && streamable(text) ? text : undefined} as={as} name={name} />
          </>
        )}
      </div>
      {result.notices.length > 0 && (
        <ul className="max-h-24 shrink-0 overflow-y-auto border-b border-border bg-warning-soft px-4 py-2 text-xs" aria-label="Notices">
          {result.notices.map((notice, number) => (
            <li key={number}>Notice: {notice}</li>
          ))}
        </ul>
      )}
      <div className="min-h-0 flex-1">
        {result.columns.length === 0 && <p className="px-4 py-3 text-sm text-muted">Done. This statement answers no rows.</p>}
        {result.columns.length > 0 && !drawn && <Rows key={`${run.at}-${index}`} columns={result.columns} rows={result.rows} />}
        {drawn && (
          <Suspense>
            <ChartView result={result} choice={chart} onChange={onChart} />
          </Suspense>
        )}
      </div>
    </div>
  );
}

/** Only what answers rows and changes nothing is asked again for an export. */
function streamable(text: string): boolean {
  const words = tokenize(text).filter((each) => each.kind === "word");
  return ["select", "values", "table", "with", "show"].includes(words[0]?.text ?? "") && !words.some((each) => ["insert", "update", "delete", "merge", "into"].includes(each.text));
}

function word(result: Result): string {
  return result.command.split(" ").slice(0, 2).join(" ").toLowerCase().replace(/ \d+$/, "") || "done";
}

const deeds: Record<string, string> = { insert: "inserted", update: "changed", delete: "deleted", merge: "merged", copy: "copied" };

function Summary({ result, limit }: { result: Result; limit: number }) {
  const deed = deeds[result.command.split(" ")[0]!.toLowerCase()];
  if (result.columns.length === 0) return deed ? `${counted(result.rowCount, "row")} ${deed}` : result.command || "Done";
  if (!result.truncated) return counted(result.rowCount, "row");
  const why = result.rows.length >= limit ? "there are more: raise the limit, or export all" : "more would be too large for one answer: ask for fewer columns, or export all";
  return (
    <span className="text-warning">
      The first {counted(result.rows.length, "row")}; {why}
    </span>
  );
}

const keys = [
  [apple ? "⌘ ↵" : "Ctrl ↵", "run all of it, or what is selected"],
  [apple ? "⇧ ⌘ ↵" : "Ctrl Shift ↵", "run the statement at the cursor"],
  [apple ? "⇧ ⌥ F" : "Shift Alt F", "format"],
  [apple ? "⌘ S" : "Ctrl S", "save as a snippet"],
] as const;

function Hint({ onExample }: { onExample: (() => void) | undefined }) {
  return (
    <div className="flex flex-col items-start gap-3 p-4 text-sm text-muted">
      <p>Results stand here.</p>
      <dl className="grid grid-cols-[auto_1fr] items-baseline gap-x-3 gap-y-1 text-xs">
        {keys.map(([key, words]) => (
          <div key={key} className="contents">
            <dt>
              <kbd className="rounded border border-border px-1 font-mono whitespace-nowrap">{key}</kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      {onExample && (
        <Button size="small" onClick={onExample}>
          Insert an example
        </Button>
      )}
    </div>
  );
}

function Running({ since }: { since: number }) {
  const [elapsed, setElapsed] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setElapsed(performance.now() - since), 100);
    return () => clearInterval(timer);
  }, [since]);
  return (
    <p role="status" className="delayed px-4 py-3 text-sm text-muted tabular-nums">
      Running for {took(elapsed)}
    </p>
  );
}

function Failed({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const sql = error instanceof SqlError ? error : undefined;
  return (
    <div className="h-full overflow-auto p-4">
      <ErrorState error={error} onRetry={onRetry}>
        {sql?.detail && <p className="mt-1 text-xs text-muted">{sql.detail}</p>}
        {sql?.hint && <p className="mt-1 text-xs">Hint: {sql.hint}</p>}
      </ErrorState>
    </div>
  );
}
