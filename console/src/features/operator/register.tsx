import { useMutation } from "@connectrpc/connect-query";
import { z } from "zod";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { useToast } from "@/components/ui/toast";
import { ClusterService } from "@/gen/fluxbase/controlplane/v1/cluster_pb";
import { useIdempotencyKey } from "@/lib/idempotency";
import { useInvalidate } from "@/lib/queries";

const schema = z.object({
  name: z.string().trim().regex(/^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$/, "Use 2 to 40 of a-z, 0-9 and -, not starting or ending with -."),
  adminUrl: z.string().trim().regex(/^postgres(ql)?:\/\/.+/, "Enter a URL that starts with postgres://."),
  capacity: z.coerce.number<string>("Enter a number.").int("Enter a whole number.").min(1, "At least 1 project.").max(1_000_000, "At most 1,000,000 projects."),
});

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function RegisterClusterDialog({ open, onOpenChange }: Props) {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Register cluster"
      description="The server is asked whether it can be reached, is PostgreSQL 15 to 18 and lets projects be made; then it is prepared."
    >
      <Form onDone={() => onOpenChange(false)} />
    </Dialog>
  );
}

function Form({ onDone }: { onDone: () => void }) {
  const invalidate = useInvalidate();
  const toast = useToast();
  const idempotencyKey = useIdempotencyKey();
  const register = useMutation(ClusterService.method.registerCluster, {
    onSuccess: async ({ cluster }) => {
      await invalidate(ClusterService.method.listClusters);
      toast(`${cluster?.name ?? "The cluster"} was registered.`);
      onDone();
    },
  });
  const form = useCheckedForm(schema, { name: "", adminUrl: "", capacity: "1000" }, register.error);
  const { errors } = form.formState;
  const submit = form.handleSubmit((values) => register.mutate({ ...values, idempotencyKey: idempotencyKey(values) }));
  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
      <Field label="Name" error={errors.name?.message}>
        <Input autoFocus autoComplete="off" placeholder="eu-2" className="font-mono" {...form.register("name")} />
      </Field>
      <Field label="Admin URL" hint="A login that may create databases and roles. Sealed at rest, and never shown again." error={errors.adminUrl?.message}>
        <Input type="password" autoComplete="off" placeholder="postgres://admin:…@host:5432/postgres" className="font-mono" {...form.register("adminUrl")} />
      </Field>
      <Field label="Capacity" hint="How many projects it may hold." error={errors.capacity?.message}>
        <Input type="number" min={1} className="text-right tabular-nums" {...form.register("capacity")} />
      </Field>
      {register.isError && <ErrorState error={register.error} what="The cluster was not registered" />}
      <DialogFooter>
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" variant="primary" busy={register.isPending}>
          Register cluster
        </Button>
      </DialogFooter>
    </form>
  );
}
