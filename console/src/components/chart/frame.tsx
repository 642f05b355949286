import { useEffect, useRef, useState, type ReactNode, type RefObject } from "react";
import { useInTurn } from "@/components/chart/turns";
import { Skeleton } from "@/components/ui/skeleton";
import { cn } from "@/lib/cn";

export interface Size {
  width: number;
  height: number;
}

interface Props {
  height: number | "fill";
  loading: boolean;
  empty: ReactNode;
  /** Draws the chart. Another function draws it anew. */
  children: (size: Size) => ReactNode;
}

/** The place of a chart, which has its size from the first moment on: nothing moves when the values come. */
export function Frame({ height, loading, empty, children }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const size = useSize(place);
  const draw = useInTurn(children, size !== undefined && !loading, place);
  return (
    <div ref={place} className={cn("relative min-w-0 text-xs", height === "fill" && "min-h-0 flex-1")} style={height === "fill" ? undefined : { height }}>
      {loading || !draw || !size ? <Skeleton className="delayed size-full" /> : draw(size)}
      {empty && <p className="pointer-events-none absolute inset-0 flex items-center justify-center pb-6 text-sm text-muted">{empty}</p>}
    </div>
  );
}

/** How large an element is, told by the browser when it has laid it out. */
function useSize(place: RefObject<Element | null>): Size | undefined {
  const [size, setSize] = useState<Size>();
  useEffect(() => {
    const observer = new ResizeObserver((entries) => {
      const { width, height } = entries.at(-1)!.contentRect;
      const next = { width: Math.round(width), height: Math.round(height) };
      setSize((old) => (old?.width === next.width && old.height === next.height ? old : next));
    });
    observer.observe(place.current!);
    return () => observer.disconnect();
  }, [place]);
  return size;
}
