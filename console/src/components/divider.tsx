import { useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { cn } from "@/lib/cn";

interface Props {
  label: string;
  /** What lies beside what: vertical parts left from right, horizontal parts top from bottom. */
  orientation: "vertical" | "horizontal";
  /** How much is before it: pixels, or percent of what both share. */
  at: number;
  unit: "pixels" | "percent";
  least: number;
  most: number;
  usual: number;
  onMove: (at: number) => void;
  className?: string;
}

/** Parts two areas of a page, moved by the pointer or the arrows; a double click brings it back. */
export function Divider({ label, orientation, at, unit, least, most, usual, onMove, className }: Props) {
  const [start, setStart] = useState<{ place: number; at: number; perUnit: number }>();
  const bar = useRef<HTMLDivElement>(null);
  const vertical = orientation === "vertical";
  const place = (event: PointerEvent) => (vertical ? event.clientX : event.clientY);
  const move = (next: number) => onMove(Math.round(Math.min(most, Math.max(least, next)) * 10) / 10);
  function perUnit(): number {
    const shared = bar.current?.parentElement;
    if (unit === "pixels" || !shared) return 1;
    return (vertical ? shared.clientWidth : shared.clientHeight) / 100;
  }
  const step = unit === "pixels" ? 16 : 4;
  const deltas: Record<string, number> = vertical ? { ArrowLeft: -step, ArrowRight: step } : { ArrowUp: -step, ArrowDown: step };
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- a separator that can be moved is a control
    <div
      ref={bar}
      role="separator"
      aria-orientation={orientation}
      aria-label={label}
      aria-valuenow={Math.round(at)}
      aria-valuemin={least}
      aria-valuemax={most}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a separator that can be moved is a control
      tabIndex={0}
      className={cn(
        "group relative z-10 shrink-0 touch-none bg-border outline-none hover:bg-accent focus-visible:bg-accent focus-visible:ring-1 focus-visible:ring-accent",
        // Thin to see, wide enough to take hold of.
        vertical ? "w-px cursor-col-resize after:absolute after:inset-y-0 after:-inset-x-1" : "h-px cursor-row-resize after:absolute after:inset-x-0 after:-inset-y-1",
        className,
      )}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setStart({ place: place(event), at, perUnit: perUnit() });
      }}
      onPointerMove={(event) => start && move(start.at + (place(event) - start.place) / start.perUnit)}
      onPointerUp={() => setStart(undefined)}
      onPointerCancel={() => setStart(undefined)}
      onDoubleClick={() => onMove(usual)}
      onKeyDown={(event: KeyboardEvent) => {
        const delta = deltas[event.key];
        if (!delta) return;
        event.preventDefault();
        move(at + delta);
      }}
    >
      {!vertical && <span className="absolute -top-0.5 left-1/2 h-1 w-8 -translate-x-1/2 rounded-full bg-border-strong group-hover:bg-accent group-focus-visible:bg-accent" aria-hidden />}
    </div>
  );
}
