import { useMutation } from "@connectrpc/connect-query";
import { z } from "zod";
import { ErrorState } from "@/components/error-state";
import { expiries, expiryOf } from "@/components/expiry";
import { useCheckedForm } from "@/components/form";
import { ShownOnce } from "@/components/shown-once";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { AccountService } from "@/gen/fluxbase/controlplane/v1/account_pb";
import { useIdempotencyKey } from "@/lib/idempotency";
import { useInvalidate } from "@/lib/queries";

const schema = z.object({ name: z.string().trim().min(1, "Enter a name.").max(80, "A name has at most 80 characters."), days: z.string() });

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function CreateTokenDialog({ open, onOpenChange }: Props) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Create access token" description="Its value is shown once, when it is created.">
      <Form onDone={() => onOpenChange(false)} />
    </Dialog>
  );
}

function Form({ onDone }: { onDone: () => void }) {
  const invalidate = useInvalidate();
  const idempotencyKey = useIdempotencyKey();
  const create = useMutation(AccountService.method.createAccessToken, { onSuccess: () => void invalidate(AccountService.method.listAccessTokens) });
  const form = useCheckedForm(schema, { name: "", days: "90" }, create.error);
  const { errors } = form.formState;
  const submit = form.handleSubmit((values) =>
    create.mutate({ name: values.name, expireTime: expiryOf(values.days), idempotencyKey: idempotencyKey(values) }),
  );
  if (create.data) return <ShownOnce value={create.data.value} onDone={onDone} />;
  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
      <Field label="Name" hint="What uses it." error={errors.name?.message}>
        <Input autoFocus autoComplete="off" placeholder="Deploy script" {...form.register("name")} />
      </Field>
      <Field label="Expires" error={errors.days?.message}>
        <Select {...form.register("days")}>
          {expiries.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </Select>
      </Field>
      {create.isError && <ErrorState error={create.error} what="The token was not created" />}
      <DialogFooter>
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" variant="primary" busy={create.isPending}>
          Create token
        </Button>
      </DialogFooter>
    </form>
  );
}
