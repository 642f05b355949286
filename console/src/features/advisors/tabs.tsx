import { cn } from "@/lib/cn";
import { count } from "@/lib/format";

interface Props<T extends string> {
  label: string;
  value: T;
  tabs: { value: T; name: string; count?: number }[];
  onChange: (value: T) => void;
}

/** Which half of the advice is shown: buttons that are pressed, since both halves are the same list. */
export function Tabs<T extends string>({ label, value, tabs, onChange }: Props<T>) {
  return (
    <div role="group" aria-label={label} className="flex gap-1 border-b border-border">
      {tabs.map((tab) => {
        const on = tab.value === value;
        return (
          <button
            key={tab.value}
            type="button"
            aria-pressed={on}
            onClick={() => onChange(tab.value)}
            className={cn("-mb-px flex h-9 items-center gap-2 border-b-2 px-3 text-sm", on ? "border-accent font-medium text-foreground" : "border-transparent text-muted hover:text-foreground")}
          >
            {tab.name}
            {tab.count !== undefined && <span className="rounded bg-hover px-1.5 text-xs text-muted tabular-nums">{count(tab.count)}</span>}
          </button>
        );
      })}
    </div>
  );
}
