import { memo, type ReactNode } from "react";
import type { ShownColumn } from "@/components/data-grid/arrangement";
import type { Range } from "@/components/data-grid/keys";
import { rowHeight } from "@/components/data-grid/scroll";
import { drawnText, isNothing } from "@/components/data-grid/value";

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
  const { index, values, top, pinned, center, head, width, selected } = props;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={props.selectable ? selected : undefined}
      aria-busy={values ? undefined : true}
      className={selected ? "group absolute left-0 flex border-b border-border bg-accent-soft" : "group absolute left-0 flex border-b border-border"}
      style={{ top, width, height: rowHeight }}
    >
      {head > 0 && <RowHead index={index} width={head} selected={selected} selectable={props.selectable} openable={props.openable} loaded={values !== undefined} />}
      {pinned.map((each) => cell(each, head + each.start, 0, props))}
      {center.map((each, n) => cell(each, 0, each.start - (n === 0 ? 0 : center[n - 1]!.start + center[n - 1]!.size), props))}
    </div>
  );
});

interface HeadProps {
  index: number;
  width: number;
  selected: boolean;
  selectable: boolean;
  openable: boolean;
  loaded: boolean;
}

/** No more elements than it takes: a screen has dozens of it. */
function RowHead({ index, width, selected, selectable, openable, loaded }: HeadProps) {
  return (
    <div
      role="rowheader"
      aria-colindex={1}
      data-head={index}
      className={`sticky left-0 z-10 flex shrink-0 items-center gap-1 border-r border-border pl-2 ${selected ? "bg-accent-soft" : "bg-background"}`}
      style={{ width }}
    >
      {selectable ? (
        <span
          role="checkbox"
          aria-checked={selected}
          aria-disabled={!loaded || undefined}
          aria-label={`Select row ${index + 1}`}
          className={selected ? "grid-check shrink-0 border-accent bg-accent" : "grid-check shrink-0 border-border-strong bg-background"}
        />
      ) : (
        <span className="w-full pr-2 text-right text-faint tabular-nums">{index + 1}</span>
      )}
      {openable && loaded && (
        <button type="button" tabIndex={-1} data-open={index} aria-label={`Open row ${index + 1}`} className="grid-open size-6 rounded hover:bg-hover" />
      )}
    </div>
  );
}

/** Whether a text of letters that are all of one width is no wider than a cell. */
const fits = (text: string, size: number): boolean => text.length * 7.4 + 17 < size && /^[ -~]*$/.test(text);

/** A cell is no component: thousands are made while a table is scrolled. What they share, the font first, they inherit from the body of the grid. */
function cell({ column, index: of, at, pinned, size }: ShownColumn, left: number, gap: number, { index, values, active, range, selected, head, marks }: Props): ReactNode {
  const value = values?.[of];
  const text = values ? drawnText(value) : "";
  const mark = marks?.[column.id];
  const chosen = range !== undefined && at >= range.left && at <= range.right;
  const look = [pinned ? `sticky z-10 shrink-0 ${selected || chosen ? "bg-accent-soft" : "bg-background"}` : "shrink-0"];
  if (column.numeric) look.push("text-right tabular-nums");
  if (chosen && !pinned) look.push("bg-accent-soft");
  if (mark === "saving") look.push("text-muted italic");
  if (mark === "refused") look.push("bg-danger-soft text-danger shadow-[inset_0_0_0_1px_var(--danger)]");
  // Cutting costs: only what may be too long is.
  if (!fits(text, size)) look.push("overflow-hidden text-ellipsis");
  return (
    <div
      key={column.id}
      role="gridcell"
      aria-colindex={at + (head ? 2 : 1)}
      aria-selected={chosen || undefined}
      aria-invalid={mark === "refused" || undefined}
      data-row={index}
      data-at={at}
      tabIndex={active === at ? 0 : -1}
      className={`h-full border-r border-border px-2 outline-none focus:shadow-[inset_0_0_0_2px_var(--accent)] ${look.join(" ")}`}
      style={pinned ? { left, width: size } : gap > 0 ? { marginLeft: gap, width: size } : { width: size }}
    >
      {values === undefined ? <span className="mt-2.5 block h-3 w-3/5 rounded bg-hover" /> : isNothing(value) ? <span className="text-faint italic">{text}</span> : text}
    </div>
  );
}
