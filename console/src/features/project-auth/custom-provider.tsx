import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { UseFormReturn } from "react-hook-form";
import { z } from "zod";
import { Confirm } from "@/components/confirm";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { LeaveGuard } from "@/components/leave-guard";
import { Button } from "@/components/ui/button";
import { DialogFooter, Sheet } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useToast } from "@/components/ui/toast";
import { CallbackUrl, customKey } from "@/features/project-auth/providers";
import { OfProject, useServed } from "@/features/project-auth/project";
import type { CustomProvider } from "@/lib/auth-admin";

const route = getRouteApi("/app/projects/$ref/auth/providers/custom/$identifier");

/** A custom provider beside the list: a new one, or one that is there. */
export function CustomProviderSheet() {
  const { ref } = route.useParams();
  return (
    <OfProject projectRef={ref} quiet>
      <ProviderSheet />
    </OfProject>
  );
}

function ProviderSheet() {
  const { ref, identifier } = route.useParams();
  const { admin } = useServed();
  const navigate = useNavigate();
  const providers = useQuery({ queryKey: customKey(ref), queryFn: ({ signal }) => admin.customProviders(signal) });
  const provider = providers.data?.find((each) => each.identifier === identifier);
  const fresh = identifier === "new";
  const close = () => void navigate({ to: "/projects/$ref/auth/providers", params: { ref } });
  return (
    <Sheet open onOpenChange={(open) => !open && close()} title={fresh ? "Add provider" : (provider?.name ?? identifier)}>
      {providers.isPending && !fresh && <SkeletonRows rows={5} label="Loading the provider" />}
      {providers.isError && !fresh && <ErrorState error={providers.error} what="The provider could not be loaded" onRetry={() => void providers.refetch()} />}
      {providers.data && !fresh && !provider && <p className="text-sm text-muted">There is no provider {identifier}.</p>}
      {(fresh || provider) && <ProviderForm key={provider?.updated_at} provider={provider} onDone={close} />}
    </Sheet>
  );
}

const httpsUrl = z.union([z.literal(""), z.url({ protocol: /^https?$/, error: "Enter a web address." })]);

const schema = z.object({
  type: z.enum(["oidc", "oauth2"]),
  name: z.string().trim().min(1, "Enter a name."),
  identifier: z.string().trim().regex(/^[a-z0-9][a-z0-9-]*$/, "Use small letters, digits and hyphens."),
  clientId: z.string().trim().min(1, "Enter the client id."),
  secret: z.string(),
  scopes: z.string(),
  issuer: httpsUrl,
  authorizationUrl: httpsUrl,
  tokenUrl: httpsUrl,
  userinfoUrl: httpsUrl,
  enabled: z.boolean(),
  emailOptional: z.boolean(),
});

type Values = z.input<typeof schema>;

const prefix = "custom:";

function bodyOf(values: z.output<typeof schema>, fresh: boolean): Record<string, unknown> {
  const oidc = values.type === "oidc";
  return {
    ...(fresh && { provider_type: values.type, identifier: prefix + values.identifier }),
    name: values.name,
    client_id: values.clientId,
    ...(values.secret && { client_secret: values.secret }),
    scopes: values.scopes.split(/[\s,]+/).filter(Boolean),
    ...(oidc ? { issuer: values.issuer } : { authorization_url: values.authorizationUrl, token_url: values.tokenUrl, userinfo_url: values.userinfoUrl }),
    enabled: values.enabled,
    email_optional: values.emailOptional,
  };
}

