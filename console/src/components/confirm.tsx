import { useState, type ReactNode } from "react";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** What will happen, and to whom. */
  children: ReactNode;
  /** The button's verb: "Delete project". */
  verb: string;
  /** Must be typed first, for what has data in it. */
  name?: string;
  busy?: boolean;
  error?: unknown;
  danger?: boolean;
  onConfirm: () => void;
}

/** Asks once, saying what will happen. */
export function Confirm({ open, onOpenChange, title, children, verb, name, busy, error, danger = true, onConfirm }: Props) {
  const [typed, setTyped] = useState("");
  const ready = !name || typed.trim() === name;
  return (
    <Dialog
      open={open}
      title={title}
      onOpenChange={(next) => {
        if (!next) setTyped("");
        onOpenChange(next);
      }}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          event.stopPropagation(); // a form that this dialog stands in is not meant
          if (ready) onConfirm();
        }}
      >
        <div className="text-sm text-muted">{children}</div>
        {name && (
          <Field
            label={
              <>
                Type <span className="font-mono select-all">{name}</span> to confirm
              </>
            }
          >
            <Input value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" autoFocus />
          </Field>
        )}
        {error ? <ErrorState error={error} /> : null}
        <DialogFooter>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button type="submit" variant={danger ? "danger" : "primary"} disabled={!ready} busy={busy}>
            {verb}
          </Button>
        </DialogFooter>
      </form>
    </Dialog>
  );
}
