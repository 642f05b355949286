import { useMutation, useQuery } from "@connectrpc/connect-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { z } from "zod";
import { Confirm } from "@/components/confirm";
import { CopyButton } from "@/components/copy-button";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { Page, Section } from "@/components/page";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useToast } from "@/components/ui/toast";
import { OrganizationService, type Organization } from "@/gen/fluxbase/controlplane/v1/organization_pb";
import { useRefusal } from "@/lib/organization";
import { useInvalidate } from "@/lib/queries";

const { getOrganization, listOrganizations, updateOrganization, deleteOrganization } = OrganizationService.method;

export function OrganizationSettingsPage() {
  const { slug } = useParams({ from: "/app/orgs/$slug/settings" });
  const organization = useQuery(getOrganization, { organization: slug });
  return (
    <Page title="Settings" about="The organisation's name, plan and end." narrow>
      {organization.isPending && <SkeletonRows rows={3} label="Loading the organisation" />}
      {organization.isError && (
        <ErrorState error={organization.error} what="The organisation could not be loaded" onRetry={() => void organization.refetch()} />
      )}
      {organization.data?.organization && (
        <>
          <Name organization={organization.data.organization} />
          <Deletion organization={organization.data.organization} />
        </>
      )}
    </Page>
  );
}

const schema = z.object({ name: z.string().trim().min(1, "Enter a name.").max(80, "A name has at most 80 characters.") });

function Name({ organization }: { organization: Organization }) {
  const refused = useRefusal(organization.slug, "manage_organization");
  const invalidate = useInvalidate();
  const toast = useToast();
  const update = useMutation(updateOrganization);
  const form = useCheckedForm(schema, { name: organization.name }, update.error);
  const submit = form.handleSubmit(async ({ name }) => {
    await update.mutateAsync({ organization: organization.slug, name, updateMask: { paths: ["name"] } });
    await invalidate(getOrganization, listOrganizations);
    form.reset({ name });
    toast("The name was changed.");
  });
  return (
    <Section title="General">
      <form onSubmit={(event) => void submit(event).catch(() => {})} className="flex flex-col gap-4" noValidate>
        <Field label="Name" error={form.formState.errors.name?.message} hint={refused}>
          <Input disabled={Boolean(refused)} {...form.register("name")} />
        </Field>
        <dl className="grid grid-cols-[auto_1fr] items-center gap-x-6 gap-y-1 text-sm">
          <dt className="text-muted">Short name</dt>
          <dd className="flex items-center gap-1 font-mono text-xs">
            {organization.slug} <CopyButton value={organization.slug} what="short name" />
          </dd>
          <dt className="text-muted">Plan</dt>
          <dd>{organization.plan}</dd>
        </dl>
        {update.isError && <ErrorState error={update.error} what="The name was not changed" />}
        <div>
          <Button type="submit" variant="primary" busy={update.isPending} disabled={Boolean(refused) || !form.formState.isDirty}>
            Save
          </Button>
        </div>
      </form>
    </Section>
  );
}

function Deletion({ organization }: { organization: Organization }) {
  const [open, setOpen] = useState(false);
  const refused = useRefusal(organization.slug, "delete_organization");
  const invalidate = useInvalidate();
  const navigate = useNavigate();
  const remove = useMutation(deleteOrganization, {
    onSuccess: async () => {
      await navigate({ to: "/orgs" });
      await invalidate(listOrganizations);
    },
  });
  return (
    <Section title="Delete organisation" about="Only when it has no projects left; deleted projects count until they are purged.">
      <div className="flex flex-col items-start gap-2">
        <Button variant="danger" disabled={Boolean(refused)} onClick={() => setOpen(true)}>
          Delete organisation
        </Button>
        {refused && <p className="text-xs text-muted">{refused}</p>}
      </div>
      <Confirm
        open={open}
        onOpenChange={(next) => {
          remove.reset();
          setOpen(next);
        }}
        title={`Delete ${organization.name}`}
        verb="Delete organisation"
        name={organization.slug}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate({ organization: organization.slug })}
      >
        The organisation, its members&rsquo; access and its open invitations end at once. This cannot be taken back.
      </Confirm>
    </Section>
  );
}
