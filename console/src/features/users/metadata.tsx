import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { z } from "zod";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { LeaveGuard } from "@/components/leave-guard";
import { Section } from "@/components/page";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Textarea } from "@/components/ui/input";
import { useToast } from "@/components/ui/toast";
import { useServed } from "@/features/project-auth/project";
import type { User } from "@/lib/auth-admin";

const object = z.string().transform((text, check): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text.trim() || "{}");
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    check.addIssue("Write a JSON object: it begins with { and ends with }.");
  } catch (error) {
    check.addIssue(`This is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return z.NEVER;
});

const schema = z.object({ user: object, app: object });

/** A key that is gone is sent as null: what is not named, the server keeps. */
function changes(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  const gone = Object.keys(before).filter((key) => !(key in after));
  return { ...after, ...Object.fromEntries(gone.map((key) => [key, null])) };
}

/** What the app wrote: which providers the user signs in by is the service's own to write. */
function appsOwn(user: User): Record<string, unknown> {
  const { provider: _, providers: __, ...rest } = user.app_metadata ?? {};
  return rest;
}

const pretty = (value: unknown) => JSON.stringify(value ?? {}, null, 2);

/** What is typed stays while the user is read again: it is about the user as they were when it was begun. */
export function Metadata({ user: present, onChanged }: { user: User; onChanged: () => Promise<unknown> }) {
  const [typing, setTyping] = useState<User>();
  const user = typing ?? present;
  return <Form key={`${user.id} ${user.updated_at}`} user={user} onTyping={(on) => setTyping(on ? user : undefined)} onChanged={onChanged} />;
}

function Form({ user, onTyping, onChanged }: { user: User; onTyping: (on: boolean) => void; onChanged: () => Promise<unknown> }) {
  const { admin } = useServed();
  const toast = useToast();
  const save = useMutation({
    mutationFn: (values: z.output<typeof schema>) =>
      admin.updateUser(user.id, { user_metadata: changes(user.user_metadata ?? {}, values.user), app_metadata: changes(appsOwn(user), values.app) }),
    onSuccess: async () => {
      onTyping(false);
      await onChanged();
      toast("The metadata was saved. Tokens carry it from their next refresh on.");
    },
  });
  const form = useCheckedForm(schema, { user: pretty(user.user_metadata), app: pretty(appsOwn(user)) });
  const { errors, isDirty } = form.formState;
  const told = useRef(onTyping);
  useEffect(() => {
    told.current = onTyping;
  });
  useEffect(() => told.current(isDirty), [isDirty]);
  const submit = form.handleSubmit((values) => save.mutate(values));
  const area = "field-sizing-content max-h-72 min-h-16 font-mono text-xs";
  return (
    <Section title="Metadata">
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-3" noValidate>
        <Field label="Of the user" hint="The user may change it. Never decide by it what they may do." error={errors.user?.message}>
          <Textarea spellCheck={false} className={area} {...form.register("user")} />
        </Field>
        <Field label="Of the app" hint="The user may not change it." error={errors.app?.message}>
          <Textarea spellCheck={false} className={area} {...form.register("app")} />
        </Field>
        {save.isError && <ErrorState error={save.error} what="The metadata was not saved" />}
        {isDirty && (
          <div className="flex justify-end gap-2">
            <Button onClick={() => form.reset()}>Discard</Button>
            <Button type="submit" variant="primary" busy={save.isPending}>
              Save metadata
            </Button>
          </div>
        )}
      </form>
      <LeaveGuard when={isDirty && !save.isPending && !save.isSuccess} />
    </Section>
  );
}
