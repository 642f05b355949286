import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { FileUp } from "lucide-react";
import { useState, type DragEvent } from "react";
import { ErrorState } from "@/components/error-state";
import { SqlReview } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Sheet } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useToast } from "@/components/ui/toast";
import { columnName, createTable, detect, keyOf, matchColumns, tableName, type NewColumn } from "@/features/tables/import/detect";
import { forgetImport, startImport, useImportJob, type Order } from "@/features/tables/import/job";
import { Mapping, NewColumns, PreviewTable } from "@/features/tables/import/mapping";
import { outcome } from "@/features/tables/import/progress";
import { ReadingFields } from "@/features/tables/import/reading";
import { ImportResult } from "@/features/tables/import/result";
import { preview, type Preview, type Reading } from "@/features/tables/import/source";
import { rowsKey } from "@/features/tables/use-rows";
import type { CatalogColumn } from "@/lib/catalog";
import { cn } from "@/lib/cn";
import { bytes } from "@/lib/format";
import { useCatalog, useHere, useNames } from "@/lib/project-data";

interface Props {
  schema: string;
  /** Without one, the file becomes a new table. */
  table: string | undefined;
  onClose: () => void;
}

/** A file whose rows go into a table, new or not. */
export function ImportSheet({ schema, table, onClose }: Props) {
  const { project, meta } = useHere();
  const job = useImportJob();
  const queries = useQueryClient();
  const toast = useToast();
  const mine = job?.ref === project.ref && (job.state === "running" || table === undefined || (job.schema === schema && job.table === table)) ? job : undefined;
  const [file, setFile] = useState<File>();

  async function start(order: Omit<Order, "ref">) {
    try {
      const ended = await startImport(meta, { ...order, ref: project.ref });
      await queries.invalidateQueries({ queryKey: rowsKey(project.ref, order.schema, order.table) });
      if (!order.dryRun) toast(`${order.file.name}: ${outcome(ended)}`);
    } catch (error) {
      toast(error instanceof Error ? error.message : "The import could not begin.");
    }
  }
  return (
    <Sheet open onOpenChange={(open) => !open && onClose()} title={table ? `Import into ${table}` : "New table from a file"} className="max-w-[720px]">
      {mine ? (
        <ImportResult
          job={mine}
          onClose={() => {
            forgetImport();
            onClose();
          }}
          onBack={() => {
            setFile(mine.dryRun ? mine.file : undefined);
            forgetImport();
          }}
        />
      ) : file ? (
        <Chosen key={`${file.name} ${file.size}`} file={file} schema={schema} table={table} onOther={() => setFile(undefined)} onStart={(order) => void start(order)} />
      ) : (
        <ChooseFile onFile={setFile} />
      )}
    </Sheet>
  );
}

function ChooseFile({ onFile }: { onFile: (file: File) => void }) {
  const [over, setOver] = useState(false);
  function drop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    const [file] = event.dataTransfer.files;
    if (file) onFile(file);
  }
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the input in it is what the keyboard reaches
    <label
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
      className={cn("flex cursor-pointer flex-col items-center gap-2 rounded-md border border-dashed border-border-strong px-4 py-12 text-center focus-within:outline-2 focus-within:outline-accent hover:bg-hover", over && "border-accent bg-accent-soft")}
    >
      <FileUp className="size-6 text-faint" aria-hidden />
      <span className="text-sm font-medium">Drop a file here, or choose one</span>
      <span className="text-xs text-muted">CSV, TSV, JSON or NDJSON, of any size: it is read and sent piece by piece.</span>
      <input type="file" aria-label="File" className="sr-only" accept=".csv,.tsv,.txt,.json,.ndjson,.jsonl,text/csv,application/json" onChange={(event) => event.target.files?.[0] && onFile(event.target.files[0])} />
    </label>
  );
}

interface ChosenProps {
  file: File;
  schema: string;
  table: string | undefined;
  onOther: () => void;
  onStart: (order: Omit<Order, "ref">) => void;
}

/** The file is there: how it is read, and where its values go. */
function Chosen({ file, schema, table, onOther, onStart }: ChosenProps) {
  const [said, setSaid] = useState<Partial<Reading>>({});
  const seen = useQuery({ queryKey: ["file", file.name, file.size, file.lastModified, said], queryFn: () => preview(file, said), gcTime: 0, staleTime: Infinity, retry: false });
  const columns = useCatalog("columns", { schema, table: table ?? "" }, { enabled: table !== undefined });
  return (
    <div className="flex flex-col gap-5">
      <div className="flex items-center gap-2">
        <p className="min-w-0 flex-1 truncate text-sm font-medium">
          {file.name} <span className="font-normal text-muted">{bytes(file.size)}</span>
        </p>
        <Button size="small" onClick={onOther}>
          Choose another file
        </Button>
      </div>
      {seen.isPending && <SkeletonRows rows={4} label="Reading the file" />}
      {seen.isError && <ErrorState error={seen.error} what="The file could not be read" />}
      {columns.isError && <ErrorState error={columns.error} what="The table's columns could not be loaded" onRetry={() => void columns.refetch()} />}
      {seen.data && (
        <>
          <ReadingFields reading={seen.data.reading} onChange={(next) => setSaid((old) => ({ ...old, ...next }))} />
          <PreviewTable fields={seen.data.fields} rows={seen.data.rows} />
          {table === undefined ? (
            <IntoNew key={JSON.stringify(said)} file={file} seen={seen.data} schema={schema} onStart={onStart} />
          ) : (
            columns.data && <IntoTable key={JSON.stringify(said)} file={file} seen={seen.data} schema={schema} table={table} columns={columns.data} onStart={onStart} />
          )}
        </>
      )}
    </div>
  );
}

