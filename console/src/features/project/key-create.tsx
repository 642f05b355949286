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
import { KeyLimits, type KeyForm } from "@/features/project/key-limits";
import { scopesFor } from "@/features/project/key-scopes";
import { KeyService, KeyType } from "@/gen/fluxbase/controlplane/v1/key_pb";
import { useIdempotencyKey } from "@/lib/idempotency";
import { useInvalidate } from "@/lib/queries";

const chosen = (values: { type: string; scopes: string[] }) => {
  const possible = new Set(scopesFor(Number(values.type)).map(({ name }) => name));
  return values.scopes.filter((name) => possible.has(name));
};

const schema: z.ZodType<KeyForm, KeyForm> = z
  .object({
    name: z.string().trim().min(1, "Enter a name.").max(80, "A name has at most 80 characters."),
    type: z.string(),
    days: z.string(),
    bounds: z.string(),
    scopes: z.array(z.string()),
    perSecond: z.string().trim().regex(/^([1-9]\d{0,5})?$/, "Enter a whole number of requests, or nothing."),
  })
  .refine((values) => !values.bounds || chosen(values).length > 0, { path: ["scopes"], message: "Choose at least one." });

interface Props {
  projectRef: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function CreateKeyDialog(props: Props) {
  return (
    <Dialog open={props.open} onOpenChange={props.onOpenChange} title="Create key">
      <Form {...props} />
    </Dialog>
  );
}

function Form({ projectRef, onOpenChange }: Props) {
  const invalidate = useInvalidate();
  const idempotencyKey = useIdempotencyKey();
  const create = useMutation(KeyService.method.createKey, { onSuccess: () => void invalidate(KeyService.method.listKeys) });
  const form = useCheckedForm(schema, { name: "", type: String(KeyType.PUBLISHABLE), days: "", bounds: "", scopes: [], perSecond: "" }, create.error);
  const { errors } = form.formState;
  const type: KeyType = Number(form.watch("type"));
  const secret = type === KeyType.SECRET;
  const submit = form.handleSubmit((values) =>
    create.mutate({
      ref: projectRef,
      name: values.name,
      type,
      expireTime: expiryOf(values.days),
      scopes: values.bounds ? chosen(values) : [],
      requestsPerSecond: Number(values.perSecond || 0),
      idempotencyKey: idempotencyKey(values),
    }),
  );
  if (create.data) return <ShownOnce value={create.data.value} onDone={() => onOpenChange(false)} />;
  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
      <Field label="Name" hint="What uses it, to know later what stops when it is revoked." error={errors.name?.message}>
        <Input autoFocus autoComplete="off" placeholder={secret ? "Nightly job" : "Web app"} {...form.register("name")} />
      </Field>
      <Field
        label="Type"
        hint={secret ? "Passes over row level security: keep it on servers. Its value is shown once, when it is created." : "May be shipped in an app: row level security decides what it reads."}
        error={errors.type?.message}
      >
        <Select {...form.register("type")}>
          <option value={KeyType.PUBLISHABLE}>Publishable</option>
          <option value={KeyType.SECRET}>Secret</option>
        </Select>
      </Field>
      <KeyLimits type={type} bounded={Boolean(form.watch("bounds"))} register={form.register} errors={errors} />
      <Field label="Expires" error={errors.days?.message}>
        <Select {...form.register("days")}>
          {expiries.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </Select>
      </Field>
      {create.isError && <ErrorState error={create.error} what="The key was not created" />}
      <DialogFooter>
        <Button onClick={() => onOpenChange(false)}>Cancel</Button>
        <Button type="submit" variant="primary" busy={create.isPending}>
          Create key
        </Button>
      </DialogFooter>
    </form>
  );
}
