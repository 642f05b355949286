import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";
import { extentOf, moved, revealing, rowHeight, rowsIn, settled, type Place } from "@/components/data-grid/scroll";

/** How many rows are drawn above and below those in view. */
const beyond = 4;

interface Window {
  first: number;
  last: number;
  /** What is added to a row's real top to have its laid one. */
  base: number;
}

/** Follows a scroller over rows of one height, of which only those in view are drawn. */
export function useRowScroll(scroller: RefObject<HTMLElement | null>, rows: number, headerHeight: number) {
  const [view, setView] = useState(0);
  const place = useRef<Place>({ scroll: 0, top: 0 });
  const [shown, setShown] = useState<Window>({ first: 0, last: 0, base: 0 });
  const extent = extentOf(rows, view);

  const draw = useCallback(() => {
    const { scroll, top } = place.current;
    const { first, last } = rowsIn(top, view, rows, beyond);
    const base = scroll - top;
    setShown((old) => (old.first === first && old.last === last && old.base === base ? old : { first, last, base }));
  }, [view, rows]);

  useLayoutEffect(() => {
    const element = scroller.current!;
    const measure = () => setView(Math.max(0, element.clientHeight - headerHeight));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller, headerHeight]);

  useLayoutEffect(draw, [draw]);

  const go = useCallback(
    (top: number) => {
      const next = settled(top, extentOf(rows, view));
      place.current = next;
      scrollTo(scroller, next.scroll);
      draw();
    },
    [scroller, rows, view, draw],
  );

  useEffect(() => {
    const element = scroller.current!;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const follow = () => {
      if (Math.abs(element.scrollTop - place.current.scroll) < 1) return;
      const bounds = extentOf(rows, view);
      place.current = moved(place.current, element.scrollTop, bounds);
      draw();
      if (bounds.real === bounds.laid) return;
      clearTimeout(timer);
      timer = setTimeout(() => go(place.current.top), 200);
    };
    element.addEventListener("scroll", follow, { passive: true });
    return () => {
      clearTimeout(timer);
      element.removeEventListener("scroll", follow);
    };
  }, [scroller, rows, view, draw, go]);

  const reveal = useCallback(
    (row: number) => {
      const top = revealing(row, place.current.top, view);
      if (top !== place.current.top) go(top);
    },
    [view, go],
  );

  /** Where a row is laid out; one that is far away stands just outside of the drawn ones, so that it can keep the focus. */
  const topOf = (row: number) => {
    if (row >= shown.first && row < shown.last) return row * rowHeight + shown.base;
    const near = row < shown.first ? (shown.first - 1) * rowHeight : shown.last * rowHeight;
    return Math.min(Math.max(0, near + shown.base), Math.max(0, extent.laid - rowHeight));
  };

  return { ...shown, laid: extent.laid, topOf, reveal, page: Math.max(1, Math.floor(view / rowHeight) - 1), toTop: () => go(0) };
}

function scrollTo(scroller: RefObject<HTMLElement | null>, top: number) {
  scroller.current?.scrollTo({ top });
}
