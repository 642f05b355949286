import { ResultGrid } from "@/components/data-grid/result-grid";
import { SqlFailure } from "@/components/sql-preview";
import { SkeletonRows } from "@/components/ui/skeleton";
import { counted } from "@/lib/format";
import type { Result } from "@/lib/meta";

export interface Answer {
  result: Result;
  /** Milliseconds, the way there and back included. */
  took: number;
}

/** What a call answered with. */
export function CallResult({ answer, error, pending, name }: { answer: Answer | undefined; error: unknown; pending: boolean; name: string }) {
  if (pending) return <SkeletonRows rows={3} label={`Calling ${name}`} />;
  if (error) return <SqlFailure error={error} what={`${name} failed`} />;
  if (!answer) return null;
  const { result, took } = answer;
  const nothing = result.columns.length === 0 || result.columns.every(({ type }) => type === "void");
  return (
    <section className="flex flex-col gap-2" aria-label="Answer">
      <p role="status" className="text-sm">
        <span className="font-medium">{nothing ? "Done." : `${counted(result.rows.length, "row")}.`}</span>{" "}
        <span className="text-muted tabular-nums">
          {took} ms{result.truncated && ", the first rows only"}
        </span>
      </p>
      {result.notices.map((notice, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- notices are told apart by their place
        <p key={at} className="font-mono text-xs break-words text-muted">
          {notice}
        </p>
      ))}
      {!nothing && result.rows.length > 0 && (
        <div className="flex flex-col overflow-hidden rounded-md border border-border" style={{ height: Math.min(360, 64 + result.rows.length * 34) }}>
          <ResultGrid columns={result.columns} rows={result.rows} label={`Answer of ${name}`} />
        </div>
      )}
    </section>
  );
}
