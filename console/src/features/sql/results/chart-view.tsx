import { useMemo } from "react";
import { Chart } from "@/components/chart";
import { isNumeric } from "@/components/data-grid/value";
import { Select } from "@/components/ui/input";
import { unique } from "@/features/sql/results/export";
import type { ChartChoice } from "@/features/sql/tabs/store";
import type { Result } from "@/lib/meta";

interface Props {
  result: Result;
  /** What was chosen in this tab; of other columns, something that fits is. */
  choice: ChartChoice | undefined;
  onChange: (choice: ChartChoice) => void;
}

const kinds = [
  ["bar", "Bars"],
  ["line", "Lines"],
  ["area", "Areas"],
  ["scatter", "Points"],
] as const;

/** A result as a chart. */
export function ChartView({ result, choice, onChange }: Props) {
  const names = useMemo(() => unique(result.columns.map(({ name }) => name)), [result]);
  const rows = useMemo(() => result.rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at]]))), [result, names]);
  const numeric = names.filter((_, at) => isNumeric(result.columns[at]!.type));
  const shown = fitting(names, numeric, result, choice);
  if (!shown) return <p className="px-4 py-3 text-sm text-muted">A chart needs a column of numbers. This result has none.</p>;
  const set = (change: Partial<ChartChoice>) => onChange({ ...shown, ...change });
  return (
    <div className="flex h-full flex-col gap-2 overflow-auto px-4 py-2">
      <div className="grid shrink-0 grid-cols-2 gap-x-4 gap-y-1 sm:flex sm:flex-wrap sm:items-center">
        <Choice label="Kind" value={shown.kind} onChange={(kind) => set({ kind: kind as ChartChoice["kind"] })} options={kinds} />
        <Choice label="Along" value={shown.x} onChange={(x) => set({ x })} options={names.map((name) => [name, name])} />
        <fieldset className="col-span-2 flex flex-wrap items-center gap-x-3">
          <legend className="float-left mr-3 py-1.5 text-xs text-muted">Values</legend>
          {numeric.map((name) => (
            <label key={name} className="flex h-8 items-center gap-1.5 font-mono text-xs">
              <input
                type="checkbox"
                className="accent-accent"
                checked={shown.y.includes(name)}
                onChange={(event) => set({ y: event.target.checked ? [...shown.y, name] : shown.y.filter((each) => each !== name) })}
              />
              {name}
            </label>
          ))}
        </fieldset>
        <Choice label="Series by" value={shown.group ?? ""} onChange={(group) => set({ group: group || undefined })} options={[["", "—"], ...names.map((name) => [name, name] as const)]} />
      </div>
      <Chart rows={rows} kind={shown.kind} x={shown.x} y={shown.y} group={shown.group} label={`${shown.y.join(", ")} by ${shown.x}`} height="fill" className="min-h-44 flex-1" empty={shown.y.length === 0 ? "Choose a column of numbers" : undefined} />
    </div>
  );
}

/** What was chosen as far as the result has it, and else what is likely meant: the first time or name along, the numbers up. */
function fitting(names: string[], numeric: string[], result: Result, choice: ChartChoice | undefined): ChartChoice | undefined {
  if (numeric.length === 0) return undefined;
  if (choice && names.includes(choice.x) && choice.y.every((each) => numeric.includes(each))) {
    return { ...choice, group: choice.group && names.includes(choice.group) ? choice.group : undefined };
  }
  const time = names.find((_, at) => /^(date|timestamp)/.test(result.columns[at]!.type));
  const x = time ?? (numeric.some((name) => name !== names[0]) ? names[0]! : (names.find((name) => !numeric.includes(name)) ?? names[0]!));
  const y = numeric.find((name) => name !== x) ?? numeric[0]!;
  return { kind: time ? "line" : "bar", x, y: [y] };
}

function Choice({ label, value, onChange, options }: { label: string; value: string; onChange: (value: string) => void; options: readonly (readonly [string, string])[] }) {
  return (
    <label className="flex items-center gap-2 text-xs whitespace-nowrap text-muted">
      {label}
      <Select value={value} onChange={(event) => onChange(event.target.value)} className="w-full min-w-0 sm:w-32">
        {options.map(([key, words]) => (
          <option key={key} value={key}>
            {words}
          </option>
        ))}
      </Select>
    </label>
  );
}
