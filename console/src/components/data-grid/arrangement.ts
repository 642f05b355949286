import {
  columnOrderingFeature,
  columnPinningFeature,
  columnResizingFeature,
  columnSizingFeature,
  columnVisibilityFeature,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { useEffect, useMemo, useState } from "react";
import { z } from "zod";
import { shortType } from "@/components/data-grid/value";
import { recall, remember } from "@/lib/remembered";

export interface GridColumn {
  /** Unique; what is remembered of the column is kept under it. */
  id: string;
  name: string;
  type: string;
  /** Aligned right, digit under digit. */
  numeric?: boolean;
  /** In pixels, until a person chooses another. */
  width?: number;
}

/** A column as it is shown. */
export interface ShownColumn {
  column: GridColumn;
  /** Which of the values of a row it has. */
  index: number;
  /** Which of the shown columns it is. */
  at: number;
  pinned: boolean;
  /** From the start of the pinned or of the other columns. */
  start: number;
  size: number;
}

const features = tableFeatures({ columnOrderingFeature, columnPinningFeature, columnResizingFeature, columnSizingFeature, columnVisibilityFeature });

const kept = z.object({
  order: z.array(z.string()),
  hidden: z.record(z.string(), z.boolean()),
  sizes: z.record(z.string(), z.number().min(40).max(2000)),
  pinned: z.array(z.string()),
});
type Kept = z.infer<typeof kept>;

const untouched: Kept = { order: [], hidden: {}, sizes: {}, pinned: [] };
const none: never[] = [];

/** A width that shows the name and a usual value. */
export function usualWidth({ name, type }: GridColumn): number {
  const wide = type.startsWith("uuid") ? 292 : /^(timestamp|tstzrange|tsrange)/.test(type) ? 232 : /^(json|text|character varying|xml|tsvector|bytea)|\[\]$/.test(type) ? 220 : 96;
  return Math.min(360, Math.max(wide, 56 + (name.length + Math.min(shortType(type).length, 16)) * 7.4));
}

/** Which columns are shown, in which order and how wide: kept in this browser when it has a name to be kept under. */
export function useArrangement(columns: GridColumn[], name: string | undefined) {
  const key = name && `fluxbase-columns ${name}`;
  const [state, setState] = useState<Kept>(() => (key && recall(key, kept)) || untouched);
  const [resizing, setResizing] = useState<ReturnType<typeof columnResizingStart>>(columnResizingStart);
  useEffect(() => {
    // Kept when a drag is over, not at each of its steps.
    if (key && state !== untouched && !resizing.isResizingColumn) remember(key, state);
  }, [key, state, resizing.isResizingColumn]);
  const definitions = useMemo(() => columns.map((column) => ({ id: column.id, size: column.width ?? usualWidth(column), minSize: 56, maxSize: 1200 })), [columns]);
  const table = useTable<typeof features, Record<string, never>>({
    features,
    columns: definitions,
    data: none,
    columnResizeMode: "onChange",
    state: {
      columnOrder: state.order,
      columnVisibility: state.hidden,
      columnSizing: state.sizes,
      columnPinning: { start: state.pinned, end: none },
      columnResizing: resizing,
    },
    onColumnOrderChange: (next) => setState((old) => ({ ...old, order: resolve(next, old.order) })),
    onColumnVisibilityChange: (next) => setState((old) => ({ ...old, hidden: resolve(next, old.hidden) })),
    onColumnSizingChange: (next) => setState((old) => ({ ...old, sizes: resolve(next, old.sizes) })),
    onColumnPinningChange: (next) => setState((old) => ({ ...old, pinned: resolve(next, { start: old.pinned, end: none as string[] }).start })),
    onColumnResizingChange: (next) => setResizing((old) => resolve(next, old)),
  });
  const shown = useMemo(() => {
    const indexes = new Map(columns.map((column, index) => [column.id, index]));
    const out: ShownColumn[] = [];
    for (const [pinned, part] of [[true, table.getStartVisibleLeafColumns()], [false, table.getCenterVisibleLeafColumns()]] as const) {
      let start = 0;
      for (const each of part) {
        const index = indexes.get(each.id);
        if (index === undefined) continue;
        const size = each.getSize();
        out.push({ column: columns[index]!, index, at: out.length, pinned, start, size });
        start += size;
      }
    }
    return out;
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the table's identity is stable; what it answers follows from the state.
  }, [columns, state]);

  const pinned = useMemo(() => shown.filter((each) => each.pinned), [shown]);
  const center = useMemo(() => shown.filter((each) => !each.pinned), [shown]);

  /** Moves a column to where another stands. */
  function moveTo(id: string, target: string) {
    const order = shown.map(({ column }) => column.id);
    const hidden = columns.map(({ id: each }) => each).filter((each) => !order.includes(each));
    const from = order.indexOf(id);
    const to = order.indexOf(target);
    if (from < 0 || to < 0 || from === to) return;
    order.splice(to, 0, ...order.splice(from, 1));
    const stuck = state.pinned.includes(target) ? order.filter((each) => each === id || state.pinned.includes(each)) : state.pinned.filter((each) => each !== id);
    setState((old) => ({ ...old, order: [...order, ...hidden], pinned: stuck }));
  }

  return {
    shown,
    pinned,
    center,
    touched: state !== untouched,
    moveTo,
    step: (id: string, by: 1 | -1) => {
      const target = shown[shown.findIndex(({ column }) => column.id === id) + by];
      if (target) moveTo(id, target.column.id);
    },
    resize: (id: string, size: number) => setState((old) => ({ ...old, sizes: { ...old.sizes, [id]: Math.round(Math.min(1200, Math.max(56, size))) } })),
    pin: (id: string, stuck: boolean) => table.getColumn(id)?.pin(stuck ? "start" : false),
    isHidden: (id: string) => state.hidden[id] === false,
    show: (id: string, visible: boolean) => setState((old) => ({ ...old, hidden: { ...old.hidden, [id]: visible } })),
    showAll: () => setState((old) => ({ ...old, hidden: {} })),
    /** Begins to resize a column by pointer. */
    drag: (id: string, event: unknown) => table.getFlatHeaders().find((header) => header.column.id === id)?.getResizeHandler()(event),
    reset: () => setState({ ...untouched }),
  };
}

export type Arrangement = ReturnType<typeof useArrangement>;

function columnResizingStart() {
  return {
    columnSizingStart: [] as [string, number][],
    deltaOffset: null as number | null,
    deltaPercentage: null as number | null,
    isResizingColumn: false as string | false,
    startOffset: null as number | null,
    startSize: null as number | null,
  };
}

function resolve<T>(next: T | ((old: T) => T), old: T): T {
  return typeof next === "function" ? (next as (old: T) => T)(old) : next;
}
