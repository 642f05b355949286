import { defaultRangeExtractor, useVirtualizer, type Range as ColumnRange } from "@tanstack/react-virtual";
import { useCallback, useEffect, useImperativeHandle, useLayoutEffect, useMemo, useRef, useState, type ClipboardEvent, type KeyboardEvent, type MouseEvent, type PointerEvent, type ReactNode, type Ref } from "react";
import type { Arrangement, GridColumn, ShownColumn } from "@/components/data-grid/arrangement";
import { tsv } from "@/components/data-grid/copy";
import { GridHeader, headerHeight, type RowSelection } from "@/components/data-grid/header";
import { rangeBetween, spotAfter, types, type Spot } from "@/components/data-grid/keys";
import { GridMenu, type MenuAt } from "@/components/data-grid/menu";
import { GridRow, type RowMarks } from "@/components/data-grid/row";
import { useRowScroll } from "@/components/data-grid/use-scroll";
import { useToast } from "@/components/ui/toast";
import { cn } from "@/lib/cn";
import { counted } from "@/lib/format";

/** A cell of the data, whatever the columns' arrangement. */
export interface CellAt {
  row: number;
  /** Which of the row's values. */
  index: number;
}

export interface GridHandle {
  focus: () => void;
  toTop: () => void;
}

export interface GridProps {
  label: string;
  columns: GridColumn[];
  arrangement: Arrangement;
  rowCount: number;
  /** The values of a row in the columns' order; the same array as long as nothing in it changed, undefined until it came. */
  row: (index: number) => readonly unknown[] | undefined;
  /** Told of the rows that are drawn, to fetch them. Last is exclusive. */
  onVisible?: (first: number, last: number) => void;
  marks?: (row: number) => RowMarks | undefined;
  numbered?: boolean;
  selection?: RowSelection;
  onOpenRow?: (row: number) => void;
  /** Enter, F2 or a double click: begins to edit or shows the whole value. Typed is the key that began it. */
  onEnter?: (cell: CellAt, element: HTMLElement, typed?: string) => void;
  canEdit?: (index: number) => boolean;
  onPaste?: (cell: CellAt, text: string) => void;
  /** The cell that got the focus. */
  onActive?: (cell: CellAt | undefined, element: HTMLElement | undefined) => void;
  cellMenu?: (cell: CellAt) => ReactNode;
  headerMenu?: (column: GridColumn) => ReactNode;
  headerIcon?: (column: GridColumn) => ReactNode;
  headerEnd?: ReactNode;
  sorted?: (column: GridColumn) => { descending: boolean; order: number } | undefined;
  ref?: Ref<GridHandle>;
}

