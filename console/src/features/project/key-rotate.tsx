import { useMutation } from "@connectrpc/connect-query";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { useState } from "react";
import { ErrorState } from "@/components/error-state";
import { ShownOnce } from "@/components/shown-once";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/input";
import { KeyService, KeyType, type Key } from "@/gen/fluxbase/controlplane/v1/key_pb";
import { useIdempotencyKey } from "@/lib/idempotency";
import { useInvalidate } from "@/lib/queries";

const overlaps = [
  { hours: 24, label: "For a day" },
  { hours: 1, label: "For an hour" },
  { hours: 7 * 24, label: "For 7 days" },
  { hours: 30 * 24, label: "For 30 days" },
  { hours: 0, label: "No longer" },
];

interface Props {
  projectRef: string;
  /** The key that gets a successor; the dialog is open while there is one. */
  of: Key | undefined;
  onClose: () => void;
}

export function RotateKeyDialog({ projectRef, of, onClose }: Props) {
  return (
    <Dialog open={Boolean(of)} onOpenChange={(open) => !open && onClose()} title={`Rotate ${of?.name || "key"}`}>
      {of && <Form key={of.id} projectRef={projectRef} of={of} onClose={onClose} />}
    </Dialog>
  );
}

function Form({ projectRef, of, onClose }: Props & { of: Key }) {
  const [hours, setHours] = useState(String(overlaps[0]!.hours));
  const invalidate = useInvalidate();
  const idempotencyKey = useIdempotencyKey();
  const rotate = useMutation(KeyService.method.rotateKey, { onSuccess: () => void invalidate(KeyService.method.listKeys) });
  if (rotate.data) return <ShownOnce value={rotate.data.value} onDone={onClose} />;
  const users = of.type === KeyType.SECRET ? "servers" : "apps";
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        rotate.mutate({ ref: projectRef, keyId: of.id, overlap: durationFromMs(Number(hours) * 3_600_000), idempotencyKey: idempotencyKey({ id: of.id, hours }) });
      }}
    >
      <p className="text-sm text-muted">
        A new key of the same name, type and scopes is made. Give it to your {users} while both keys work.
      </p>
      <Field
        label="The old key works"
        hint={Number(hours) === 0 ? `Every one of the ${users} that sends it is refused from now on.` : `After that, what still sends it is refused. A key does not outlive its own expiry by this.`}
      >
        <Select value={hours} onChange={(event) => setHours(event.target.value)}>
          {overlaps.map((each) => (
            <option key={each.hours} value={each.hours}>
              {each.label}
            </option>
          ))}
        </Select>
      </Field>
      {rotate.isError && <ErrorState error={rotate.error} what="The key was not rotated" />}
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant={Number(hours) === 0 ? "danger" : "primary"} busy={rotate.isPending}>
          Rotate key
        </Button>
      </DialogFooter>
    </form>
  );
}
