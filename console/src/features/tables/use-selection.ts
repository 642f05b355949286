import { useMemo, useRef, useState } from "react";
import type { RowSelection } from "@/components/data-grid/header";
import type { Row } from "@/features/tables/read";

/** Which rows are chosen: some, or all that are shown but for some. */
export interface Chosen {
  all: boolean;
  /** The chosen ones, or with `all` the others. */
  rows: ReadonlyMap<string, Row>;
}

const nothing: Chosen = { all: false, rows: new Map() };

export function useSelection(rowOf: (index: number) => Row | undefined, total: number) {
  const [chosen, setChosen] = useState(nothing);
  const last = useRef<number>(undefined);
  const count = chosen.all ? Math.max(0, total - chosen.rows.size) : chosen.rows.size;
  const selection = useMemo((): RowSelection => {
    const has = (index: number) => {
      const key = rowOf(index)?.key;
      return key !== undefined && chosen.rows.has(key) !== chosen.all;
    };
    return {
      has,
      toggle(index, through) {
        const from = through && last.current !== undefined ? last.current : index;
        const to = !has(index);
        last.current = index;
        setChosen((old) => {
          const rows = new Map(old.rows);
          for (let at = Math.min(from, index); at <= Math.max(from, index); at += 1) {
            const row = rowOf(at);
            if (!row?.key) continue;
            if (to !== old.all) rows.set(row.key, row);
            else rows.delete(row.key);
          }
          return { all: old.all, rows };
        });
      },
      state: count === 0 ? "none" : count < total ? "some" : "all",
      toggleAll: () => setChosen((old) => (old.all && old.rows.size === 0 ? nothing : { all: true, rows: new Map() })),
    };
  }, [rowOf, chosen, count, total]);
  return { selection, chosen, count, clear: () => setChosen(nothing) };
}
