import { useState } from "react";
import { FilterInput } from "@/components/filter-input";
import { Button } from "@/components/ui/button";
import { useToast } from "@/components/ui/toast";
import { searched, type PastRun } from "@/features/sql/panel/history";
import { ago, counted, exactly, took } from "@/lib/format";
import { moveByArrows } from "@/lib/rows";

interface Props {
  history: PastRun[];
  onOpen: (run: PastRun) => void;
  onChange: (history: PastRun[]) => void;
}

const drawn = 100;

/** What ran in this browser. Enter opens it in a tab. */
export function History({ history, onOpen, onChange }: Props) {
  const toast = useToast();
  const [search, setSearch] = useState("");
  const [more, setMore] = useState(drawn);
  const found = searched(history, search);
  function clear() {
    const before = history;
    onChange([]);
    toast("The history was cleared.", () => onChange(before));
  }
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2">
      <FilterInput value={search} onChange={setSearch} label="Search history" first={false} className="sm:max-w-none" />
      {history.length === 0 && <p className="text-sm text-muted">What you execute here is remembered in this browser: the last 500, with time, rows and errors.</p>}
      {history.length > 0 && found.length === 0 && <p className="text-sm text-muted">Nothing that ran has this in it.</p>}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the arrows move between its buttons */}
      <ul className="-mx-1 min-h-0 flex-1 overflow-y-auto px-1" onKeyDown={moveByArrows} aria-label="History">
        {found.slice(0, more).map((run) => (
          <li key={run.id}>
            <button type="button" data-row className="w-full rounded px-2 py-1.5 text-left hover:bg-hover focus-visible:-outline-offset-2" onClick={() => onOpen(run)}>
              <span className="line-clamp-2 font-mono text-xs break-all">{run.text.replace(/\s+/g, " ").slice(0, 200)}</span>
              <span className="mt-0.5 block truncate text-xs text-muted tabular-nums" title={exactly(new Date(run.at))}>
                {ago(new Date(run.at))} · {took(run.took)}
                {run.rows !== undefined && ` · ${counted(run.rows, "row")}`}
                {run.as && ` · ${run.as.startsWith("user:") ? "as a user" : run.as}`}
              </span>
              {run.error && <span className="block truncate text-xs text-danger">{run.error}</span>}
            </button>
          </li>
        ))}
      </ul>
      <div className="flex justify-between">
        {found.length > more ? (
          <Button size="small" variant="ghost" onClick={() => setMore(more + drawn)}>
            Show more
          </Button>
        ) : (
          <span />
        )}
        {history.length > 0 && (
          <Button size="small" variant="ghost" onClick={clear}>
            Clear history
          </Button>
        )}
      </div>
    </div>
  );
}
