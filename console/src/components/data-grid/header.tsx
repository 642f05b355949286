import { ChevronDown } from "lucide-react";
import { memo, useState, type ReactNode } from "react";
import type { Arrangement, GridColumn, ShownColumn } from "@/components/data-grid/arrangement";
import { shortType } from "@/components/data-grid/value";
import { cn } from "@/lib/cn";

export const headerHeight = 36;

export interface RowSelection {
  has: (row: number) => boolean;
  /** With `through`, all from the one toggled last to this one. */
  toggle: (row: number, through: boolean) => void;
  /** Of the corner. */
  state: "none" | "some" | "all";
  toggleAll: () => void;
}

interface Props {
  pinned: ShownColumn[];
  center: ShownColumn[];
  arrangement: Arrangement;
  head: number;
  lead: number;
  width: number;
  /** The focused column, if the focus is in the header. */
  active: number;
  /** Marks before the name: a key, a link. */
  icon?: (column: GridColumn) => ReactNode;
  sorted?: (column: GridColumn) => { descending: boolean; order: number } | undefined;
  /** Told, and changed for all rows, in the corner above the rows' own headers. */
  selection?: RowSelection;
  /** Stands after the last column. */
  end?: ReactNode;
  onMenu: (at: number, element: HTMLElement) => void;
}

/** Names and types of columns; they are dragged to be moved, and at their right edge to be resized. Scrolling of rows does not draw it anew. */
export const GridHeader = memo(function GridHeader(props: Props) {
  const { pinned, center, head, lead, width, selection, end } = props;
  const [dragged, setDragged] = useState<string>();
  const all = { ...props, dragged, setDragged };
  return (
    <div role="rowgroup" className="sticky top-0 z-20" style={{ width, minWidth: "100%" }}>
      <div role="row" aria-rowindex={1} className="relative flex border-b border-border bg-surface" style={{ height: headerHeight }}>
        {head > 0 && (
          <div role="columnheader" aria-colindex={1} className="sticky left-0 z-20 flex shrink-0 items-center border-r border-border bg-surface pl-2" style={{ width: head }}>
            {selection ? <SelectAll state={selection.state} onToggle={selection.toggleAll} /> : <span className="sr-only">Row</span>}
          </div>
        )}
        {pinned.map((each) => (
          <HeaderCell key={each.column.id} {...all} shown={each} left={head + each.start} />
        ))}
        {center.map((each) => (
          <HeaderCell key={each.column.id} {...all} shown={each} left={lead + each.start} />
        ))}
        {end && (
          <div role="columnheader" className="absolute top-0 flex h-full items-center" style={{ left: width - 44 }}>
            {end}
          </div>
        )}
      </div>
    </div>
  );
});

function SelectAll({ state, onToggle }: { state: RowSelection["state"]; onToggle: () => void }) {
  return (
    <input
      type="checkbox"
      className="size-3.5 accent-(--accent)"
      aria-label="Select all rows"
      checked={state === "all"}
      ref={(box) => {
        if (box) box.indeterminate = state === "some";
      }}
      onChange={onToggle}
    />
  );
}

interface CellProps extends Props {
  shown: ShownColumn;
  left: number;
  dragged: string | undefined;
  setDragged: (id: string | undefined) => void;
}

function HeaderCell({ shown, left, head, active, icon, sorted, arrangement, dragged, setDragged, onMenu }: CellProps) {
  const { column, at, pinned, size } = shown;
  const sort = sorted?.(column);
  const [over, setOver] = useState(false);
  return (
    <div
      role="columnheader"
      aria-colindex={at + (head ? 2 : 1)}
      aria-sort={sort ? (sort.descending ? "descending" : "ascending") : undefined}
      aria-haspopup="menu"
      data-row={-1}
      data-at={at}
      tabIndex={active === at ? 0 : -1}
      draggable
      title={`${column.name} ${column.type}`}
      onClick={(event) => onMenu(at, event.currentTarget)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        onMenu(at, event.currentTarget);
      }}
      onDragStart={(event) => {
        event.dataTransfer.setData("text/plain", column.name);
        event.dataTransfer.effectAllowed = "move";
        setDragged(column.id);
      }}
      onDragEnd={() => setDragged(undefined)}
      onDragOver={(event) => {
        if (!dragged || dragged === column.id) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        if (dragged) arrangement.moveTo(dragged, column.id);
      }}
      className={cn(
        "group/head flex h-full cursor-pointer items-center gap-1.5 border-r border-border bg-surface px-2 text-xs outline-none select-none hover:bg-hover focus:shadow-[inset_0_0_0_2px_var(--accent)]",
        pinned ? "sticky z-20 shrink-0" : "absolute top-0",
        over && "shadow-[inset_2px_0_0_0_var(--accent)]",
      )}
      style={{ left, width: size }}
    >
      {icon?.(column)}
      <span className="min-w-0 truncate font-medium">{column.name}</span>
      <span className="min-w-6 flex-1 truncate font-mono text-faint">{shortType(column.type)}</span>
      {sort && (
        <span className="shrink-0 font-mono text-accent" aria-hidden>
          {sort.descending ? "↓" : "↑"}
          {sort.order > 0 && sort.order}
        </span>
      )}
      <ChevronDown className="size-3.5 shrink-0 text-faint opacity-0 group-hover/head:opacity-100" aria-hidden />
      <span
        data-resize={column.id}
        draggable
        onDragStart={(event) => {
          event.preventDefault();
          event.stopPropagation();
        }}
        onMouseDown={(event) => {
          event.stopPropagation();
          arrangement.drag(column.id, event);
        }}
        onTouchStart={(event) => {
          event.stopPropagation();
          arrangement.drag(column.id, event);
        }}
        onClick={(event) => event.stopPropagation()}
        className="absolute top-0 right-0 h-full w-1.5 cursor-col-resize touch-none hover:bg-accent"
        aria-hidden
      />
    </div>
  );
}
