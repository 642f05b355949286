import { useMutation } from "@connectrpc/connect-query";
import { useState } from "react";
import { z } from "zod";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { Page, Section } from "@/components/page";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useToast } from "@/components/ui/toast";
import { inWords } from "@/lib/auth-words";
import { AccountService, type Account } from "@/gen/fluxbase/controlplane/v1/account_pb";
import { useApp } from "@/lib/app";
import { useAccount } from "@/lib/organization";
import { useInvalidate } from "@/lib/queries";

export function ProfilePage() {
  const account = useAccount();
  return (
    <Page title="Account" about="How you are known in this installation." beside={account.data?.operator && <Badge tone="accent">operator</Badge>} narrow>
      {account.isPending && <SkeletonRows rows={3} label="Loading the account" />}
      {account.isError && <ErrorState error={account.error} what="The account could not be loaded" onRetry={() => void account.refetch()} />}
      {account.data && (
        <>
          <Name account={account.data} />
          <Password account={account.data} />
        </>
      )}
    </Page>
  );
}

const nameSchema = z.object({ name: z.string().trim().max(80, "A name has at most 80 characters.") });

function Name({ account }: { account: Account }) {
  const invalidate = useInvalidate();
  const toast = useToast();
  const update = useMutation(AccountService.method.updateAccount);
  const form = useCheckedForm(nameSchema, { name: account.name }, update.error);
  const submit = form.handleSubmit(async ({ name }) => {
    await update.mutateAsync({ name, updateMask: { paths: ["name"] } });
    await invalidate(AccountService.method.getAccount);
    form.reset({ name });
    toast("The name was changed.");
  });
  return (
    <Section title="Profile">
      <form onSubmit={(event) => void submit(event).catch(() => {})} className="flex flex-col gap-4" noValidate>
        <Field label="Email">
          <Input value={account.email} readOnly disabled />
        </Field>
        <Field label="Name" hint="How other members see you." error={form.formState.errors.name?.message}>
          <Input autoComplete="name" {...form.register("name")} />
        </Field>
        {update.isError && <ErrorState error={update.error} what="The name was not changed" />}
        <div>
          <Button type="submit" variant="primary" busy={update.isPending} disabled={!form.formState.isDirty}>
            Save
          </Button>
        </div>
      </form>
    </Section>
  );
}

const passwordSchema = z
  .object({
    current: z.string().min(1, "Enter the present password."),
    password: z.string().min(8, "A password has at least 8 characters.").max(72, "A password has at most 72 characters."),
    again: z.string(),
  })
  .refine((values) => values.password === values.again, { path: ["again"], message: "The two are not the same." });

function Password({ account }: { account: Account }) {
  const { accounts } = useApp();
  const toast = useToast();
  const [error, setError] = useState<unknown>();
  const form = useCheckedForm(passwordSchema, { current: "", password: "", again: "" });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async ({ current, password }) => {
    setError(undefined);
    // Whoever finds this browser open must not be able to take the account over.
    const proof = await accounts.client.signInWithPassword({ email: account.email, password: current });
    if (proof.error) {
      if (proof.error.code === "invalid_credentials") return form.setError("current", { message: "This is not the present password." });
      return setError(inWords(proof.error));
    }
    const result = await accounts.client.updateUser({ password });
    if (result.error) return setError(inWords(result.error));
    form.reset();
    toast("The password was changed.");
  });
  return (
    <Section title="Password">
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
        <input type="text" name="username" autoComplete="username" value={account.email} readOnly hidden />
        <Field label="Present password" error={errors.current?.message}>
          <Input type="password" autoComplete="current-password" {...form.register("current")} />
        </Field>
        <Field label="New password" hint="At least 8 characters." error={errors.password?.message}>
          <Input type="password" autoComplete="new-password" {...form.register("password")} />
        </Field>
        <Field label="New password again" error={errors.again?.message}>
          <Input type="password" autoComplete="new-password" {...form.register("again")} />
        </Field>
        {error ? <ErrorState error={error} what="The password was not changed" /> : null}
        <div>
          <Button type="submit" variant="primary" busy={isSubmitting}>
            Change password
          </Button>
        </div>
      </form>
    </Section>
  );
}