type Conflicts = Order["onConflict"];

function IntoTable({ file, seen, schema, table, columns, onStart }: Omit<ChosenProps, "onOther" | "table"> & { seen: Preview; table: string; columns: CatalogColumn[] }) {
  const [mapping, setMapping] = useState(() => matchColumns(seen.fields, columns.filter((each) => !each.generated && each.identity !== "always").map((each) => each.name)));
  const [onConflict, setOnConflict] = useState<Conflicts>("error");
  const [keepGood, setKeepGood] = useState(true);
  const keyed = columns.some((each) => each.primary_key);
  const order = (dryRun: boolean) => onStart({ file, preview: { reading: seen.reading, fields: seen.fields }, schema, table, mapping, onConflict, keepGood, dryRun });
  const none = mapping.every((each) => each === undefined);
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event) => {
        event.preventDefault();
        order(false);
      }}
    >
      <Mapping fields={seen.fields} columns={columns} mapping={mapping} onChange={setMapping} />
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Rows whose key is there already">
          <Select value={onConflict} onChange={(event) => setOnConflict(event.target.value as Conflicts)}>
            <option value="error">Refuse them</option>
            <option value="skip">Leave them out</option>
            {keyed && <option value="update">Update what is there</option>}
          </Select>
        </Field>
        <Field label="When a row is refused">
          <Select value={keepGood ? "go" : "stop"} onChange={(event) => setKeepGood(event.target.value === "go")}>
            <option value="go">List it, and go on</option>
            <option value="stop">Stop there</option>
          </Select>
        </Field>
      </div>
      <div className="flex flex-wrap justify-end gap-2">
        <Button disabled={none} onClick={() => order(true)}>
          Check first
        </Button>
        <Button type="submit" variant="primary" disabled={none}>
          Import
        </Button>
      </div>
    </form>
  );
}

function IntoNew({ file, seen, schema, onStart }: Omit<ChosenProps, "onOther" | "table"> & { seen: Preview }) {
  const { names } = useNames();
  const { project } = useHere();
  const navigate = useNavigate({ from: "/projects/$ref/tables" });
  const [name, setName] = useState(() => tableName(file.name));
  const [columns, setColumns] = useState<(NewColumn & { kept: boolean })[]>(() =>
    seen.fields.map((field, at) => ({ name: columnName(field), type: detect(seen.rows.map((row) => row[at] ?? null)), kept: true })),
  );
  const [reviewing, setReviewing] = useState(false);
  const kept = columns.filter((each) => each.kept);
  const key = keyOf(columns, seen.rows);
  const doubled = kept.find((each, at) => kept.findIndex((other) => other.name === each.name) !== at)?.name;
  const fault = !name.trim() ? "Name the table." : kept.length === 0 ? "Keep at least one column." : kept.some((each) => !each.name.trim()) ? "Every column needs a name." : doubled ? `Two columns are called ${doubled}.` : undefined;
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event) => {
        event.preventDefault();
        setReviewing(true);
      }}
    >
      <Field label="Name of the table" hint={`In schema ${schema}. ${key ? `${key} becomes its key.` : "A column id is added as its key."}`}>
        <Input value={name} onChange={(event) => setName(event.target.value)} className="font-mono" spellCheck={false} autoComplete="off" />
      </Field>
      <NewColumns columns={columns} fields={seen.fields} onChange={setColumns} />
      {fault && (
        <p role="alert" className="text-xs text-danger">
          {fault}
        </p>
      )}
      <div className="flex justify-end">
        <Button type="submit" variant="primary" disabled={Boolean(fault) || !names}>
          Review and import
        </Button>
      </div>
      {names && reviewing && (
        <SqlReview
          open
          title={`Create ${name} and import ${file.name}`}
          about="The table is made first; row level security is on, so that only the owner reads it until a policy lets others. Then the rows go in."
          sql={createTable(names.qualified(schema, name), kept, key && kept.some((each) => each.name === key) ? key : undefined)}
          name={`create table ${name}`}
          verb="Create and import"
          onClose={() => setReviewing(false)}
          onDone={() => {
            setReviewing(false);
            onStart({ file, preview: { reading: seen.reading, fields: seen.fields }, schema, table: name, mapping: columns.map((each) => (each.kept ? each.name : undefined)), onConflict: "error", keepGood: true, dryRun: false });
            void navigate({ to: "/projects/$ref/tables/$schema/$table", params: { ref: project.ref, schema, table: name }, search: { import: true } });
          }}
        />
      )}
    </form>
  );
}