function ProviderForm({ provider, onDone }: { provider: CustomProvider | undefined; onDone: () => void }) {
  const { admin, project } = useServed();
  const queries = useQueryClient();
  const toast = useToast();
  const [deleting, setDeleting] = useState(false);
  const done = async (text: string) => {
    await queries.invalidateQueries({ queryKey: customKey(project.ref) });
    toast(text);
  };
  const save = useMutation({
    mutationFn: (values: z.output<typeof schema>) =>
      provider ? admin.updateCustomProvider(provider.identifier, bodyOf(values, false)) : admin.createCustomProvider(bodyOf(values, true)),
    onSuccess: () => done("The provider was saved.").then(onDone), // opened again, it begins with what was saved
  });
  const remove = useMutation({ mutationFn: () => admin.deleteCustomProvider(provider!.identifier), onSuccess: () => (onDone(), done("The provider was removed.")) });
  const form = useCheckedForm(
    schema.refine((values) => provider || values.secret, { path: ["secret"], message: "Enter the client secret." }),
    {
      type: provider?.provider_type ?? "oidc",
      name: provider?.name ?? "",
      identifier: provider?.identifier.slice(prefix.length) ?? "",
      clientId: provider?.client_id ?? "",
      secret: "",
      scopes: (provider?.scopes ?? ["email", "profile"]).join(" "),
      issuer: provider?.issuer ?? "",
      authorizationUrl: provider?.authorization_url ?? "",
      tokenUrl: provider?.token_url ?? "",
      userinfoUrl: provider?.userinfo_url ?? "",
      enabled: provider?.enabled ?? true,
      emailOptional: provider?.email_optional ?? false,
    },
  );
  const submit = form.handleSubmit((values) => save.mutate(values));
  const { isDirty } = form.formState;
  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
      <CallbackUrl url={`${project.url}/auth/v1/callback`} />
      <Fields form={form as unknown as UseFormReturn<Values>} fresh={!provider} />
      {save.isError && <ErrorState error={save.error} what="The provider was not saved" />}
      <DialogFooter>
        {provider && (
          <Button variant="danger" className="mr-auto" onClick={() => setDeleting(true)}>
            Remove provider
          </Button>
        )}
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" variant="primary" busy={save.isPending}>
          {provider ? "Save provider" : "Add provider"}
        </Button>
      </DialogFooter>
      <LeaveGuard when={isDirty && !save.isPending && !remove.isPending} />
      {provider && (
        <Confirm open={deleting} onOpenChange={setDeleting} title={`Remove ${provider.name}`} verb="Remove provider" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate()}>
          Nobody signs in with it any more. Users and their identities stay.
        </Confirm>
      )}
    </form>
  );
}

function Fields({ form, fresh }: { form: UseFormReturn<Values>; fresh: boolean }) {
  const { errors } = form.formState;
  const oidc = form.watch("type") === "oidc";
  const line = (name: "issuer" | "authorizationUrl" | "tokenUrl" | "userinfoUrl", label: string, hint?: string) => (
    <Field label={label} hint={hint} error={errors[name]?.message}>
      <Input spellCheck={false} autoComplete="off" className="font-mono text-xs" {...form.register(name)} />
    </Field>
  );
  return (
    <>
      <Field label="Type" error={errors.type?.message}>
        <Select disabled={!fresh} {...form.register("type")}>
          <option value="oidc">OpenID Connect</option>
          <option value="oauth2">OAuth 2</option>
        </Select>
      </Field>
      <Field label="Name" error={errors.name?.message}>
        <Input autoComplete="off" autoFocus={fresh} placeholder="Acme ID" {...form.register("name")} />
      </Field>
      <Field label="Identifier" hint={`The app names it ${prefix}${form.watch("identifier") || "…"}. It cannot be changed later.`} error={errors.identifier?.message}>
        <Input autoComplete="off" spellCheck={false} disabled={!fresh} className="font-mono text-xs" placeholder="acme" {...form.register("identifier")} />
      </Field>
      {oidc
        ? line("issuer", "Issuer", "Its document /.well-known/openid-configuration tells the rest.")
        : [line("authorizationUrl", "Authorisation URL"), line("tokenUrl", "Token URL"), line("userinfoUrl", "User info URL", "Answers who the user is, with the access token.")].map((each, n) => (
            <div key={["authorize", "token", "user"][n]}>{each}</div>
          ))}
      <Field label="Client id" error={errors.clientId?.message}>
        <Input autoComplete="off" spellCheck={false} className="font-mono text-xs" {...form.register("clientId")} />
      </Field>
      <Field label="Client secret" hint={fresh ? undefined : "Is never shown. Leave empty to keep it."} error={errors.secret?.message}>
        <Input type="password" autoComplete="new-password" className="font-mono text-xs" {...form.register("secret")} />
      </Field>
      <Field label="Scopes" hint="Spaces between. OpenID Connect always asks for openid." error={errors.scopes?.message}>
        <Input autoComplete="off" spellCheck={false} className="font-mono text-xs" placeholder="email profile" {...form.register("scopes")} />
      </Field>
      <label className="flex items-center gap-2 text-sm">
        <input type="checkbox" className="accent-(--accent)" {...form.register("enabled")} /> On
      </label>
      <label className="flex items-center gap-2 text-sm">
        <input type="checkbox" className="accent-(--accent)" {...form.register("emailOptional")} /> Users without an email address may sign in
      </label>
    </>
  );
}
