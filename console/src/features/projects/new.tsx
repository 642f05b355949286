import { useMutation, useQuery } from "@connectrpc/connect-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { z } from "zod";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { Page } from "@/components/page";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { ClusterService } from "@/gen/fluxbase/controlplane/v1/cluster_pb";
import { Isolation, ProjectService } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useIdempotencyKey } from "@/lib/idempotency";
import { useAccount, useRefusal } from "@/lib/organization";
import { useInvalidate } from "@/lib/queries";

const schema = z.object({
  name: z.string().trim().min(1, "Enter a name.").max(80, "A name has at most 80 characters."),
  isolation: z.coerce.number<string>(),
  cluster: z.string(),
});

export function NewProjectPage() {
  const { slug } = useParams({ from: "/app/orgs/$slug/projects/new" });
  const navigate = useNavigate();
  const invalidate = useInvalidate();
  const idempotencyKey = useIdempotencyKey();
  const refused = useRefusal(slug, "create_projects");
  const operator = useAccount().data?.operator ?? false;
  const clusters = useQuery(ClusterService.method.listClusters, { pageSize: 200 }, { enabled: operator });
  const create = useMutation(ProjectService.method.createProject);
  const form = useCheckedForm(schema, { name: "", isolation: String(Isolation.UNSPECIFIED), cluster: "" }, create.error);
  const { errors } = form.formState;
  const submit = form.handleSubmit(async (values) => {
    const request = { organization: slug, name: values.name, isolation: values.isolation as Isolation, cluster: values.cluster };
    const { project } = await create.mutateAsync({ ...request, idempotencyKey: idempotencyKey(request) });
    void invalidate(ProjectService.method.listProjects);
    await navigate({ to: "/projects/$ref", params: { ref: project!.ref } });
  });
  return (
    <Page title="Create project" about="A backend of its own: database, users, files and an address." narrow>
      <form onSubmit={(event) => void submit(event).catch(() => {})} className="flex flex-col gap-4" noValidate>
        <Field label="Name" hint="Can be changed later. The address comes from a ref that is made for you." error={errors.name?.message}>
          <Input autoFocus autoComplete="off" {...form.register("name")} />
        </Field>
        <Field
          label="Isolation"
          hint="A database of its own keeps even catalogs and extensions apart. Shared is for very many small projects of one trusted owner."
          error={errors.isolation?.message}
        >
          <Select {...form.register("isolation")}>
            <option value={Isolation.UNSPECIFIED}>The plan’s default</option>
            <option value={Isolation.DATABASE}>A database of its own</option>
            <option value={Isolation.SCHEMA}>Schemas of its own in a shared database</option>
          </Select>
        </Field>
        {operator && (clusters.data?.clusters.length ?? 0) > 1 && (
          <Field label="Cluster" hint="Operators can choose; otherwise the one with the most room." error={errors.cluster?.message}>
            <Select {...form.register("cluster")}>
              <option value="">By free capacity</option>
              {clusters.data?.clusters.map((each) => (
                <option key={each.id} value={each.name} disabled={each.draining}>
                  {each.name}
                  {each.draining ? " (draining)" : ""}
                </option>
              ))}
            </Select>
          </Field>
        )}
        {create.isError && <ErrorState error={create.error} what="The project was not created" />}
        {refused && <p className="text-sm text-muted">{refused}</p>}
        <div>
          <Button type="submit" variant="primary" busy={create.isPending} disabled={Boolean(refused)}>
            Create project
          </Button>
        </div>
      </form>
    </Page>
  );
}
