import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState, type KeyboardEvent } from "react";
import { ErrorState } from "@/components/error-state";
import { Input } from "@/components/ui/input";
import { searchForeign, tellingColumn } from "@/features/tables/foreign";
import type { Foreign } from "@/features/tables/use-table";
import { cn } from "@/lib/cn";
import type { As } from "@/lib/meta";
import { useCatalog, useHere, useNames } from "@/lib/project-data";

interface Props {
  foreign: Foreign;
  column: string;
  value: string | null;
  as: As | undefined;
  onPick: (value: string) => void;
  autoFocus?: boolean;
}

const shown = 20;

/** Finds the row that a foreign key shall lead to. Arrows move, Enter takes. */
export function ForeignPicker({ foreign, column, value, as, onPick, autoFocus }: Props) {
  const { project, meta } = useHere();
  const { names } = useNames();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const { schema, table } = foreign;
  const key = foreign.pairs.find((each) => each.column === column)!.foreign;
  const columns = useCatalog("columns", { schema, table });
  const tells = columns.data && tellingColumn(columns.data, key)?.name;
  const found = useQuery({
    queryKey: ["rows", project.ref, schema, table, { who: as?.role ?? "owner", claims: as?.claims?.sub }, "search", key, tells, text],
    queryFn: async ({ signal }) => {
      const { query, params } = searchForeign(names!, schema, table, key, tells, text, shown);
      return (await meta.query(query, signal, { params, text: true, as, readOnly: true }))[0]!.rows as [string, string | null][];
    },
    enabled: names !== undefined && columns.isSuccess,
    placeholderData: keepPreviousData,
  });
  const rows = found.data ?? [];
  const chosen = Math.min(at, rows.length - 1);

  /** Takes the row that the keyboard is at; while those of an earlier text are shown still, once the right ones are there. */
  async function take() {
    const list = found.isPlaceholderData ? (await found.refetch({ cancelRefetch: false })).data : rows;
    const row = list?.[Math.max(0, Math.min(at, list.length - 1))];
    if (row) onPick(row[0]);
  }

  function onKeyDown(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt(Math.min(Math.max(chosen + step, 0), rows.length - 1));
    else if (event.key === "Enter" && (rows[chosen] || found.isPlaceholderData)) void take();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <div className="flex flex-col gap-1.5">
      <Input
        role="combobox"
        aria-expanded
        aria-controls="foreign-rows"
        aria-activedescendant={rows[chosen] ? `foreign-row-${chosen}` : undefined}
        aria-label={`Search ${table}`}
        placeholder={`Search ${schema === "public" ? "" : `${schema}.`}${table}`}
        // oxlint-disable-next-line jsx-a11y/no-autofocus -- the editor was opened to be typed in
        autoFocus={autoFocus}
        value={text}
        spellCheck={false}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      {found.isError && <ErrorState error={found.error} what="The rows could not be searched" onRetry={() => void found.refetch()} retrying={found.isFetching} />}
      <ul id="foreign-rows" role="listbox" aria-label={`Rows of ${table}`} className="max-h-56 overflow-y-auto rounded-md border border-border">
        {rows.map(([id, words], index) => (
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus -- the keys are those of the search field
          <li
            key={id}
            id={`foreign-row-${index}`}
            role="option"
            aria-selected={index === chosen}
            onClick={() => onPick(id)}
            className={cn("flex cursor-pointer items-baseline gap-2 px-2 py-1 text-xs hover:bg-hover", index === chosen && "bg-hover", id === value && "font-medium text-accent")}
          >
            <span className="max-w-[45%] shrink-0 truncate font-mono">{id}</span>
            <span className="truncate text-muted">{words}</span>
          </li>
        ))}
        {found.isSuccess && rows.length === 0 && <li className="px-2 py-1.5 text-xs text-muted">{text ? "No row matches." : `${table} has no rows that this role sees.`}</li>}
      </ul>
    </div>
  );
}
