import { useMutation } from "@tanstack/react-query";
import { Play, TriangleAlert } from "lucide-react";
import { lazy, Suspense, useState, type ReactNode } from "react";
import { CopyButton } from "@/components/copy-button";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { useToast } from "@/components/ui/toast";
import { cn } from "@/lib/cn";
import { SqlError } from "@/lib/meta";
import { migrationName } from "@/lib/migration-name";
import { useHere, useSchemaChanged } from "@/lib/project-data";

const SqlText = lazy(() => import("@/components/sql-text"));

/** SQL to read and to copy. */
export function SqlPreview({ sql, label = "SQL", badLine, className }: { sql: string; label?: string; badLine?: number; className?: string }) {
  return (
    <div className="relative min-w-0">
      <pre
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keyboard
        tabIndex={0}
        role="region"
        aria-label={label}
        data-testid="sql-preview"
        className={cn("max-h-72 overflow-auto rounded-md border border-border bg-surface p-3 pr-10 font-mono text-xs leading-[18px] whitespace-pre-wrap [overflow-wrap:anywhere]", className)}
      >
        <Suspense fallback={<span data-loading>{sql}</span>}>
          <SqlText sql={sql} badLine={badLine} />
        </Suspense>
      </pre>
      <CopyButton value={sql} what="SQL" className="absolute top-1.5 right-2 bg-surface" />
    </div>
  );
}

interface Props {
  open: boolean;
  title: ReactNode;
  /** One statement or many: they run as one transaction, as the owner. */
  sql: string;
  /** What the migration is called among those that ran: "create table notes". */
  name: string;
  /** What it does and to whom, where the title and the SQL do not tell. */
  about?: ReactNode;
  /** What is lost by it, or may go wrong. */
  danger?: ReactNode;
  /** Whether it is still being counted what is lost by it: until that is known it does not run. */
  counting?: boolean;
  /** Must be typed first, for what has data in it. */
  typed?: string;
  /** The button's verb. */
  verb?: string;
  /** What the toast says once it ran. */
  done?: string;
  /** Whether it is no change of the schema, such as vacuum, and not kept among the migrations. */
  unrecorded?: boolean;
  /** It ran, and what the console shows of the schema was asked for again. */
  onDone: () => void;
  onClose: () => void;
}

/** Shows the SQL of a change of the schema, and runs it: kept as a migration, all of it or none. */
export function SqlReview({ open, title, onClose, ...rest }: Props) {
  return (
    <Dialog open={open} onOpenChange={(next) => !next && onClose()} title={title} className="max-w-[680px]">
      <Review onClose={onClose} {...rest} />
    </Dialog>
  );
}

function Review({ sql, name, about, danger, counting, typed, verb, done, unrecorded, onDone, onClose }: Omit<Props, "open" | "title">) {
  const [text, setText] = useState("");
  const { meta } = useHere();
  const changed = useSchemaChanged();
  const toast = useToast();
  const run = useMutation({
    mutationFn: async () => void (await (unrecorded ? meta.query(sql) : meta.migrate(migrationName(name), sql))),
    onSuccess: async () => {
      await changed();
      if (done) toast(done);
      onDone();
    },
  });
  const ready = !typed || text.trim() === typed;
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        event.stopPropagation(); // a form that this dialog stands in is not meant
        if (ready && !counting && !run.isPending) run.mutate();
      }}
    >
      {about && <div className="text-sm text-muted">{about}</div>}
      {danger && <Danger>{danger}</Danger>}
      {counting && <p role="status" className="text-sm text-muted">Counting the values that would be lost</p>}
      <SqlPreview sql={sql} label="SQL that will run" badLine={lineOf(run.error, sql)} />
      {typed && (
        <Field
          label={
            <>
              Type <span className="font-mono select-all">{typed}</span> to confirm
            </>
          }
        >
          <Input value={text} onChange={(event) => setText(event.target.value)} autoComplete="off" autoCapitalize="off" spellCheck={false} autoFocus />
        </Field>
      )}
      {run.isError && <SqlFailure error={run.error} what="Nothing was changed" />}
      <p className="text-xs text-muted">{unrecorded ? "Runs as the project’s owner. It changes no schema, and is not kept among the migrations." : "Runs as the project’s owner in one transaction, and is kept among the migrations."}</p>
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant={danger ? "danger" : "primary"} disabled={!ready} aria-disabled={counting || undefined} busy={run.isPending} autoFocus={!typed}>
          {!run.isPending && !verb && <Play aria-hidden />}
          {verb ?? "Run"}
        </Button>
      </DialogFooter>
    </form>
  );
}

/** What is lost, said before it is. */
export function Danger({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <div className={cn("flex gap-2.5 rounded-md border border-danger/40 bg-danger-soft px-3 py-2 text-sm", className)}>
      <TriangleAlert className="mt-0.5 size-4 shrink-0 text-danger" aria-hidden />
      <div className="min-w-0 flex-1">{children}</div>
    </div>
  );
}

/** A statement that was refused, in Postgres' words, with its detail and hint. */
export function SqlFailure({ error, what, onRetry, retrying }: { error: unknown; what?: string; onRetry?: () => void; retrying?: boolean }) {
  const sql = error instanceof SqlError ? error : undefined;
  return (
    <ErrorState error={error} what={what} onRetry={onRetry} retrying={retrying}>
      {sql?.detail && <p className="mt-1 text-xs break-words text-muted">{sql.detail}</p>}
      {sql?.hint && <p className="mt-1 text-xs break-words">Hint: {sql.hint}</p>}
    </ErrorState>
  );
}

/** In which line of the text Postgres saw the fault, from 1. */
function lineOf(error: unknown, sql: string): number | undefined {
  if (!(error instanceof SqlError) || error.offset === undefined) return undefined;
  return Array.from(sql).slice(0, error.offset).filter((letter) => letter === "\n").length + 1;
}
