import { useMutation } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import { SqlFailure } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/input";
import { useToast } from "@/components/ui/toast";
import { chooseTarget, counting } from "@/features/tables/export/save";
import { insertStatements } from "@/features/tables/export/sql";
import { isComputed } from "@/features/tables/kind";
import { exportRows, type Asked } from "@/features/tables/read";
import { parseKey } from "@/features/tables/row-key";
import type { Chosen } from "@/features/tables/use-selection";
import type { TableInfo } from "@/features/tables/use-table";
import { bytes, counted } from "@/lib/format";
import type { As } from "@/lib/meta";
import { useHere } from "@/lib/project-data";

/** Of all rows that are shown, or of those that are chosen. */
export type ExportOf = { of: "shown" } | { of: "chosen"; chosen: Chosen };

interface Props {
  info: TableInfo;
  as: As | undefined;
  asked: Asked;
  total: number | undefined;
  /** Names of the columns that are shown, in their order. */
  shown: string[];
  what: ExportOf;
  onClose: () => void;
}

const formats = { csv: "CSV", json: "JSON", ndjson: "NDJSON: one object a line", sql: "SQL: insert statements" };
type Format = keyof typeof formats;

/** Writes rows to a file, as they come. */
export function ExportDialog({ info, as, asked, total, shown, what, onClose }: Props) {
  const { meta } = useHere();
  const toast = useToast();
  const [format, setFormat] = useState<Format>("csv");
  const [which, setWhich] = useState<"all" | "shown">("all");
  const [done, setDone] = useState(0);
  const [abort, setAbort] = useState<AbortController>();
  const { relation, table } = info;
  const hidden = shown.length < relation.columns.length;
  const some = what.of === "chosen" ? what.chosen : undefined;
  const number = some ? (some.all ? undefined : some.rows.size) : total;

  const run = useMutation({
    mutationFn: async () => {
      const name = `${table.name}.${format}`;
      const target = await chooseTarget(name);
      if (!target) return false;
      const mine = new AbortController();
      setAbort(mine);
      const { signal } = mine;
      const columns = which === "all" ? relation.columns : shown.flatMap((each) => relation.columns.find((column) => column.name === each) ?? []);
      const of = { ...relation, columns };
      const keys = some && !some.all ? [...some.rows.keys()].map((key) => parseKey(key) ?? []) : undefined;
      const except = some?.all ? [...some.rows.keys()].map((key) => parseKey(key) ?? []) : [];
      const statement = exportRows(of, asked, format === "sql", keys, except);
      let stream = (await meta.exportRows({ ...statement, format: format === "sql" ? "ndjson" : format, as }, signal)).pipeThrough(counting(setDone));
      if (format === "sql") {
        const written = columns.filter((each) => !isComputed(each));
        stream = stream.pipeThrough(insertStatements(relation.names.qualified(table.schema, table.name), written.map((each) => each.name)));
      }
      await target.write(stream, signal);
      toast(`${name} was written.`);
      return true;
    },
    onSuccess: (written) => written && onClose(),
  });
  const cancelled = run.isError && abort?.signal.aborted;

  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (open) return;
        abort?.abort();
        onClose();
      }}
      title={`Export ${some ? "chosen rows" : "rows"} of ${table.name}`}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          run.mutate();
        }}
      >
        <p className="text-sm text-muted">
          {number === undefined ? "All rows that match" : counted(number, "row")}
          {!some && asked.filter ? " that match the filter" : ""}
          {as ? ", as this role sees them" : ""}. They are written as they come, however many there are.
        </p>
        <Field label="Format">
          <Select value={format} onChange={(event) => setFormat(event.target.value as Format)} disabled={run.isPending}>
            {Object.entries(formats).map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Select>
        </Field>
        {hidden && (
          <Field label="Columns">
            <Select value={which} onChange={(event) => setWhich(event.target.value as "all" | "shown")} disabled={run.isPending}>
              <option value="all">All {relation.columns.length}</option>
              <option value="shown">The {shown.length} that are shown, in their order</option>
            </Select>
          </Field>
        )}
        {run.isError && !cancelled && <SqlFailure error={run.error} what="The export ended early" />}
        {run.isPending && (
          <p role="status" className="text-sm text-muted tabular-nums">
            {done > 0 ? `${bytes(done)} written` : "Waiting for the first row"}
          </p>
        )}
        <DialogFooter>
          <Button
            onClick={() => {
              abort?.abort();
              if (!run.isPending) onClose();
            }}
          >
            Cancel
          </Button>
          <Button type="submit" variant="primary" busy={run.isPending}>
            {!run.isPending && <Download aria-hidden />} Export
          </Button>
        </DialogFooter>
      </form>
    </Dialog>
  );
}
