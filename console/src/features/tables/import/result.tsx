import { Download } from "lucide-react";
import { SqlFailure } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { downloadBlob } from "@/features/tables/export/save";
import { writeCsv } from "@/features/tables/import/csv";
import { cancelImport, type Job } from "@/features/tables/import/job";
import { ImportBar, outcome } from "@/features/tables/import/progress";
import { counted } from "@/lib/format";

/** Of refused rows so many are listed; the file has all. */
const listed = 100;

/** How an import goes or went, and which rows were refused. */
export function ImportResult({ job, onBack, onClose }: { job: Job; onBack: () => void; onClose: () => void }) {
  const running = job.state === "running";
  return (
    <div className="flex flex-col gap-4">
      <p className="text-sm">
        {job.dryRun ? "Checking" : "Importing"} <span className="font-medium">{job.file.name}</span> {job.dryRun ? "for" : "into"} <span className="font-medium">{job.table}</span>
      </p>
      {running ? <ImportBar job={job} /> : <p role="status" className="text-sm font-medium">{outcome(job)}</p>}
      {running && !job.dryRun && <p className="text-xs text-muted">This sheet can be closed: the import goes on as long as the console is open.</p>}
      {job.error ? <SqlFailure error={job.error} what="The import ended early" /> : null}
      {job.refused.length > 0 && <RefusedRows job={job} />}
      <div className="flex flex-wrap justify-end gap-2">
        {running ? (
          <Button onClick={cancelImport}>Cancel</Button>
        ) : (
          <>
            <Button onClick={onBack}>{job.dryRun ? "Back" : "Import another file"}</Button>
            {!job.dryRun && (
              <Button variant="primary" onClick={onClose}>
                Done
              </Button>
            )}
          </>
        )}
      </div>
    </div>
  );
}

function RefusedRows({ job }: { job: Job }) {
  const rows = job.refused.slice(0, listed);
  function download() {
    const records = [[...job.preview.fields, "row", "error"], ...job.refused.map((each) => [...job.preview.fields.map((_, at) => each.values[at] ?? null), each.row, each.message])];
    downloadBlob(new Blob([writeCsv(records)], { type: "text/csv" }), `${job.file.name.replace(/\.[^.]*$/, "")}-refused.csv`);
  }
  return (
    <section aria-label="Refused rows" className="flex flex-col gap-2">
      <div className="flex items-center gap-2">
        <h3 className="flex-1 text-sm font-semibold">Refused rows</h3>
        <Button size="small" onClick={download}>
          <Download aria-hidden /> Download as CSV
        </Button>
      </div>
      <Table>
        <thead>
          <tr>
            <Th>Row</Th>
            <Th>Column</Th>
            <Th>Why</Th>
          </tr>
        </thead>
        <tbody>
          {rows.map((each) => (
            <Tr key={`${each.row} ${each.code}`}>
              <Td className="text-right tabular-nums">{each.row}</Td>
              <Td className="font-mono text-xs">{each.column ?? "—"}</Td>
              <Td className="py-1.5 text-xs break-words">{each.message}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {job.refused.length > rows.length && <p className="text-xs text-muted">The first {listed} are listed; the file has {counted(job.refused.length, "row")}.</p>}
      {job.failed > job.refused.length && <p className="text-xs text-muted">Of {counted(job.failed, "refused row")} the first {counted(job.refused.length, "row")} are kept with their reasons.</p>}
    </section>
  );
}
