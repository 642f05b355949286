import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
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

const route = getRouteApi("/new-password");

const schema = z.object({ password: z.string().min(8, "A password has at least 8 characters.").max(72, "A password has at most 72 characters.") });

export function NewPasswordPage() {
  const { code, error_description: wrong } = route.useSearch();
  const { accounts } = useApp();
  if (code || wrong || !accounts.entered) {
    return (
      <AuthFrame
        title="The link does not work"
        below={
          <Link to="/forgot" className="text-accent underline underline-offset-2">
            Send another link
          </Link>
        }
      >
        <p className="text-sm text-muted">It was used already, is too old, or was asked for in another browser. The link works in the browser where you asked for it.</p>
      </AuthFrame>
    );
  }
  return <Form />;
}

function Form() {
  const { accounts } = useApp();
  const router = useRouter();
  const [error, setError] = useState<unknown>();
  const form = useCheckedForm(schema, { password: "" });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async ({ password }) => {
    setError(undefined);
    const failed = await accounts.setForgotten(password);
    if (failed) return setError(inWords(failed));
    router.history.push("/");
  });
  return (
    <AuthFrame
      title="Set a new password"
      below={
        <Link to="/" className="text-accent underline underline-offset-2">
          Go on without
        </Link>
      }
    >
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
        <Field label="New password" hint="At least 8 characters." error={errors.password?.message}>
          <Input type="password" autoComplete="new-password" autoFocus {...form.register("password")} />
        </Field>
        {error ? <ErrorState error={error} what="The password was not changed" /> : null}
        <Button type="submit" variant="primary" busy={isSubmitting}>
          Set password
        </Button>
      </form>
    </AuthFrame>
  );
}
