import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { z } from "zod";
import { Confirm } from "@/components/confirm";
import { CopyButton } from "@/components/copy-button";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { LeaveGuard } from "@/components/leave-guard";
import { Button } from "@/components/ui/button";
import { DialogFooter, Sheet } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Textarea } from "@/components/ui/input";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useToast } from "@/components/ui/toast";
import { useServed } from "@/features/project-auth/project";
import { ssoKey } from "@/features/project-auth/sso";
import type { SsoProvider } from "@/lib/auth-admin";

const route = getRouteApi("/app/projects/$ref/auth/sso/$provider");

/** An identity provider beside the list: a new one, or one that is there. */
export function SsoProviderSheet() {
  const { ref, provider: id } = route.useParams();
  const { admin } = useServed();
  const navigate = useNavigate();
  const providers = useQuery({ queryKey: ssoKey(ref), queryFn: ({ signal }) => admin.ssoProviders(signal) });
  const provider = providers.data?.find((each) => each.id === id);
  const fresh = id === "new";
  const close = () => void navigate({ to: "/projects/$ref/auth/sso", params: { ref } });
  return (
    <Sheet open onOpenChange={(open) => !open && close()} title={fresh ? "Add identity provider" : (provider?.saml?.entity_id ?? "Identity provider")}>
      {providers.isPending && !fresh && <SkeletonRows rows={4} label="Loading the identity provider" />}
      {providers.isError && !fresh && <ErrorState error={providers.error} what="The identity provider could not be loaded" onRetry={() => void providers.refetch()} />}
      {providers.data && !fresh && !provider && <p className="text-sm text-muted">There is no such identity provider.</p>}
      {(fresh || provider) && <ProviderForm provider={provider} onDone={close} />}
    </Sheet>
  );
}

const attributes = z.string().transform((text, check): Record<string, unknown> | undefined => {
  if (!text.trim()) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  check.addIssue('Write a JSON object, as {"keys": {"name": {"name": "displayName"}}}.');
  return z.NEVER;
});

const schema = z.object({
  metadataUrl: z.union([z.literal(""), z.url({ protocol: /^https?$/, error: "Enter a web address." })]),
  metadataXml: z.string(),
  domains: z.string(),
  attributes,
});

function ProviderForm({ provider, onDone }: { provider: SsoProvider | undefined; onDone: () => void }) {
  const { admin, project } = useServed();
  const queries = useQueryClient();
  const toast = useToast();
  const [deleting, setDeleting] = useState(false);
  const done = async (text: string) => {
    await queries.invalidateQueries({ queryKey: ssoKey(project.ref) });
    toast(text);
  };
  const save = useMutation({
    mutationFn: (values: z.output<typeof schema>) => {
      const body = {
        ...(values.metadataUrl && { metadata_url: values.metadataUrl }),
        ...(!values.metadataUrl && values.metadataXml && { metadata_xml: values.metadataXml }),
        domains: values.domains.split(/[\s,]+/).filter(Boolean),
        ...(values.attributes && { attribute_mapping: values.attributes }),
      };
      return provider ? admin.updateSsoProvider(provider.id, body) : admin.createSsoProvider({ type: "saml", ...body });
    },
    onSuccess: () => done("The identity provider was saved.").then(onDone), // opened again, it begins with what was saved
  });
  const remove = useMutation({ mutationFn: () => admin.deleteSsoProvider(provider!.id), onSuccess: () => (onDone(), done("The identity provider was removed.")) });
  const mapping = provider?.saml?.attribute_mapping;
  const form = useCheckedForm(
    schema.refine((values) => provider || values.metadataUrl || values.metadataXml.trim(), { path: ["metadataUrl"], message: "Enter the address of the metadata, or paste it below." }),
    {
      metadataUrl: provider?.saml?.metadata_url ?? "",
      metadataXml: provider?.saml?.metadata_url ? "" : (provider?.saml?.metadata_xml ?? ""),
      domains: provider?.domains?.map(({ domain }) => domain).join(", ") ?? "",
      attributes: mapping?.keys && Object.keys(mapping.keys).length > 0 ? JSON.stringify(mapping, null, 2) : "",
    },
  );
  const { errors } = form.formState;
  const submit = form.handleSubmit((values) => save.mutate(values));
  const { isDirty } = form.formState;
  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
      {provider && (
        <p className="flex items-center gap-1 text-sm text-muted">
          Id <span className="font-mono text-xs">{provider.id}</span> <CopyButton value={provider.id} what="id" />
        </p>
      )}
      <Field label="Metadata URL" hint="The identity provider keeps it; certificates that it changes are taken over." error={errors.metadataUrl?.message}>
        <Input autoFocus={!provider} spellCheck={false} autoComplete="off" className="font-mono text-xs" placeholder="https://idp.example.com/metadata" {...form.register("metadataUrl")} />
      </Field>
      <Field label="Or the metadata itself" hint={provider ? "Leave empty to keep it." : "XML, for identity providers that publish none."} error={errors.metadataXml?.message}>
        <Textarea rows={4} spellCheck={false} className="font-mono text-xs" {...form.register("metadataXml")} />
      </Field>
      <Field label="Domains" hint="People with an address of them sign in here. Commas between; a domain belongs to one identity provider." error={errors.domains?.message}>
        <Input spellCheck={false} autoComplete="off" placeholder="acme.com, acme.org" {...form.register("domains")} />
      </Field>
      <Field label="Attribute mapping" hint="Which attributes of the answer become which of the user's metadata, as JSON. Empty for the usual ones." error={errors.attributes?.message}>
        <Textarea rows={4} spellCheck={false} className="font-mono text-xs" placeholder={'{"keys": {"name": {"name": "displayName"}}}'} {...form.register("attributes")} />
      </Field>
      {save.isError && <ErrorState error={save.error} what="The identity provider was not saved" />}
      <DialogFooter>
        {provider && (
          <Button variant="danger" className="mr-auto" onClick={() => setDeleting(true)}>
            Remove
          </Button>
        )}
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" variant="primary" busy={save.isPending}>
          {provider ? "Save identity provider" : "Add identity provider"}
        </Button>
      </DialogFooter>
      <LeaveGuard when={isDirty && !save.isPending && !remove.isPending} />
      {provider && (
        <Confirm open={deleting} onOpenChange={setDeleting} title="Remove identity provider" verb="Remove identity provider" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate()}>
          Nobody signs in by it any more. Users who did stay, and have no other way in unless you give them one.
        </Confirm>
      )}
    </form>
  );
}
