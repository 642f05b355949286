import { useCallback, useEffect, useMemo, useState, type ReactNode } from "react";
import { Legend, Readings } from "@/components/chart/aside";
import { useAwake } from "@/components/chart/awake";
import { Frame, type Size } from "@/components/chart/frame";
import { pivot, type Shape } from "@/components/chart/pivot";
import { merge, summary, type Series, type Unit } from "@/components/chart/series";
import { cn } from "@/lib/cn";

export type { Shape } from "@/components/chart/pivot";
export type { Point, Series, Unit } from "@/components/chart/series";

type Canvases = typeof import("@/components/chart/canvas");

/** What draws. Recharts is large, and comes with the first chart only. */
function useCanvases(): Canvases | undefined {
  const [canvases, setCanvases] = useState<Canvases>();
  useEffect(() => {
    void import("@/components/chart/canvas").then(setCanvases, (error: unknown) =>
      setCanvases(() => {
        throw error; // to be told in place of the page, as when any part of it does not come
      }),
    );
  }, []);
  return canvases;
}

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
  const canvases = useCanvases();
  const [awake, waking] = useAwake(sync);
  const rows = merge(series);
  const blank = rows.every((row) => row.values.every((value) => value === null));
  const names = series.map((each) => each.name);
  const kinds = series.map((each) => each.kind ?? "line");
  const picture = useSame({ rows, names, kinds, unit, from: range.from.getTime(), to: range.to.getTime(), sync, label: summary(label, series, unit) });
  const draw = useCallback(
    (size: Size) => (
      <>
        {canvases && <canvases.TimeCanvas {...picture} awake={awake} size={size} />}
        <Readings caption={label} head="Time" names={picture.names} rows={picture.rows} unit={picture.unit} />
      </>
    ),
    [canvases, picture, awake, label],
  );
  return (
    <figure className={cn("relative flex min-w-0 flex-col gap-1", className)} aria-label={label} aria-busy={loading} {...waking}>
      {series.length > 1 && <Legend names={names} />}
      <Frame height={height} loading={loading || !canvases} empty={!loading && blank && empty}>
        {draw}
      </Frame>
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
  const canvases = useCanvases();
  const columns = useSame(Array.isArray(y) ? y : [y]);
  const shape: Shape = useMemo(() => pivot(rows, { x, y: columns, group, merged: kind !== "scatter" }), [rows, x, columns, group, kind]);
  const draw = useCallback(
    (size: Size) => (
      <>
        {canvases && <canvases.Canvas shape={shape} kind={kind} unit={unit} size={size} label={label} />}
        <Readings caption={label} head={x} names={shape.names} rows={shape.rows} unit={unit} text={shape.text} />
      </>
    ),
    [canvases, shape, kind, unit, label, x],
  );
  return (
    <figure className={cn("relative flex min-w-0 flex-col gap-1", className)} aria-label={label} aria-busy={loading}>
      {shape.names.length > 1 && <Legend names={shape.names} />}
      <Frame height={height} loading={loading || !canvases} empty={!loading && shape.rows.length === 0 && empty}>
        {draw}
      </Frame>
      {shape.left && <figcaption className="text-xs text-muted">{shape.left}</figcaption>}
    </figure>
  );
}

/** The value as it was before, as long as the new one says the same. */
function useSame<T>(value: T): T {
  const text = JSON.stringify(value);
  return useMemo(() => JSON.parse(text) as T, [text]);
}
