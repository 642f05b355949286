import { lazy, Suspense, useEffect, useState, type ReactNode } from "react";
import { Legend, Readings } from "@/components/chart/aside";
import { pivot, type Shape } from "@/components/chart/pivot";
import { merge, summary, type Series, type Unit } from "@/components/chart/series";
import { Skeleton } from "@/components/ui/skeleton";
import { cn } from "@/lib/cn";

export type { Shape } from "@/components/chart/pivot";
export type { Point, Series, Unit } from "@/components/chart/series";

// Recharts is large, and comes with the first chart only.
const TimeCanvas = lazy(() => import("@/components/chart/canvas").then((module) => ({ default: module.TimeCanvas })));
const Canvas = lazy(() => import("@/components/chart/canvas").then((module) => ({ default: module.Canvas })));

interface Common {
  /** What the chart shows, for screen readers: "Requests". */
  label: string;
  height?: number;
  loading?: boolean;
  /** Said over an empty chart: "No requests in this time". */
  empty?: ReactNode;
  className?: string;
}

interface TimeChartProps extends Common {
  series: Series[];
  unit?: Unit;
  /** The whole of what is shown, also where there are no points. */
  range: { from: Date; to: Date };
  /** Charts of one name point to the same time together. */
  sync?: string;
}

/** Values over time. Drawn empty where there are none, so that a quiet time is seen to be quiet. */
export function TimeChart({ series, unit = "count", range, sync, label, height = 160, loading = false, empty = "Nothing in this time", className }: TimeChartProps) {
  const rows = merge(series);
  const blank = rows.every((row) => series.every((_, at) => row.values[at] === null));
  return (
    <figure className={cn("relative flex min-w-0 flex-col gap-1", className)} aria-label={label} aria-busy={loading}>
      {series.length > 1 && <Legend names={series.map((each) => each.name)} />}
      <Frame height={height} loading={loading} empty={blank && empty}>
        <TimeCanvas rows={rows} series={series} unit={unit} range={range} sync={sync} height={height} label={loading ? label : summary(label, series, unit)} />
      </Frame>
      <Readings caption={label} head="Time" names={series.map((each) => each.name)} rows={rows} unit={unit} />
    </figure>
  );
}

interface ChartProps extends Omit<Common, "height"> {
  /** In pixels, or all that the class name gives it. */
  height?: number | "fill";
  rows: readonly Record<string, unknown>[];
  kind: "bar" | "line" | "area" | "scatter";
  /** The columns that are drawn. Values may be numbers, or text that reads as one. */
  x: string;
  y: string | string[];
  /** Draws a series for each value of this column. */
  group?: string;
  unit?: Unit;
}

/** Any rows as a chart: what SQL answered. The x axis is of time, of numbers or of names, as the values are. */
export function Chart({ rows, kind, x, y, group, unit = "count", label, height = 320, loading = false, empty = "No rows to draw", className }: ChartProps) {
  const shape: Shape = pivot(rows, { x, y: Array.isArray(y) ? y : [y], group, merged: kind !== "scatter" });
  return (
    <figure className={cn("relative flex min-w-0 flex-col gap-1", className)} aria-label={label} aria-busy={loading}>
      {shape.names.length > 1 && <Legend names={shape.names} />}
      <Frame height={height} loading={loading} empty={shape.rows.length === 0 && empty}>
        <Canvas shape={shape} kind={kind} unit={unit} height={height} label={label} />
      </Frame>
      {shape.left && <figcaption className="text-xs text-muted">{shape.left}</figcaption>}
      <Readings caption={label} head={x} names={shape.names} rows={shape.rows} unit={unit} text={shape.text} />
    </figure>
  );
}

/** Charts that wait to be drawn, the first to come first. */
const turns = new Set<() => void>();

/** Has the first chart that waits drawn, and the next one after the browser could answer. */
function takeTurns() {
  const [first] = turns;
  if (!first) return;
  first();
  turns.delete(first);
  requestAnimationFrame(() => setTimeout(takeTurns));
}

/** Whether it is this chart's turn. To draw one takes a while: each has a task of its own, so that a page of many does not stand still. */
function useTurn(): boolean {
  const [mine, setMine] = useState(false);
  useEffect(() => {
    const take = () => setMine(true);
    if (turns.add(take).size === 1) setTimeout(takeTurns);
    return () => void turns.delete(take);
  }, []);
  return mine;
}

function Frame({ height, loading, empty, children }: { height: number | "fill"; loading: boolean; empty: ReactNode; children: ReactNode }) {
  const mine = useTurn();
  const waiting = <Skeleton className="delayed size-full" />;
  return (
    // The height is kept from the first moment on: nothing moves when the values come.
    <div className={cn("relative min-w-0 text-xs", height === "fill" && "min-h-0 flex-1")} style={height === "fill" ? undefined : { height }}>
      {loading || !mine ? waiting : <Suspense fallback={waiting}>{children}</Suspense>}
      {!loading && empty && <p className="pointer-events-none absolute inset-0 flex items-center justify-center pb-6 text-sm text-muted">{empty}</p>}
    </div>
  );
}
