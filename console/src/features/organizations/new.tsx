import { useMutation } from "@connectrpc/connect-query";
import { useNavigate } from "@tanstack/react-router";
import { z } from "zod";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { Page } from "@/components/page";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { OrganizationService } from "@/gen/fluxbase/controlplane/v1/organization_pb";
import { useIdempotencyKey } from "@/lib/idempotency";
import { useInvalidate } from "@/lib/queries";

const schema = z.object({
  name: z.string().trim().min(1, "Enter a name.").max(80, "A name has at most 80 characters."),
  slug: z
    .string()
    .trim()
    .regex(/^([a-z0-9][a-z0-9-]{1,38}[a-z0-9])?$/, "Use 3 to 40 of a-z, 0-9 and -, not starting or ending with -."),
});

function slugOf(name: string): string {
  const plain = name.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40);
}

export function NewOrganizationPage() {
  const navigate = useNavigate();
  const invalidate = useInvalidate();
  const idempotencyKey = useIdempotencyKey();
  const create = useMutation(OrganizationService.method.createOrganization);
  const form = useCheckedForm(schema, { name: "", slug: "" }, create.error);
  const { errors } = form.formState;
  const suggested = slugOf(form.watch("name"));
  const submit = form.handleSubmit(async (values) => {
    const { organization } = await create.mutateAsync({ ...values, idempotencyKey: idempotencyKey(values) });
    await invalidate(OrganizationService.method.listOrganizations);
    await navigate({ to: "/orgs/$slug/projects", params: { slug: organization!.slug } });
  });
  return (
    <Page title="Create organisation" about="It holds projects and the people who work on them. You become its owner." narrow>
      <form onSubmit={(event) => void submit(event).catch(() => {})} className="flex flex-col gap-4" noValidate>
        <Field label="Name" error={errors.name?.message}>
          <Input autoFocus autoComplete="organization" {...form.register("name")} />
        </Field>
        <Field label="Short name" hint="Stands in URLs and never changes. Made from the name when left empty." error={errors.slug?.message}>
          <Input className="font-mono" placeholder={suggested || "acme"} autoComplete="off" spellCheck={false} {...form.register("slug")} />
        </Field>
        {create.isError && <ErrorState error={create.error} what="The organisation was not created" />}
        <div>
          <Button type="submit" variant="primary" busy={create.isPending}>
            Create organisation
          </Button>
        </div>
      </form>
    </Page>
  );
}
