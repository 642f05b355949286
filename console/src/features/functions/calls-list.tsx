import { Button } from "@/components/ui/button";
import type { Parameter } from "@/features/functions/call";
import type { PastCall } from "@/features/functions/history";
import { Time } from "@/components/time";
import { counted } from "@/lib/format";
import { moveByArrows } from "@/lib/rows";

interface Props {
  calls: PastCall[];
  parameters: Parameter[];
  onChoose: (call: PastCall) => void;
  onClear: () => void;
}

/** What was called before with this browser; choosing one fills the form with its values. */
export function Calls({ calls, parameters, onChoose, onClear }: Props) {
  if (calls.length === 0) return null;
  return (
    <section className="flex flex-col gap-2" aria-label="Earlier calls">
      <div className="flex items-center gap-3">
        <h3 className="text-sm font-semibold">Earlier calls</h3>
        <p className="flex-1 text-xs text-muted">The last 50, kept in this browser with their values.</p>
        <Button size="small" onClick={onClear}>
          Forget
        </Button>
      </div>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the arrows move between its buttons */}
      <ul className="max-h-72 divide-y divide-border overflow-y-auto rounded-md border border-border" onKeyDown={moveByArrows}>
        {calls.map((each) => (
          <li key={each.id} className="relative flex items-center gap-3 px-3 py-1.5 text-xs hover:bg-hover focus-within:bg-hover">
            <button type="button" data-row disabled={!each.values} onClick={() => onChoose(each)} className="min-w-0 flex-1 truncate text-left font-mono after:absolute after:inset-0">
              {each.values ? valuesOf(each, parameters) || "no arguments" : "values too large to be kept"}
            </button>
            {each.as && <span className="max-w-28 truncate text-muted">{each.as.replace(/^user:(.{8}).*/, "user $1")}</span>}
            <span className={each.error ? "max-w-56 truncate text-danger" : "text-muted"}>{each.error ?? counted(each.rows ?? 0, "row")}</span>
            <span className="text-muted tabular-nums">{each.took} ms</span>
            <span className="relative z-10 text-muted">
              <Time at={new Date(each.at).toISOString()} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function valuesOf(call: PastCall, parameters: Parameter[]): string {
  return parameters
    .flatMap(({ place, title }) => {
      const given = call.values?.[place];
      return !given || given.is === "default" ? [] : [`${title}: ${given.is === "null" ? "null" : given.text.slice(0, 80)}`];
    })
    .join(", ");
}
