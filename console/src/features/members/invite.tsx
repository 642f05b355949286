import { useMutation } from "@connectrpc/connect-query";
import { z } from "zod";
import { CopyButton } from "@/components/copy-button";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { OrganizationService, Role } from "@/gen/fluxbase/controlplane/v1/organization_pb";
import { refusal, roleName, roles } from "@/lib/access";
import { useIdempotencyKey } from "@/lib/idempotency";
import { useRole } from "@/lib/organization";
import { useInvalidate } from "@/lib/queries";

const schema = z.object({ email: z.email("Enter an email address."), role: z.coerce.number<string>() });

interface Props {
  slug: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function InviteDialog(props: Props) {
  return (
    <Dialog open={props.open} onOpenChange={props.onOpenChange} title="Invite member" description="They get a mail with a link that is valid for seven days.">
      <InviteForm {...props} />
    </Dialog>
  );
}

function InviteForm({ slug, onOpenChange }: Props) {
  const mine = useRole(slug);
  const invalidate = useInvalidate();
  const idempotencyKey = useIdempotencyKey();
  const invite = useMutation(OrganizationService.method.inviteMember, {
    onSuccess: () => void invalidate(OrganizationService.method.listInvitations), // what is shown only now does not wait for it
  });
  const form = useCheckedForm(schema, { email: "", role: String(Role.DEVELOPER) }, invite.error);
  const { errors } = form.formState;
  const submit = form.handleSubmit((values) =>
    invite.mutate({ organization: slug, email: values.email, role: values.role as Role, idempotencyKey: idempotencyKey(values) }),
  );
  if (invite.data) {
    const url = new URL(invite.data.acceptUrl, window.location.origin).href;
    return (
      <div className="flex flex-col gap-3 text-sm">
        <p>
          <span className="font-medium">{invite.data.invitation?.email}</span> was invited by mail. You can also hand them this link; it is shown only now.
        </p>
        <div className="flex items-center rounded-md border border-border bg-surface pl-2.5">
          <code className="min-w-0 flex-1 truncate font-mono text-xs">{url}</code>
          <CopyButton value={url} what="invitation link" />
        </div>
        <DialogFooter>
          <Button onClick={() => invite.reset()}>Invite another</Button>
          <Button variant="primary" onClick={() => onOpenChange(false)}>
            Done
          </Button>
        </DialogFooter>
      </div>
    );
  }
  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
      <Field label="Email" error={errors.email?.message}>
        <Input type="email" autoFocus autoComplete="off" {...form.register("email")} />
      </Field>
      <Field label="Role" error={errors.role?.message}>
        <Select {...form.register("role")}>
          {roles.map(({ role, about }) => (
            <option key={role} value={role} disabled={role === Role.OWNER && Boolean(refusal(mine, "name_owners"))}>
              {roleName(role)}: {about}
            </option>
          ))}
        </Select>
      </Field>
      {invite.isError && <ErrorState error={invite.error} what="Nobody was invited" />}
      <DialogFooter>
        <Button onClick={() => onOpenChange(false)}>Cancel</Button>
        <Button type="submit" variant="primary" busy={invite.isPending}>
          Send invitation
        </Button>
      </DialogFooter>
    </form>
  );
}
