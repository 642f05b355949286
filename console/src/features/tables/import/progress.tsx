import { useNavigate } from "@tanstack/react-router";
import { Button } from "@/components/ui/button";
import { cancelImport, forgetImport, useImportJob, type Job } from "@/features/tables/import/job";
import { bytes, count, counted, took } from "@/lib/format";
import { useHere } from "@/lib/project-data";

/** How far an import is, in bytes and rows. */
export function ImportBar({ job }: { job: Job }) {
  const share = job.file.size === 0 ? 100 : Math.round((job.bytes / job.file.size) * 100);
  return (
    <div className="flex flex-col gap-1">
      <div role="progressbar" aria-label={`Import of ${job.file.name}`} aria-valuenow={share} aria-valuemin={0} aria-valuemax={100} className="h-1.5 overflow-hidden rounded bg-hover">
        <div className="h-full bg-accent transition-[width]" style={{ width: `${share}%` }} />
      </div>
      <p className="text-xs text-muted tabular-nums">
        {share}% · {bytes(job.bytes)} of {bytes(job.file.size)} · {counted(job.rows, "row")}
        {job.failed > 0 && `, ${count(job.failed)} refused`}
      </p>
    </div>
  );
}

/** What became of an import, in a sentence. */
export function outcome(job: Job): string {
  const time = job.endedAt ? ` in ${took(job.endedAt - job.startedAt)}` : "";
  const refused = job.failed > 0 ? ` ${counted(job.failed, "row")} refused.` : "";
  const rows = counted(job.inserted, "row");
  if (job.dryRun) return job.failed === 0 ? `All ${counted(job.rows, "row")} can be imported.` : `${counted(job.rows - job.failed, "row")} of ${count(job.rows)} can be imported.${refused}`;
  switch (job.state) {
    case "done":
      return `${rows} imported${time}.${refused}`;
    case "cancelled":
      return `Cancelled. ${rows} had been imported, and stay.${refused}`;
    case "stopped":
      return `Stopped at a refused row. ${rows} before it had been imported, and stay.`;
    default:
      return `The import ended early. ${rows} had been imported, and stay.`;
  }
}

/** The import into a table that goes on while its sheet is closed. */
export function ImportProgress({ schema, table }: { schema: string; table: string }) {
  const { project } = useHere();
  const job = useImportJob();
  const navigate = useNavigate({ from: "/projects/$ref/tables" });
  if (!job || job.ref !== project.ref || job.schema !== schema || job.table !== table || job.dryRun) return null;
  if (job.state === "done" && job.failed === 0) return null;
  return (
    <div className="flex shrink-0 flex-wrap items-center gap-3 border-b border-border bg-surface px-3 py-1.5">
      <div className="min-w-0 flex-1 basis-60">{job.state === "running" ? <ImportBar job={job} /> : <p role="status" className="text-sm">{outcome(job)}</p>}</div>
      <Button size="small" onClick={() => void navigate({ to: ".", search: (old) => ({ ...old, import: true }) })}>
        Details
      </Button>
      {job.state === "running" ? (
        <Button size="small" onClick={cancelImport}>
          Cancel
        </Button>
      ) : (
        <Button size="small" variant="ghost" onClick={forgetImport}>
          Dismiss
        </Button>
      )}
    </div>
  );
}
