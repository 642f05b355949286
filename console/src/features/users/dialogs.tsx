import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { z } from "zod";
import { Confirm } from "@/components/confirm";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { useToast } from "@/components/ui/toast";
import { useServed } from "@/features/project-auth/project";
import type { DialogProps } from "@/features/users/actions";
import { titleOf } from "@/features/users/user";

/** Changes a user, says so, and closes. */
function useUpdate({ user, onChanged, onClose }: DialogProps, done: string) {
  const { admin } = useServed();
  const toast = useToast();
  return useMutation({
    mutationFn: (body: Record<string, unknown>) => admin.updateUser(user.id, body),
    onSuccess: async () => {
      await onChanged();
      toast(done);
      onClose();
    },
  });
}

const editSchema = z.object({
  email: z.union([z.literal(""), z.email("Enter an email address.")]),
  phone: z
    .string()
    .trim()
    .transform((text) => text.replace(/^\+/, ""))
    .refine((text) => text === "" || /^[1-9][0-9]{6,14}$/.test(text), "Write the number with its country code, digits only."),
  confirm: z.boolean(),
});

export function EditUserDialog(props: DialogProps) {
  const { user, onClose } = props;
  const update = useUpdate(props, "The user was changed.");
  const form = useCheckedForm(editSchema, { email: user.email ?? "", phone: user.phone ?? "", confirm: false });
  const { errors } = form.formState;
  const submit = form.handleSubmit(({ email, phone, confirm }) =>
    update.mutate({
      ...(email !== (user.email ?? "") && { email }),
      ...(phone !== (user.phone ?? "") && { phone }),
      ...(confirm && email && { email_confirm: true }),
      ...(confirm && phone && { phone_confirm: true }),
    }),
  );
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Edit user">
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
        <Field label="Email" error={errors.email?.message}>
          <Input type="email" autoComplete="off" autoFocus {...form.register("email")} />
        </Field>
        <Field label="Phone" error={errors.phone?.message}>
          <Input inputMode="tel" autoComplete="off" {...form.register("phone")} />
        </Field>
        <label className="flex items-center gap-2 text-sm">
          <input type="checkbox" className="accent-(--accent)" {...form.register("confirm")} />
          Take the address and the number as confirmed
        </label>
        {update.isError && <ErrorState error={update.error} what="The user was not changed" />}
        <DialogFooter>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={update.isPending}>
            Save user
          </Button>
        </DialogFooter>
      </form>
    </Dialog>
  );
}

const passwordSchema = z.object({ password: z.string().min(6, "A password has at least 6 characters.").max(72, "A password has at most 72 characters.") });

export function PasswordDialog(props: DialogProps) {
  const { user, onClose } = props;
  const update = useUpdate(props, "The password was set.");
  const form = useCheckedForm(passwordSchema, { password: "" });
  const submit = form.handleSubmit(({ password }) => update.mutate({ password }));
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={`Set the password of ${titleOf(user)}`} description="Hand it over on a safe way, and have the user change it. Better: send a password recovery.">
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
        <Field label="New password" error={form.formState.errors.password?.message}>
          <Input type="password" autoComplete="new-password" autoFocus {...form.register("password")} />
        </Field>
        {update.isError && <ErrorState error={update.error} what="The password was not set" />}
        <DialogFooter>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={update.isPending}>
            Set password
          </Button>
        </DialogFooter>
      </form>
    </Dialog>
  );
}

const spans = [
  { value: "1h", name: "An hour" },
  { value: "24h", name: "A day" },
  { value: "168h", name: "A week" },
  { value: "720h", name: "30 days" },
  { value: "876000h", name: "Until it is lifted" },
];

export function BanDialog(props: DialogProps) {
  const { user, onClose } = props;
  const [span, setSpan] = useState("24h");
  const update = useUpdate(props, "The user is banned.");
  return (
    <Confirm
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Ban ${titleOf(user)}`}
      verb="Ban user"
      busy={update.isPending}
      error={update.error}
      onConfirm={() => update.mutate({ ban_duration: span })}
    >
      <div className="flex flex-col gap-4">
        <p>The user cannot sign in, and what they are signed in to stops within two seconds. Their data stays.</p>
        <Field label="For how long">
          <Select value={span} onChange={(event) => setSpan(event.target.value)}>
            {spans.map(({ value, name }) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </Select>
        </Field>
      </div>
    </Confirm>
  );
}

export function DeleteUserDialog({ user, onChanged, onClose, onDeleted }: DialogProps & { onDeleted: () => void }) {
  const { admin } = useServed();
  const toast = useToast();
  const [soft, setSoft] = useState(false);
  const remove = useMutation({
    mutationFn: () => admin.deleteUser(user.id, soft),
    onSuccess: async () => {
      onDeleted();
      await onChanged();
      toast("The user was deleted.");
    },
  });
  return (
    <Confirm
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Delete ${titleOf(user)}`}
      verb="Delete user"
      name={user.email || user.phone || user.id}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
    >
      <div className="flex flex-col gap-3">
        <p>The user, the identities, factors and sessions are removed for good. Rows of your tables that refer to the user go or stay as their foreign keys say.</p>
        <label className="flex items-start gap-2">
          <input type="checkbox" className="mt-1 accent-(--accent)" checked={soft} onChange={(event) => setSoft(event.target.checked)} />
          <span>
            Keep the row
            <span className="block text-xs">Without address, number and metadata, so that what refers to it stays. It cannot be taken back either.</span>
          </span>
        </label>
      </div>
    </Confirm>
  );
}
