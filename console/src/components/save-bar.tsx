import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/cn";
import { counted } from "@/lib/format";

interface Props {
  /** How much was changed and not saved. */
  pending: number;
  what: string;
  error: unknown;
  busy: boolean;
  onDiscard: () => void;
  /** In a sheet it fills the sheet's width. */
  flush?: boolean;
}

/** Saves a form that is longer than the screen; there while something is to be saved. */
export function SaveBar({ pending, what, error, busy, onDiscard, flush }: Props) {
  if (pending === 0 && !error) return null;
  return (
    <div className={cn("sticky bottom-0 -mx-4 flex flex-col gap-3 border-t border-border px-4 py-3", flush ? "-mb-4 bg-raised" : "bg-background md:-mx-8 md:px-8")}>
      {error ? <ErrorState error={error} what="Nothing was saved" /> : null}
      <div className="flex items-center gap-2">
        <p className="flex-1 text-sm text-muted" role="status">
          {counted(pending, what)} not saved
        </p>
        <Button onClick={onDiscard}>Discard</Button>
        <Button type="submit" variant="primary" busy={busy} disabled={pending === 0}>
          Save
        </Button>
      </div>
    </div>
  );
}
