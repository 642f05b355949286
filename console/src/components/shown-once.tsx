import { CopyButton } from "@/components/copy-button";
import { Button } from "@/components/ui/button";
import { DialogFooter } from "@/components/ui/dialog";

/** A value that is on screen for the only time. */
export function ShownOnce({ value, what = "key", onDone }: { value: string; what?: string; onDone: () => void }) {
  return (
    <div className="flex flex-col gap-3 text-sm">
      <p>Copy it now: after this window closes it cannot be shown again.</p>
      <div className="flex items-start rounded-md border border-border bg-surface py-1 pl-2.5">
        <code className="min-w-0 flex-1 py-1 font-mono text-xs break-all" data-testid="shown-once">
          {value}
        </code>
        <CopyButton value={value} what={what} />
      </div>
      <DialogFooter>
        <Button variant="primary" onClick={onDone}>
          I have stored it
        </Button>
      </DialogFooter>
    </div>
  );
}
