import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { ErrorState } from "@/components/error-state";
import { Input, toEnd } from "@/components/ui/input";
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
  /** What it begins to search for. */
  searched?: string;
  autoFocus?: boolean;
}

const shown = 20;

/** Finds the row that a foreign key shall lead to. Arrows move, Enter takes. */
export function ForeignPicker({ foreign, column, value, as, onPick, searched = "", autoFocus }: Props) {
  const { project, meta } = useHere();
  const { names } = useNames();
  const [text, setText] = useState(searched);
  const [at, setAt] = useState<number>();
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
  // Enter takes nothing that nobody asked for: at first it stands at the present value.
  const begin = text === "" ? rows.findIndex(([id]) => id === value) : 0;
  const chosen = Math.min(at ?? begin, rows.length - 1);

  const looking = found.isPending || found.isPlaceholderData;
  // Enter is for what is found by what was typed, not for the rows that still stand there.
  const taking = useRef(false);
  useEffect(() => {
    if (looking || !taking.current) return;
    taking.current = false;
    if (rows[chosen]) onPick(rows[chosen][0]);
  });

  function onKeyDown(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt(Math.min(Math.max(chosen + step, 0), rows.length - 1));
    else if (event.key !== "Enter") return;
    else if (looking && text !== "") taking.current = true;
    else if (rows[chosen]) onPick(rows[chosen][0]);
    else if (text === "" && value) onPick(value);
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
        onFocus={toEnd}
        onChange={(event) => {
          taking.current = false;
          setText(event.target.value);
          setAt(undefined);
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
