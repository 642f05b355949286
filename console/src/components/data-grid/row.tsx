import { memo } from "react";
import type { ShownColumn } from "@/components/data-grid/arrangement";
import type { Range } from "@/components/data-grid/keys";
import { rowHeight } from "@/components/data-grid/scroll";
import { CellValue } from "@/components/data-grid/value";
import { cn } from "@/lib/cn";

/** How cells of a row stand apart: being saved, or refused. By the column's id. */
export type RowMarks = Readonly<Record<string, "saving" | "refused">>;

interface Props {
  index: number;
  /** Undefined until it came. */
  values: readonly unknown[] | undefined;
  top: number;
  pinned: ShownColumn[];
  center: ShownColumn[];
  /** Width of the row's own header, and of that and the pinned columns. */
  head: number;
  lead: number;
  width: number;
  /** The focused column, if it is in this row. */
  active: number;
  range: Range | undefined;
  selected: boolean;
  selectable: boolean;
  openable: boolean;
  marks: RowMarks | undefined;
}

/** A row, drawn anew only when something of its own changed. */
export const GridRow = memo(function GridRow(props: Props) {
  const { index, values, top, pinned, center, head, lead, width, selected } = props;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={props.selectable ? selected : undefined}
      aria-busy={values ? undefined : true}
      className={cn("group absolute left-0 flex border-b border-border bg-background", selected && "bg-accent-soft")}
      style={{ top, width, height: rowHeight }}
    >
      <RowHead {...props} width={head} />
      {pinned.map((each) => (
        <Cell key={each.column.id} {...props} shown={each} left={head + each.start} />
      ))}
      {center.map((each) => (
        <Cell key={each.column.id} {...props} shown={each} left={lead + each.start} />
      ))}
    </div>
  );
});

function RowHead({ index, width, selected, selectable, openable, values }: Props) {
  if (width === 0) return null;
  return (
    <div
      role="rowheader"
      aria-colindex={1}
      data-head={index}
      className={cn("sticky left-0 z-10 flex shrink-0 items-center gap-1 border-r border-border bg-background pl-2", selected && "bg-accent-soft")}
      style={{ width }}
    >
      {selectable ? (
        <input type="checkbox" tabIndex={-1} checked={selected} readOnly disabled={!values} aria-label={`Select row ${index + 1}`} className="size-3.5 accent-(--accent)" />
      ) : (
        <span className="w-full pr-2 text-right font-mono text-xs text-faint tabular-nums">{index + 1}</span>
      )}
      {openable && values && (
        <button type="button" tabIndex={-1} data-open={index} aria-label={`Open row ${index + 1}`} className="flex size-6 items-center justify-center rounded text-faint opacity-0 group-hover:opacity-100 hover:bg-hover [@media(hover:none)]:opacity-100 hover:text-foreground">
          <svg viewBox="0 0 16 16" className="size-3.5" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden>
            <path d="M9.5 2.5h4v4M13.5 2.5 9 7M6.5 13.5h-4v-4M2.5 13.5 7 9" />
          </svg>
        </button>
      )}
    </div>
  );
}

function Cell({ shown, left, index, values, active, range, selected, head, marks }: Props & { shown: ShownColumn; left: number }) {
  const { column, at, pinned, size } = shown;
  const value = values?.[shown.index];
  const mark = marks?.[column.id];
  const chosen = range !== undefined && at >= range.left && at <= range.right;
  return (
    <div
      role="gridcell"
      aria-colindex={at + (head ? 2 : 1)}
      aria-selected={chosen || undefined}
      aria-invalid={mark === "refused" || undefined}
      data-row={index}
      data-at={at}
      tabIndex={active === at ? 0 : -1}
      className={cn(
        "h-full truncate border-r border-border px-2 font-mono text-xs leading-[31px] outline-none focus:shadow-[inset_0_0_0_2px_var(--accent)]",
        pinned ? cn("sticky z-10 shrink-0 bg-background", selected && "bg-accent-soft") : "absolute top-0",
        column.numeric && "text-right tabular-nums",
        chosen && "bg-accent-soft",
        mark === "saving" && "text-muted italic",
        mark === "refused" && "bg-danger-soft text-danger shadow-[inset_0_0_0_1px_var(--danger)]",
      )}
      style={{ left, width: size }}
    >
      {values ? <CellValue value={value} /> : <span className="mt-2.5 block h-3 w-3/5 rounded bg-hover" />}
    </div>
  );
}
