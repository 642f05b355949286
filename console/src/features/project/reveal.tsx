import { useMutation } from "@connectrpc/connect-query";
import { Eye } from "lucide-react";
import { useState } from "react";
import { ErrorState } from "@/components/error-state";
import { ShownOnce } from "@/components/shown-once";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { KeyService, type Key } from "@/gen/fluxbase/controlplane/v1/key_pb";
import { useInvalidate } from "@/lib/queries";

interface Props {
  projectRef: string;
  secret: Key;
  refused: string | undefined;
}

/** A secret key: only its first characters are kept in the clear, and its value can be shown a single time. */
export function RevealSecret({ projectRef, secret, refused }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <div className="flex h-8 min-w-0 items-center gap-2 rounded-md border border-border bg-surface pr-0.5 pl-2.5">
        <code className="min-w-0 flex-1 truncate font-mono text-xs">{secret.display}</code>
        {secret.revealable && (
          <Button size="small" disabled={Boolean(refused)} onClick={() => setOpen(true)}>
            <Eye aria-hidden /> Reveal once
          </Button>
        )}
      </div>
      <p className="text-xs text-muted">
        {secret.revealable ? "Can be shown a single time. Have a safe place for it ready." : "Was shown already, and is stored as a hash only. Create another one if it is lost."}
      </p>
      <Dialog open={open} onOpenChange={setOpen} title="Reveal secret key">
        <Reveal projectRef={projectRef} secret={secret} onDone={() => setOpen(false)} />
      </Dialog>
    </div>
  );
}

function Reveal({ projectRef, secret, onDone }: { projectRef: string; secret: Key; onDone: () => void }) {
  const invalidate = useInvalidate();
  const reveal = useMutation(KeyService.method.revealKey, { onSettled: () => void invalidate(KeyService.method.listKeys) });
  if (reveal.data) return <ShownOnce value={reveal.data.value} onDone={onDone} />;
  return (
    <div className="flex flex-col gap-3 text-sm">
      <p className="text-muted">
        <span className="font-medium text-foreground">{secret.name || "This key"}</span> passes over row level security. It is shown now and never again; afterwards only a hash of it remains.
      </p>
      {reveal.isError && <ErrorState error={reveal.error} what="The key was not shown" />}
      <DialogFooter>
        <Button onClick={onDone}>Not now</Button>
        <Button variant="primary" busy={reveal.isPending} onClick={() => reveal.mutate({ ref: projectRef, keyId: secret.id })}>
          Show the key
        </Button>
      </DialogFooter>
    </div>
  );
}
