import { Tooltip } from "@/components/ui/tooltip";
import { cn } from "@/lib/cn";

interface Props {
  /** What is granted if it is ticked. */
  label: string;
  on: boolean;
  /** Whether some columns are granted, and not all. */
  some?: boolean;
  /** Whether it differs from what is granted now. */
  changed: boolean;
  /** Why it cannot be changed. */
  locked?: string;
  onToggle: (on: boolean) => void;
}

export function GrantBox({ label, on, some, changed, locked, onToggle }: Props) {
  return (
    <Tooltip text={locked ?? (some ? "Some of its columns. Ticked, all of them." : undefined)}>
      <span className={cn("inline-flex size-6 items-center justify-center rounded", changed && "bg-accent-soft outline-1 outline-accent")}>
        <input
          type="checkbox"
          aria-label={`${label}${some ? ", some columns" : ""}${changed ? ", changed" : ""}`}
          className={cn("size-4 accent-(--accent)", locked && "opacity-50")}
          checked={on}
          aria-disabled={Boolean(locked)}
          ref={(box) => {
            if (box) box.indeterminate = Boolean(some);
          }}
          onChange={(event) => !locked && onToggle(event.target.checked)}
        />
      </span>
    </Tooltip>
  );
}
