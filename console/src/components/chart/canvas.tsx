import { useState } from "react";
import { Area, Bar, CartesianGrid, ComposedChart, Line, Tooltip, XAxis, YAxis, type DotItemDotProps, type XAxisTickContentProps, type YAxisTickContentProps } from "recharts";
import { Mark } from "@/components/chart/aside";
import type { Size } from "@/components/chart/frame";
import type { Shape } from "@/components/chart/pivot";
import { full, short, ticks, tickText, valueTicks, zone, type Reading, type Unit } from "@/components/chart/series";
import { strokeOf } from "@/components/chart/stroke";
import { shorten } from "@/lib/format";

type Kind = "line" | "area" | "bar" | "scatter";

interface TimeProps {
  rows: Reading[];
  names: string[];
  kinds: Kind[];
  unit: Unit;
  from: number;
  to: number;
  sync?: string;
  /** Whether somebody points at one of the charts that belong together. */
  awake: boolean;
  size: Size;
  label: string;
}

export function TimeCanvas({ rows, names, kinds, unit, from, to, sync, awake, size, label }: TimeProps) {
  // An axis needs a row to be drawn at all.
  const data = rows.length > 0 ? rows : [from, to].map((at) => ({ at, values: names.map(() => null) }));
  const marks = marksOf(unit, rows);
  const [read, reading] = useFocus();
  return (
    <div {...reading}>
      <ComposedChart {...size} data={data} margin={margin} syncId={awake ? sync : undefined} syncMethod="value" aria-label={label}>
        {grid(names.length > 0 ? marks : [marks[0]!, marks.at(-1)!])}
        {names.map((name, index) => drawn(kinds[index]!, name, index, rows))}
        <XAxis
          {...axis}
          tick={TickText}
          dataKey="at"
          type="number"
          scale="time"
          domain={[from, to]}
          allowDataOverflow
          ticks={ticks(from, to, 5)}
          interval={0}
          tickFormatter={(at: number) => tickText(at, to - from)}
        />
        {valueAxis(unit, marks)}
        {awake && tooltip(names, unit, (at) => `${clock.format(at)} · ${zone}`, read)}
      </ComposedChart>
    </div>
  );
}

interface Props {
  shape: Shape;
  kind: Kind;
  unit: Unit;
  size: Size;
  label: string;
}

export function Canvas({ shape, kind, unit, size, label }: Props) {
  const span = (shape.rows.at(-1)?.at ?? 0) - (shape.rows[0]?.at ?? 0);
  // Bars stand beside each other by name, whatever they are of: a bar has no width on a scale.
  const names = shape.axis === "name" || kind === "bar";
  const marks = marksOf(unit, shape.rows);
  const [read, reading] = useFocus();
  return (
    <div {...reading}>
      <ComposedChart {...size} data={shape.rows} margin={margin} aria-label={label}>
        {grid(marks)}
        {shape.names.map((name, index) => drawn(kind, name, index, shape.rows))}
        <XAxis
          {...axis}
          dataKey="at"
          type={names ? "category" : "number"}
          domain={["dataMin", "dataMax"]}
          allowDuplicatedCategory={false}
          interval="equidistantPreserveStart"
          tickFormatter={(at: number) => (shape.axis === "time" ? tickText(at, span) : shape.axis === "number" ? short(at, "count") : shorten(shape.text(at), 8))}
        />
        {valueAxis(unit, marks)}
        {tooltip(shape.names, unit, shape.text, read)}
      </ComposedChart>
    </div>
  );
}

const clock = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** Whether the keyboard is on a chart: only that one tells its values to screen readers, and not those that point to the same time. */
function useFocus() {
  const [focused, setFocused] = useState(false);
  return [focused, { onFocus: () => setFocused(true), onBlur: () => setFocused(false) }] as const;
}

const margin = { top: 6, right: 20, bottom: 0, left: 0 };
// What has no zIndex of its own is drawn as it comes, for which Recharts needs no second pass: the grid first, the axes last.
const axis = { zIndex: 0, tickLine: false, axisLine: { stroke: "var(--border)" }, tick: { fill: "var(--muted)", fontSize: 11 }, minTickGap: 24, tickMargin: 6 } as const;

/** The words of a mark, without the measuring that Recharts' own would come with. */
function TickText({ x, y, textAnchor, verticalAnchor, payload, index, tickFormatter }: XAxisTickContentProps | YAxisTickContentProps) {
  return (
    <text x={x} y={y} dy={verticalAnchor === "start" ? "0.71em" : "0.355em"} textAnchor={textAnchor} fill="var(--muted)" fontSize={11}>
      {tickFormatter?.(payload.value, index)}
    </text>
  );
}

/** Where the value axis is marked: from zero, unless something is below it; and to somewhere, also where all is zero. */
function marksOf(unit: Unit, rows: Reading[]): number[] {
  const values = rows.flatMap((row) => row.values.filter((value) => value !== null));
  const [low, high] = values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [0, 0]);
  return valueTicks(low, high, unit === "count" && values.every(Number.isInteger));
}

/** The value axis, and a line for each of its marks. All is told that Recharts would otherwise find out by measuring text. */
function valueAxis(unit: Unit, marks: number[]) {
  const [low, high] = [marks[0]!, marks.at(-1)!];
  return (
    <YAxis
      {...axis}
      tick={TickText}
      axisLine={false}
      width={52}
      minTickGap={0}
      interval={0}
      niceTicks="none"
      ticks={marks}
      domain={[low, high]}
      tickFormatter={(value: number) => short(value, unit)}
    />
  );
}

function grid(marks: number[]) {
  const [low, high] = [marks[0]!, marks.at(-1)!];
  return (
    <CartesianGrid
      zIndex={0}
      vertical={false}
      stroke="var(--border)"
      verticalCoordinatesGenerator={() => []}
      horizontalCoordinatesGenerator={({ offset: { top, height } }) => marks.map((mark) => top + height * ((high - mark) / (high - low)))}
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

/** Reads the value of a series. The same function each time: another one would have all of the chart reckoned anew. */
const readers: ((row: Reading) => number | null)[] = [];
const reader = (index: number) => (readers[index] ??= (row) => row.values[index] ?? null);

function drawn(kind: Kind, name: string, index: number, rows: Reading[]) {
  const { color, dash } = strokeOf(index);
  const common = { dataKey: reader(index), name, isAnimationActive: false } as const;
  if (kind === "bar") return <Bar key={name} {...common} fill={color} maxBarSize={28} />;
  const active = { r: 3, fill: color, stroke: "var(--background)" };
  if (kind === "scatter") return <Line key={name} {...common} zIndex={0} stroke="none" dot={{ r: 2.5, fill: color, stroke: "none" }} activeDot={active} legendType="circle" />;
  // A reading without neighbours is no line: it is drawn as a dot.
  const known = (at: number) => typeof rows[at]?.values[index] === "number";
  const lone = (at: number) => known(at) && !known(at - 1) && !known(at + 1);
  const dot = ({ index: at, cx, cy }: DotItemDotProps) => (lone(at) ? <circle key={at} cx={cx} cy={cy} r={2} fill={color} /> : <g key={at} />);
  const line = { zIndex: 0, stroke: color, strokeWidth: 1.5, strokeDasharray: dash, dot: rows.some((_, at) => lone(at)) && dot, activeDot: active, type: "linear" } as const;
  return kind === "area" ? <Area key={name} {...common} {...line} fill={color} fillOpacity={0.08} /> : <Line key={name} {...common} {...line} />;
}
