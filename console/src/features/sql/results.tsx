import { Tabs } from "radix-ui";
import { useEffect, useState } from "react";
import { CopyButton } from "@/components/copy-button";
import { ErrorState } from "@/components/error-state";
import { csv, Grid } from "@/features/sql/grid";
import type { Run } from "@/features/sql/run";
import { counted, took } from "@/lib/format";
import { SqlError, type Result } from "@/lib/meta";

interface Props {
  run: Run;
  /** Which of several results is shown, from 1; the last when not said. */
  shown: number | undefined;
  onShow: (index: number) => void;
  onRetry: () => void;
}

export function Results({ run, shown, onShow, onRetry }: Props) {
  if (run.state === "idle") {
    return <p className="px-4 py-3 text-sm text-muted">Results stand here. With a selection only the selected text is run.</p>;
  }
  if (run.state === "running") return <Running since={run.since} />;
  if (run.state === "cancelled") return <p className="px-4 py-3 text-sm text-muted">Cancelled. Nothing of it was kept unless it was committed before.</p>;
  if (run.state === "failed") return <Failed error={run.error} onRetry={onRetry} />;
  const results = run.results;
  if (results.length === 0) return <p className="px-4 py-3 text-sm text-muted">There was nothing to run.</p>;
  const index = Math.min(Math.max((shown ?? results.length) - 1, 0), results.length - 1);
  const result = results[index]!;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex min-h-9 shrink-0 items-center gap-x-3 max-sm:flex-wrap border-b border-border bg-surface pr-1 pl-1">
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
        <p role="status" className="min-w-0 flex-1 truncate px-2 text-xs text-muted tabular-nums">
          {summary(result)} · {results.length > 1 ? `${results.length} statements in ` : ""}
          {took(run.milliseconds)}
        </p>
        {result.columns.length > 0 && <CopyButton value={csv(result)} what="result as CSV" label="Copy CSV" />}
      </div>
      {result.notices.length > 0 && (
        <ul className="shrink-0 border-b border-border bg-warning-soft px-4 py-2 text-xs">
          {result.notices.map((notice, number) => (
            <li key={number}>Notice: {notice}</li>
          ))}
        </ul>
      )}
      <div className="min-h-0 flex-1">
        {result.columns.length > 0 ? <Grid key={`${run.at}-${index}`} result={result} /> : <p className="px-4 py-3 text-sm text-muted">Done. This statement answers no rows.</p>}
      </div>
    </div>
  );
}

function word(result: Result): string {
  return result.command.split(" ").slice(0, 2).join(" ").toLowerCase().replace(/ \d+$/, "") || "done";
}

function summary(result: Result): string {
  if (result.columns.length === 0) return result.command || "Done";
  const rows = counted(result.rowCount, "row");
  return result.truncated ? `The first ${counted(result.rows.length, "row")}; there are more` : rows;
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
    <div className="overflow-auto p-4">
      <ErrorState error={error} onRetry={onRetry}>
        {sql?.detail && <p className="mt-1 text-xs text-muted">{sql.detail}</p>}
        {sql?.hint && <p className="mt-1 text-xs">Hint: {sql.hint}</p>}
      </ErrorState>
    </div>
  );
}
