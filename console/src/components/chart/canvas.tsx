import { useState } from "react";
import { Area, Bar, CartesianGrid, ComposedChart, Line, ResponsiveContainer, Tooltip, XAxis, YAxis, type DotItemDotProps } from "recharts";
import { Mark } from "@/components/chart/aside";
import type { Shape } from "@/components/chart/pivot";
import { full, short, ticks, tickText, valueTicks, zone, type Reading, type Series, type Unit } from "@/components/chart/series";
import { strokeOf } from "@/components/chart/stroke";
import { shorten } from "@/lib/format";

type Kind = "line" | "area" | "bar" | "scatter";

interface TimeProps {
  rows: Reading[];
  series: Series[];
  unit: Unit;
  range: { from: Date; to: Date };
  sync?: string;
  height: number;
  label: string;
}

export function TimeCanvas({ rows, series, unit, range, sync, height, label }: TimeProps) {
  const [from, to] = [range.from.getTime(), range.to.getTime()];
  // An axis needs a row to be drawn at all.
  const data = rows.length > 0 ? rows : [from, to].map((at) => ({ at, values: series.map(() => null) }));
  const names = series.map((each) => each.name);
  const [read, reading] = useFocus();
  return (
    <ResponsiveContainer width="100%" height={height} initialDimension={{ width: 320, height }} {...reading}>
      <ComposedChart data={data} margin={margin} syncId={sync} syncMethod="value" aria-label={label}>
        {grid}
        <XAxis
          {...axis}
          dataKey="at"
          type="number"
          scale="time"
          domain={[from, to]}
          allowDataOverflow
          ticks={ticks(from, to, 5)}
          interval={0}
          tickFormatter={(at: number) => tickText(at, to - from)}
        />
        {valueAxis(unit, rows)}
        {tooltip(names, unit, (at) => `${clock.format(at)} · ${zone}`, read)}
        {series.map((each, index) => drawn(each.kind ?? "line", each.name, index, rows))}
      </ComposedChart>
    </ResponsiveContainer>
  );
}

export function Canvas({ shape, kind, unit, height, label }: { shape: Shape; kind: Kind; unit: Unit; height: number | "fill"; label: string }) {
  const span = (shape.rows.at(-1)?.at ?? 0) - (shape.rows[0]?.at ?? 0);
  // Bars stand beside each other by name, whatever they are of: a bar has no width on a scale.
  const names = shape.axis === "name" || kind === "bar";
  const [read, reading] = useFocus();
  return (
    <ResponsiveContainer width="100%" height={height === "fill" ? "100%" : height} initialDimension={{ width: 640, height: height === "fill" ? 240 : height }} {...reading}>
      <ComposedChart data={shape.rows} margin={margin} aria-label={label}>
        {grid}
        <XAxis
          {...axis}
          dataKey="at"
          type={names ? "category" : "number"}
          domain={["dataMin", "dataMax"]}
          allowDuplicatedCategory={false}
          interval="equidistantPreserveStart"
          tickFormatter={(at: number) => (shape.axis === "time" ? tickText(at, span) : shape.axis === "number" ? short(at, "count") : shorten(shape.text(at), 8))}
        />
        {valueAxis(unit, shape.rows)}
        {tooltip(shape.names, unit, shape.text, read)}
        {shape.names.map((name, index) => drawn(kind, name, index, shape.rows))}
      </ComposedChart>
    </ResponsiveContainer>
  );
}

const clock = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** Whether the keyboard is on a chart: only that one tells its values to screen readers, and not those that point to the same time. */
function useFocus() {
  const [focused, setFocused] = useState(false);
  return [focused, { onFocus: () => setFocused(true), onBlur: () => setFocused(false) }] as const;
}

const margin = { top: 6, right: 20, bottom: 0, left: 0 };
const grid = <CartesianGrid vertical={false} stroke="var(--border)" />;
const axis = { tickLine: false, axisLine: { stroke: "var(--border)" }, tick: { fill: "var(--muted)", fontSize: 11 }, minTickGap: 24, tickMargin: 6 } as const;

/** From zero, unless something is below it; and to somewhere, also where all is zero. */
function valueAxis(unit: Unit, rows: Reading[]) {
  const values = rows.flatMap((row) => row.values.filter((value) => value !== null));
  const [low, high] = values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [0, 0]);
  const ticks = valueTicks(low, high, unit === "count" && values.every(Number.isInteger));
  return (
    <YAxis
      {...axis}
      axisLine={false}
      width={52}
      minTickGap={0}
      interval={0}
      ticks={ticks}
      domain={[ticks[0]!, ticks.at(-1)!]}
      tickFormatter={(value: number) => short(value, unit)}
    />
  );
}

function tooltip(names: string[], unit: Unit, text: (at: number) => string, read: boolean) {
  return (
    <Tooltip
      isAnimationActive={false}
      cursor={{ stroke: "var(--border-strong)", fill: "var(--hover)", fillOpacity: 0.5 }}
      content={({ active, payload }) => {
        const reading = payload?.[0]?.payload as Reading | undefined;
        return active && reading ? <Values reading={reading} names={names} unit={unit} text={text} read={read} /> : null;
      }}
    />
  );
}

interface ValuesProps {
  reading: Reading;
  names: string[];
  unit: Unit;
  text: (at: number) => string;
  read: boolean;
}

function Values({ reading, names, unit, text, read }: ValuesProps) {
  return (
    <div role={read ? "status" : undefined} className="max-w-72 rounded border border-border bg-raised px-2.5 py-1.5 text-xs">
      <p className="text-muted">{text(reading.at)}</p>
      {names.map((name, index) =>
        reading.values[index] === null && names.length > 1 ? null : (
          <p key={name} className="flex items-center gap-1.5">
            <Mark index={index} />
            <span className="min-w-0 flex-1 truncate pr-3">{name}</span>
            <span className="font-medium tabular-nums">{full(reading.values[index], unit)}</span>
          </p>
        ),
      )}
    </div>
  );
}

function drawn(kind: Kind, name: string, index: number, rows: Reading[]) {
  const { color, dash } = strokeOf(index);
  const common = { dataKey: (row: Reading) => row.values[index] ?? null, name, isAnimationActive: false } as const;
  // A reading without neighbours is no line: it is drawn as a dot.
  const known = (at: number) => typeof rows[at]?.values[index] === "number";
  const dot = ({ index: at, cx, cy }: DotItemDotProps) => (known(at) && !known(at - 1) && !known(at + 1) ? <circle key={at} cx={cx} cy={cy} r={2} fill={color} /> : <g key={at} />);
  const active = { r: 3, fill: color, stroke: "var(--background)" };
  if (kind === "bar") return <Bar key={name} {...common} fill={color} maxBarSize={28} />;
  if (kind === "scatter") return <Line key={name} {...common} stroke="none" dot={{ r: 2.5, fill: color, stroke: "none" }} activeDot={active} legendType="circle" />;
  const line = { stroke: color, strokeWidth: 1.5, strokeDasharray: dash, dot, activeDot: active, type: "linear" } as const;
  return kind === "area" ? <Area key={name} {...common} {...line} fill={color} fillOpacity={0.08} /> : <Line key={name} {...common} {...line} />;
}
