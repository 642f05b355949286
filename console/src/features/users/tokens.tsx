import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { z } from "zod";
import { CopyButton } from "@/components/copy-button";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { ShownOnce } from "@/components/shown-once";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { useServed } from "@/features/project-auth/project";
import type { DialogProps } from "@/features/users/actions";
import { titleOf } from "@/features/users/user";
import { counted } from "@/lib/format";

const schema = z.object({ reason: z.string().trim().min(1, "Say why.").max(500, "A reason has at most 500 characters."), duration: z.string() });

/** A short-lived token as the user, to see what they see. */
export function ImpersonateDialog({ user, onClose }: DialogProps) {
  const { admin } = useServed();
  const make = useMutation({ mutationFn: (values: z.output<typeof schema>) => admin.impersonate(user.id, values) });
  const form = useCheckedForm(schema, { reason: "", duration: "15m" });
  const submit = form.handleSubmit((values) => make.mutate(values));
  const seconds = make.data?.expires_in;
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Impersonate ${titleOf(user)}`}
      description="With the token, requests do what the user may do. That it was made, by whom and why, is written to the project's audit log."
    >
      {make.data ? (
        <div className="flex flex-col gap-2">
          <ShownOnce value={make.data.access_token} what="token" onDone={onClose} />
          <p className="text-xs text-muted">
            {seconds ? `It is good for ${counted(Math.max(1, Math.round(seconds / 60)), "minute")}, and cannot be refreshed. ` : ""}Send it as bearer token, beside the project's publishable key.
          </p>
        </div>
      ) : (
        <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
          <Field label="Reason" hint="Stands in the audit log." error={form.formState.errors.reason?.message}>
            <Input autoFocus autoComplete="off" placeholder="Ticket 123: sees an empty list" {...form.register("reason")} />
          </Field>
          <Field label="For how long">
            <Select {...form.register("duration")}>
              <option value="5m">5 minutes</option>
              <option value="15m">15 minutes</option>
              <option value="1h">An hour</option>
            </Select>
          </Field>
          {make.isError && <ErrorState error={make.error} what="No token was made" />}
          <DialogFooter>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" variant="primary" busy={make.isPending}>
              Make token
            </Button>
          </DialogFooter>
        </form>
      )}
    </Dialog>
  );
}

/** The link of a mail without the mail, for who gets none. */
export function LinkDialog({ user, onClose }: DialogProps) {
  const { admin } = useServed();
  const [type, setType] = useState<"recovery" | "magiclink">("recovery");
  const make = useMutation({ mutationFn: () => admin.link(type, user.email!) });
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={`Make a link for ${titleOf(user)}`} description="Whoever opens it is signed in as the user. It is good once.">
      {make.data ? (
        <div className="flex flex-col gap-3 text-sm">
          <div className="flex items-center rounded-md border border-border bg-surface pl-2.5">
            <code className="min-w-0 flex-1 truncate font-mono text-xs" data-testid="link">
              {make.data.action_link}
            </code>
            <CopyButton value={make.data.action_link} what="link" />
          </div>
          <DialogFooter>
            <Button variant="primary" onClick={onClose}>
              Done
            </Button>
          </DialogFooter>
        </div>
      ) : (
        <div className="flex flex-col gap-4">
          <Field label="For what">
            <Select value={type} onChange={(event) => setType(event.target.value as typeof type)}>
              <option value="recovery">To set a new password</option>
              <option value="magiclink">To sign in</option>
            </Select>
          </Field>
          {make.isError && <ErrorState error={make.error} what="No link was made" />}
          <DialogFooter>
            <Button onClick={onClose}>Cancel</Button>
            <Button variant="primary" busy={make.isPending} onClick={() => make.mutate()}>
              Make link
            </Button>
          </DialogFooter>
        </div>
      )}
    </Dialog>
  );
}
