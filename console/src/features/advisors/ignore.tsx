import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import type { Advice } from "@/lib/catalog";

/** Asks why a finding is not to be shown any more. */
export function IgnoreDialog({ advice, onIgnore, onClose }: { advice: Advice; onIgnore: (reason: string) => void; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const ready = reason.trim() !== "";
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Ignore this finding">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) onIgnore(reason.trim());
        }}
      >
        <p className="text-sm text-muted">{advice.detail} It is kept in this browser only, and can be shown again.</p>
        <Field label="Reason" hint="For you, when you look at it again.">
          <Input value={reason} onChange={(event) => setReason(event.target.value)} maxLength={200} autoComplete="off" autoFocus />
        </Field>
        <DialogFooter>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" disabled={!ready}>
            Ignore
          </Button>
        </DialogFooter>
      </form>
    </Dialog>
  );
}
