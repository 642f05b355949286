import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { z } from "zod";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { AuthFrame } from "@/features/auth/frame";
import { useApp } from "@/lib/app";
import { inWords } from "@/lib/auth-words";

const schema = z.object({ email: z.email("Enter an email address.") });

/** Sends a link to set a new password. Whether there is such an account is not told. */
export function ForgotPage() {
  const { accounts } = useApp();
  const [mailed, setMailed] = useState<string>();
  const [error, setError] = useState<unknown>();
  const form = useCheckedForm(schema, { email: "" });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async ({ email }) => {
    setError(undefined);
    const result = await accounts.client.resetPasswordForEmail(email, { redirectTo: `${window.location.origin}/new-password` });
    if (result.error) return setError(inWords(result.error));
    setMailed(email);
  });
  const below = (
    <Link to="/sign-in" className="text-accent underline underline-offset-2">
      Back to sign in
    </Link>
  );
  if (mailed) {
    return (
      <AuthFrame title="Look into your mail" below={below}>
        <p className="text-sm text-muted">
          If <span className="font-medium text-foreground">{mailed}</span> has an account, a mail with a link goes there. Open the link in this browser.
        </p>
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title="Forgot the password" below={below}>
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
        <Field label="Email" hint="You get a link to set a new password." error={errors.email?.message}>
          <Input type="email" autoComplete="username" autoFocus {...form.register("email")} />
        </Field>
        {error ? <ErrorState error={error} what="No mail was sent" /> : null}
        <Button type="submit" variant="primary" busy={isSubmitting}>
          Send link
        </Button>
      </form>
    </AuthFrame>
  );
}
