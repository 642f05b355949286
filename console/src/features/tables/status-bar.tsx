import { Copy, Download, RefreshCw, Trash2, X } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import type { Changes, Draft } from "@/features/tables/use-changes";
import { Conflict } from "@/features/tables/use-changes";
import type { Total } from "@/features/tables/use-rows";
import { describe } from "@/lib/errors";
import { count, counted } from "@/lib/format";

interface Props {
  total: Total | undefined;
  counting: boolean;
  filtered: boolean;
  fetching: boolean;
  onCount: () => void;
  onRefresh: () => void;
  /** Whether the rows could not be read, so that nothing is counted. */
  failed: boolean;
  chosen: number;
  onClear: () => void;
  onDelete?: () => void;
  onExport: () => void;
  onCopy: () => void;
  note?: ReactNode;
}

/** How many rows there are, or what can be done with those that are chosen. */
export function StatusBar({ total, counting, filtered, fetching, failed, onCount, onRefresh, chosen, onClear, onDelete, onExport, onCopy, note }: Props) {
  return (
    <div className="flex min-h-10 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-t border-border bg-surface px-3 py-1 text-xs text-muted">
      {chosen > 0 ? (
        <>
          <p role="status" className="font-medium text-foreground tabular-nums">
            {counted(chosen, "row")} chosen
          </p>
          <Button size="small" onClick={onCopy}>
            <Copy aria-hidden /> Copy
          </Button>
          <Button size="small" onClick={onExport}>
            <Download aria-hidden /> Export
          </Button>
          {onDelete && (
            <Button size="small" variant="danger" onClick={onDelete}>
              <Trash2 aria-hidden /> Delete
            </Button>
          )}
          <Button size="small" variant="ghost" onClick={onClear}>
            <X aria-hidden /> Choose none
          </Button>
        </>
      ) : (
        <>
          <p role="status" className="tabular-nums">
            {total ? `${total.exact ? "" : "about "}${total.exact ? counted(total.rows, "row") : `${count(total.rows)} rows`}${filtered ? " match" : ""}` : failed ? "" : "Counting"}
          </p>
          {total && !total.exact && (
            <Button size="small" variant="ghost" onClick={onCount} busy={counting}>
              Count exactly
            </Button>
          )}
        </>
      )}
      <span className="min-w-0 flex-1 truncate text-right">{note}</span>
      <Tooltip text="Read the rows again">
        <Button size="small-icon" variant="ghost" aria-label="Read the rows again" onClick={onRefresh}>
          <RefreshCw className={fetching ? "turn" : undefined} />
        </Button>
      </Tooltip>
    </div>
  );
}

/** What was not saved, why, and how to go on: the cell keeps what was typed. */
export function Refused({ draft, more, changes, onEdit }: { draft: Draft; more: number; changes: Changes; onEdit: () => void }) {
  const failure = describe(draft.error);
  const changed = draft.error instanceof Conflict && draft.error.code === "changed";
  return (
    <div role="alert" className="flex shrink-0 flex-wrap items-center gap-2 border-t border-danger/40 bg-danger-soft px-3 py-1.5 text-sm">
      <p className="min-w-0 flex-1 basis-60 break-words">
        <span className="font-medium">{draft.column} was not saved.</span> {failure.message}
        {more > 0 && ` ${counted(more, "other change")} neither.`}
      </p>
      {changed ? (
        <Button size="small" onClick={() => void changes.writeCell(draft.row, draft.column, draft.value, true)}>
          Save anyway
        </Button>
      ) : (
        <Button size="small" onClick={() => void changes.writeCell(draft.row, draft.column, draft.value)}>
          Retry
        </Button>
      )}
      <Button size="small" onClick={onEdit}>
        Edit
      </Button>
      <Button
        size="small"
        variant="ghost"
        onClick={() => {
          changes.dropDraft(draft);
          if (draft.error instanceof Conflict) void changes.changed();
        }}
      >
        Discard
      </Button>
    </div>
  );
}