/** Rows and columns of which only those in view are drawn, worked with by keyboard as by mouse. */
export function DataGrid({ ref, ...props }: GridProps) {
  const { columns, arrangement, rowCount, row, selection, onVisible, onEnter, onActive } = props;
  const toast = useToast();
  const scroller = useRef<HTMLDivElement>(null);
  const { first, last, laid, topOf, reveal, page, toTop } = useRowScroll(scroller, rowCount, headerHeight);
  const { shown, pinned, center } = arrangement;
  const head = (selection ? 34 : props.numbered ? 52 : 0) + (selection && props.onOpenRow ? 26 : 0);
  const lead = head + pinned.reduce((sum, { size }) => sum + size, 0);
  const width = lead + center.reduce((sum, { size }) => sum + size, 0) + (props.headerEnd ? 44 : 0);

  const [active, setActive] = useState<Spot>({ row: rowCount > 0 ? 0 : -1, at: 0 });
  const [anchor, setAnchor] = useState<Spot>();
  // With what a cell's menu has: it is of the row that it was opened on, wherever that moves.
  const [menu, setMenu] = useState<MenuAt & { cell?: ReactNode }>();
  const wanted = useRef(false);
  const spot: Spot = { row: Math.min(active.row, rowCount - 1), at: Math.min(active.at, shown.length - 1) };
  const range = anchor && rangeBetween(anchor, spot);

  const drawn = useColumns(scroller, center, lead, spot.at - pinned.length);

  useEffect(() => onVisible?.(first, last), [onVisible, first, last]);

  const cellOf = useCallback((at: Spot) => scroller.current?.querySelector<HTMLElement>(`[data-row="${at.row}"][data-at="${at.at}"]`) ?? undefined, []);

  const goTo = (next: Spot, extend = false) => {
    wanted.current = true;
    setAnchor(extend ? (anchor ?? spot) : undefined);
    setActive(next);
    if (next.row >= 0) reveal(next.row);
    scroller.current?.scrollTo({ left: leftRevealing(scroller.current, shown[next.at], lead, head) });
  };

  useLayoutEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    cellOf(spot)?.focus({ preventScroll: true });
  });

  useImperativeHandle(ref, () => ({ focus: () => cellOf(spot)?.focus({ preventScroll: true }), toTop }));

  const dataCell = (at: Spot): CellAt => ({ row: at.row, index: shown[at.at]!.index });

  function enter(at: Spot, typed?: string) {
    const element = cellOf(at);
    if (element && row(at.row)) onEnter?.(dataCell(at), element, typed);
  }

  function openMenu(at: Spot, x: number, y: number) {
    if (at.row >= 0 ? !props.cellMenu || !row(at.row) : !shown[at.at]) return;
    setMenu({ ...at, x, y, cell: at.row >= 0 && props.cellMenu?.(dataCell(at)) });
  }

  const openHeaderMenu = useCallback((at: number, element: HTMLElement) => {
    const [x, y] = below(element);
    setActive({ row: -1, at });
    setMenu({ row: -1, at, x, y });
  }, []);

  function onKeyDown(event: KeyboardEvent<HTMLElement>) {
    const here = spotOf(event.target);
    if (!here || here.row !== spot.row || event.altKey) return;
    const next = spotAfter(event, spot, { rows: rowCount, columns: shown.length, page });
    if (next) goTo(next, event.shiftKey);
    else if (here.row < 0) return;
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey || event.shiftKey)) props.onOpenRow?.(here.row);
    else if (event.key === "Enter" || event.key === "F2") enter(here);
    else if (event.key === " " && selection) selection.toggle(here.row, event.shiftKey);
    else if (event.key === "Escape" && anchor) setAnchor(undefined);
    else if (types(event) && props.canEdit?.(shown[here.at]!.index)) enter(here, event.key);
    else return;
    event.preventDefault();
  }

  function onFocus(event: { target: EventTarget }) {
    const here = spotOf(event.target);
    if (!here) return;
    if (here.row !== active.row || here.at !== active.at) setActive(here);
    onActive?.(here.row >= 0 ? dataCell(here) : undefined, event.target as HTMLElement);
  }

  function onPointerDown(event: PointerEvent) {
    const here = spotOf(event.target);
    if (!here || here.row < 0 || event.button !== 0) return;
    if (event.shiftKey) {
      event.preventDefault();
      goTo(here, true);
    } else setAnchor(undefined);
  }

  function onPointerOver(event: PointerEvent) {
    const here = spotOf(event.target);
    if (event.pointerType !== "mouse" || event.buttons !== 1 || !here || here.row < 0 || spot.row < 0) return;
    if (here.row !== spot.row || here.at !== spot.at || anchor) {
      window.getSelection()?.removeAllRanges();
      goTo(here, true);
    }
  }

  function onClick(event: MouseEvent) {
    const target = event.target as HTMLElement;
    const open = target.closest<HTMLElement>("[data-open]");
    const box = target.closest<HTMLElement>("[data-head]");
    if (open) props.onOpenRow?.(Number(open.dataset.open));
    else if (box && selection) selection.toggle(Number(box.dataset.head), event.shiftKey);
  }

  function onContextMenu(event: MouseEvent) {
    const here = spotOf(event.target);
    if (!here || here.row < 0 || !props.cellMenu) return;
    event.preventDefault();
    setActive(here);
    const keyed = event.clientX === 0 && event.clientY === 0;
    openMenu(here, ...(keyed ? below(event.target as HTMLElement) : ([event.clientX, event.clientY] as const)));
  }

  function onCopy(event: ClipboardEvent) {
    if (!spotOf(event.target) || spot.row < 0 || !window.getSelection()?.isCollapsed) return;
    const area = range ?? rangeBetween(spot, spot);
    const cells: unknown[][] = [];
    let missing = 0;
    for (let at = area.top; at <= area.bottom; at += 1) {
      const values = row(at);
      if (values) cells.push(shown.slice(area.left, area.right + 1).map(({ index }) => values[index]));
      else missing += 1;
    }
    event.clipboardData.setData("text/plain", tsv(cells));
    event.preventDefault();
    const copied = counted(cells.reduce((sum, each) => sum + each.length, 0), "cell");
    toast(missing ? `${copied} copied; ${counted(missing, "row")} had not been loaded.` : `${copied} copied.`);
  }

  function onPaste(event: ClipboardEvent) {
    if (!spotOf(event.target) || spot.row < 0 || !props.onPaste || !props.canEdit?.(shown[spot.at]!.index)) return;
    event.preventDefault();
    props.onPaste(dataCell(spot), event.clipboardData.getData("text/plain"));
  }

  const indexes: number[] = [];
  if (spot.row >= 0 && spot.row < first) indexes.push(spot.row);
  for (let index = first; index < last; index += 1) indexes.push(index);
  if (spot.row >= last) indexes.push(spot.row);

  return (
    <>
      <div
        ref={scroller}
        role="grid"
        tabIndex={-1}
        aria-label={props.label}
        aria-rowcount={rowCount + 1}
        aria-colcount={shown.length + (head ? 1 : 0)}
        aria-multiselectable={selection ? true : undefined}
        className="relative h-full overflow-auto overscroll-none bg-background outline-none"
        onKeyDown={onKeyDown}
        onFocus={onFocus}
        onPointerDown={onPointerDown}
        onPointerOver={onPointerOver}
        onClick={onClick}
        onDoubleClick={(event) => {
          const here = spotOf(event.target);
          if (here && here.row >= 0) enter(here);
        }}
        onContextMenu={onContextMenu}
        onCopy={onCopy}
        onPaste={onPaste}
      >
        <GridHeader
          pinned={pinned}
          center={drawn}
          arrangement={arrangement}
          head={head}
          lead={lead}
          width={width}
          active={spot.row < 0 ? spot.at : -1}
          icon={props.headerIcon}
          sorted={props.sorted}
          selection={selection}
          end={props.headerEnd}
          onMenu={openHeaderMenu}
        />
        {rowCount > 0 && (
          <div role="rowgroup" className={cn("relative font-mono text-xs leading-[31px] whitespace-nowrap", range && "select-none")} style={{ height: laid, width }}>
            {indexes.map((index) => (
              <GridRow
                key={index}
                index={index}
                values={row(index)}
                top={topOf(index)}
                pinned={pinned}
                center={drawn}
                head={head}
                lead={lead}
                width={width}
                active={spot.row === index ? spot.at : -1}
                range={range && index >= range.top && index <= range.bottom ? range : undefined}
                selected={selection?.has(index) ?? false}
                selectable={selection !== undefined}
                openable={props.onOpenRow !== undefined}
                marks={props.marks?.(index)}
              />
            ))}
          </div>
        )}
      </div>
      {menu && shown[menu.at] && (
        <GridMenu
          at={menu}
          column={columns[shown[menu.at]!.index]!}
          arrangement={arrangement}
          onClose={() => setMenu(undefined)}
          onReturn={() => cellOf(menu)?.focus({ preventScroll: true })}
          cell={menu.cell}
          header={menu.row < 0 ? props.headerMenu?.(columns[shown[menu.at]!.index]!) : undefined}
        />
      )}
    </>
  );
}

