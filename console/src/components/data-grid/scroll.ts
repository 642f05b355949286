/**
 * Where a list of very many rows of one height is scrolled to. Browsers lay out only so many pixels, so a longer list is laid
 * out shorter than it is: a drag of the scroll bar moves by share, a turn of the wheel by pixel, and after it the bar is put
 * where it belongs. TanStack Virtual measures every item; for rows of one height arithmetic does.
 */

export const rowHeight = 32;

/** Firefox stops at 17.8 million pixels, Chromium at 33.5. */
export const tallest = 12_000_000;

/** What is scrolled, in pixels. */
export interface Extent {
  /** Of all rows, were they laid out. */
  real: number;
  /** As laid out. */
  laid: number;
  /** Of the view. */
  view: number;
}

export interface Place {
  /** The scroller's own position, in laid pixels. */
  scroll: number;
  /** The top of the view, in real pixels. */
  top: number;
}

export function extentOf(rows: number, view: number): Extent {
  const real = rows * rowHeight;
  return { real, laid: Math.min(real, tallest), view };
}

const farthest = ({ laid, view }: Extent) => Math.max(0, laid - view);
const lowest = ({ real, view }: Extent) => Math.max(0, real - view);
const within = (value: number, most: number) => Math.min(Math.max(value, 0), most);

/** Where the view stands after the scroller moved. */
export function moved(from: Place, scroll: number, extent: Extent): Place {
  if (extent.real === extent.laid) return { scroll, top: scroll };
  const most = farthest(extent);
  if (scroll <= 0) return { scroll: 0, top: 0 };
  if (scroll >= most) return { scroll, top: lowest(extent) };
  const step = scroll - from.scroll;
  // A step of less than three views is a wheel's or a key's: it means pixels.
  const top = Math.abs(step) < extent.view * 3 ? from.top + step : (scroll / most) * lowest(extent);
  return { scroll, top: within(top, lowest(extent)) };
}

/** The scroller's position that belongs to what is seen. */
export function settled(top: number, extent: Extent): Place {
  const at = within(top, lowest(extent));
  if (extent.real === extent.laid) return { scroll: at, top: at };
  return { scroll: lowest(extent) === 0 ? 0 : Math.round((at / lowest(extent)) * farthest(extent)), top: at };
}

/** The rows in view, with some above and below. Last is exclusive. */
export function rowsIn(top: number, view: number, rows: number, beyond: number): { first: number; last: number } {
  const first = Math.max(0, Math.floor(top / rowHeight) - beyond);
  return { first: Math.min(first, rows), last: Math.min(rows, Math.ceil((top + view) / rowHeight) + beyond) };
}

/** How far the view must move so that a row is wholly in it. */
export function revealing(row: number, top: number, view: number): number {
  const start = row * rowHeight;
  if (start < top) return start;
  return start + rowHeight > top + view ? start + rowHeight - view : top;
}
