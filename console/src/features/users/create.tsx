import { useMutation, useQueryClient } from "@tanstack/react-query";
import { z } from "zod";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { useToast } from "@/components/ui/toast";
import { useServed } from "@/features/project-auth/project";

interface Props {
  open: boolean;
  onClose: () => void;
}

export function CreateUserDialog({ open, onClose }: Props) {
  return (
    <Dialog open={open} onOpenChange={(next) => !next && onClose()} title="Create user" description="No mail is sent. The user signs in with the password, or by a link or code.">
      <CreateForm onDone={onClose} />
    </Dialog>
  );
}

const phone = z
  .string()
  .trim()
  .transform((text) => text.replace(/^\+/, ""))
  .refine((text) => text === "" || /^[1-9][0-9]{6,14}$/.test(text), "Write the number with its country code, digits only.");

const schema = z
  .object({ email: z.union([z.literal(""), z.email("Enter an email address.")]), phone, password: z.string().max(72, "A password has at most 72 characters."), confirm: z.boolean() })
  .refine((values) => values.email !== "" || values.phone !== "", { path: ["email"], message: "Enter an email address or a phone number." });

function CreateForm({ onDone }: { onDone: () => void }) {
  const { admin, project } = useServed();
  const queries = useQueryClient();
  const toast = useToast();
  const create = useMutation({
    mutationFn: (values: z.output<typeof schema>) =>
      admin.createUser({
        ...(values.email && { email: values.email, email_confirm: values.confirm }),
        ...(values.phone && { phone: values.phone, phone_confirm: values.confirm }),
        ...(values.password && { password: values.password }),
      }),
    onSuccess: async (user) => {
      await queries.invalidateQueries({ queryKey: ["auth", project.ref, "users"] });
      toast(`${user.email || user.phone || "The user"} was created.`);
    },
  });
  const form = useCheckedForm(schema, { email: "", phone: "", password: "", confirm: true });
  const { errors } = form.formState;
  const submit = form.handleSubmit((values) => create.mutate(values, { onSuccess: onDone }));
  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
      <Field label="Email" error={errors.email?.message}>
        <Input type="email" autoFocus autoComplete="off" {...form.register("email")} />
      </Field>
      <Field label="Phone" hint="With its country code. Leave empty for none." error={errors.phone?.message}>
        <Input inputMode="tel" autoComplete="off" placeholder="15551234567" {...form.register("phone")} />
      </Field>
      <Field label="Password" hint="Leave empty for none: then the user signs in by link or code, or sets one by recovery." error={errors.password?.message}>
        <Input type="password" autoComplete="new-password" {...form.register("password")} />
      </Field>
      <label className="flex items-start gap-2 text-sm">
        <input type="checkbox" className="mt-0.5 accent-(--accent)" {...form.register("confirm")} />
        <span>
          Take as confirmed
          <span className="block text-xs text-muted">Otherwise the user confirms the address or number before signing in.</span>
        </span>
      </label>
      {create.isError && <ErrorState error={create.error} what="The user was not created" />}
      <DialogFooter>
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" variant="primary" busy={create.isPending}>
          Create user
        </Button>
      </DialogFooter>
    </form>
  );
}

export function InviteUserDialog({ open, onClose }: Props) {
  return (
    <Dialog open={open} onOpenChange={(next) => !next && onClose()} title="Invite user" description="Makes the user and sends a mail with a link to accept.">
      <InviteForm onDone={onClose} />
    </Dialog>
  );
}

const inviteSchema = z.object({ email: z.email("Enter an email address.") });

function InviteForm({ onDone }: { onDone: () => void }) {
  const { admin, project } = useServed();
  const queries = useQueryClient();
  const toast = useToast();
  const invite = useMutation({
    mutationFn: (email: string) => admin.invite(email),
    onSuccess: async (_, email) => {
      await queries.invalidateQueries({ queryKey: ["auth", project.ref, "users"] });
      toast(`An invitation goes to ${email}.`);
    },
  });
  const form = useCheckedForm(inviteSchema, { email: "" });
  const submit = form.handleSubmit(({ email }) => invite.mutate(email, { onSuccess: onDone }));
  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
      <Field label="Email" error={form.formState.errors.email?.message}>
        <Input type="email" autoFocus autoComplete="off" {...form.register("email")} />
      </Field>
      {invite.isError && <ErrorState error={invite.error} what="Nobody was invited" />}
      <DialogFooter>
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" variant="primary" busy={invite.isPending}>
          Send invitation
        </Button>
      </DialogFooter>
    </form>
  );
}