/** The columns in view, and the focused one wherever it is. */
function useColumns(scroller: React.RefObject<HTMLDivElement | null>, center: ShownColumn[], lead: number, focused: number) {
  const rangeExtractor = useCallback(
    (range: ColumnRange) => {
      const inView = defaultRangeExtractor(range);
      return focused < 0 || focused >= range.count || inView.includes(focused) ? inView : [...inView, focused].toSorted((a, b) => a - b);
    },
    [focused],
  );
  // oxlint-disable-next-line react/incompatible-library -- it is used here only, and what it answers is memoised by value.
  const virtual = useVirtualizer({
    horizontal: true,
    count: center.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => center[index]!.size,
    getItemKey: (index) => center[index]!.column.id,
    overscan: 2,
    rangeExtractor,
    useFlushSync: false,
  });
  useLayoutEffect(() => virtual.measure(), [virtual, center, lead]);
  const items = virtual.getVirtualItems();
  const key = items.map(({ index }) => index).join();
  return useMemo(() => key.split(",").filter(Boolean).flatMap((index) => center[Number(index)] ?? []), [key, center]);
}

/** How far to the side the view must move so that a column is in it. */
function leftRevealing({ clientWidth, scrollLeft }: HTMLElement, shown: ShownColumn | undefined, lead: number, head: number): number {
  if (!shown || shown.pinned) return scrollLeft;
  const room = clientWidth - lead;
  if (room < 40) return shown.start + lead - head;
  if (shown.start < scrollLeft) return shown.start;
  return shown.start + shown.size > scrollLeft + room ? Math.min(shown.start, shown.start + shown.size - room) : scrollLeft;
}

function spotOf(target: EventTarget): Spot | undefined {
  const cell = (target as HTMLElement).closest<HTMLElement>("[data-at]");
  return cell ? { row: Number(cell.dataset.row), at: Number(cell.dataset.at) } : undefined;
}

function below(element: HTMLElement): [number, number] {
  const box = element.getBoundingClientRect();
  return [box.left, box.bottom];
}
