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
import { useApp } from "@/lib/app";
import { returnTo } from "@/lib/session";

const schema = z.object({
  email: z.email("Enter an email address."),
  password: z.string().min(1, "Enter the password."),
});

const route = getRouteApi("/sign-in");

export function SignInPage() {
  const { redirect } = route.useSearch();
  const { accounts } = useApp();
  const router = useRouter();
  const [error, setError] = useState<unknown>();
  const form = useCheckedForm(schema, { email: "", password: "" });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async (values) => {
    setError(undefined);
    const result = await accounts.client.signInWithPassword(values);
    if (result.error) return setError(inWords(result.error));
    router.history.push(returnTo(redirect));
  });
  return (
    <AuthFrame
      title="Sign in"
      below={
        <>
          No account yet?{" "}
          <Link to="/sign-up" search={{ redirect }} className="text-accent underline underline-offset-2">
            Sign up
          </Link>
        </>
      }
    >
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
        <Field label="Email" error={errors.email?.message}>
          <Input type="email" autoComplete="username" autoFocus {...form.register("email")} />
        </Field>
        <Field label="Password" error={errors.password?.message}>
          <Input type="password" autoComplete="current-password" {...form.register("password")} />
        </Field>
        <Link to="/forgot" className="-mt-2 w-fit text-xs text-accent underline underline-offset-2">
          Forgot the password?
        </Link>
        {error ? <ErrorState error={error} what="You are not signed in" /> : null}
        <Button type="submit" variant="primary" busy={isSubmitting}>
          Sign in
        </Button>
      </form>
    </AuthFrame>
  );
}
