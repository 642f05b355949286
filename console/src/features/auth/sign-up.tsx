import { createClient } from "@connectrpc/connect";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { z } from "zod";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { AuthFrame } from "@/features/auth/frame";
import { inWords } from "@/lib/auth-words";
import { AccountService } from "@/gen/fluxbase/controlplane/v1/account_pb";
import { useApp } from "@/lib/app";
import { returnTo } from "@/lib/session";

const schema = z.object({
  name: z.string().trim().max(80, "A name has at most 80 characters."),
  email: z.email("Enter an email address."),
  password: z.string().min(8, "A password has at least 8 characters.").max(72, "A password has at most 72 characters."),
});

const route = getRouteApi("/sign-up");

export function SignUpPage() {
  const { redirect } = route.useSearch();
  const { accounts, transport } = useApp();
  const router = useRouter();
  const [error, setError] = useState<unknown>();
  const [mailed, setMailed] = useState<string>();
  const form = useCheckedForm(schema, { name: "", email: "", password: "" });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async ({ name, email, password }) => {
    setError(undefined);
    const result = await accounts.client.signUp({ email, password, options: { data: name ? { name } : {}, emailRedirectTo: `${window.location.origin}/confirmed` } });
    if (result.error) return setError(inWords(result.error));
    if (!result.data.session) return setMailed(email);
    if (name) {
      // The account exists either way; a name that did not arrive can be set on the account page.
      await createClient(AccountService, transport)
        .updateAccount({ name, updateMask: { paths: ["name"] } })
        .catch(() => {});
    }
    router.history.push(returnTo(redirect));
  });
  const toSignIn = (
    <>
      {mailed ? "Confirmed?" : "Have an account?"}{" "}
      <Link to="/sign-in" search={{ redirect }} className="text-accent underline underline-offset-2">
        Sign in
      </Link>
    </>
  );
  if (mailed) {
    return (
      <AuthFrame title="Confirm your email" below={toSignIn}>
        <p className="text-sm text-muted">
          A mail with a link went to <span className="font-medium text-foreground">{mailed}</span>. Open the link, then sign in.
        </p>
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title="Sign up" below={toSignIn}>
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
        <Field label="Name" hint="How other members see you." error={errors.name?.message}>
          <Input autoComplete="name" autoFocus {...form.register("name")} />
        </Field>
        <Field label="Email" error={errors.email?.message}>
          <Input type="email" autoComplete="username" {...form.register("email")} />
        </Field>
        <Field label="Password" hint="At least 8 characters." error={errors.password?.message}>
          <Input type="password" autoComplete="new-password" {...form.register("password")} />
        </Field>
        {error ? <ErrorState error={error} what="The account was not created" /> : null}
        <Button type="submit" variant="primary" busy={isSubmitting}>
          Create account
        </Button>
      </form>
    </AuthFrame>
  );
}
