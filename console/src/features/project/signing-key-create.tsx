import { useMutation } from "@connectrpc/connect-query";
import { useState } from "react";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/input";
import { useToast } from "@/components/ui/toast";
import { algorithms } from "@/features/project/signing-algorithms";
import { SigningKeyService } from "@/gen/fluxbase/controlplane/v1/signing_key_pb";
import { useIdempotencyKey } from "@/lib/idempotency";
import { useInvalidate } from "@/lib/queries";

interface Props {
  projectRef: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function CreateSigningKeyDialog(props: Props) {
  return (
    <Dialog open={props.open} onOpenChange={props.onOpenChange} title="Create signing key">
      <Form {...props} />
    </Dialog>
  );
}

function Form({ projectRef, onOpenChange }: Props) {
  const [algorithm, setAlgorithm] = useState(algorithms[0]!);
  const invalidate = useInvalidate();
  const idempotencyKey = useIdempotencyKey();
  const toast = useToast();
  const create = useMutation(SigningKeyService.method.createSigningKey, {
    onSuccess: async () => {
      onOpenChange(false);
      await invalidate(SigningKeyService.method.listSigningKeys);
      toast("The key stands by. Rotate to sign with it.");
    },
  });
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate({ ref: projectRef, algorithm: algorithm.value, idempotencyKey: idempotencyKey({ algorithm: algorithm.name }) });
      }}
    >
      <Field label="Algorithm" hint={algorithm.about}>
        <Select value={algorithm.value} onChange={(event) => setAlgorithm(algorithms.find((each) => each.value === Number(event.target.value)) ?? algorithms[0]!)}>
          {algorithms.map((each) => (
            <option key={each.value} value={each.value}>
              {each.name}
            </option>
          ))}
        </Select>
      </Field>
      <p className="text-sm text-muted">The key is published at once and signs nothing until you rotate to it. Wait ten minutes before that when servers of yours verify tokens themselves.</p>
      {create.isError && <ErrorState error={create.error} what="The key was not created" />}
      <DialogFooter>
        <Button onClick={() => onOpenChange(false)}>Cancel</Button>
        <Button type="submit" variant="primary" busy={create.isPending}>
          Create signing key
        </Button>
      </DialogFooter>
    </form>
  );
}
