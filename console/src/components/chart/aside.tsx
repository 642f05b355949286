import { full, type Reading, type Unit } from "@/components/chart/series";
import { strokeOf } from "@/components/chart/stroke";
import { exactly } from "@/lib/format";

export function Mark({ index }: { index: number }) {
  const { color, dash } = strokeOf(index);
  return (
    <svg width="14" height="8" aria-hidden className="shrink-0">
      <line x1="0" x2="14" y1="4" y2="4" stroke={color} strokeWidth="2" strokeDasharray={dash} />
    </svg>
  );
}

/** Which line is which. */
export function Legend({ names }: { names: string[] }) {
  return (
    <ul className="flex flex-wrap gap-x-3 gap-y-0.5 text-xs text-muted">
      {names.map((name, index) => (
        <li key={name} className="flex min-w-0 items-center gap-1.5">
          <Mark index={index} />
          <span className="truncate">{name}</span>
        </li>
      ))}
    </ul>
  );
}

interface Props {
  caption: string;
  head: string;
  names: string[];
  rows: Reading[];
  unit: Unit;
  text?: (at: number) => string;
}

const most = 100;

/** The chart as a table, for screen readers: where something is, newest last. */
export function Readings({ caption, head, names, rows, unit, text = (at) => exactly(new Date(at)) }: Props) {
  const telling = rows.filter(({ values }) => values.some(Boolean));
  const told = telling.slice(-most);
  if (told.length === 0) return null;
  return (
    <div className="sr-only">
      <table>
        <caption>
          {caption}
          {telling.length > most && `: the last ${most} of ${telling.length} readings`}
        </caption>
        <thead>
          <tr>
            <th scope="col">{head}</th>
            {names.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {told.map(({ at, values }, index) => (
            <tr key={index}>
              <th scope="row">{text(at)}</th>
              {values.map((value, series) => (
                <td key={names[series]}>{full(value, unit)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
