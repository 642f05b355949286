import { useMutation } from "@connectrpc/connect-query";
import { z } from "zod";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { useToast } from "@/components/ui/toast";
import { ProjectService, type Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useInvalidate } from "@/lib/queries";

const schema = z.object({ name: z.string().trim().min(1, "Enter a name.").max(80, "A name has at most 80 characters.") });

export function ProjectName({ project, refused }: { project: Project; refused: string | undefined }) {
  const invalidate = useInvalidate();
  const toast = useToast();
  const update = useMutation(ProjectService.method.updateProject, {
    onSuccess: async () => {
      await invalidate(ProjectService.method.getProject, ProjectService.method.listProjects);
      toast("The name was changed.");
    },
  });
  const form = useCheckedForm(schema, { name: project.name }, update.error);
  const submit = form.handleSubmit(({ name }) => update.mutate({ ref: project.ref, name, updateMask: { paths: ["name"] } }));
  return (
    <form onSubmit={(event) => void submit(event)} className="flex max-w-[640px] flex-col gap-3" noValidate>
      <Field label="Project name" error={form.formState.errors.name?.message}>
        <NameInput disabled={Boolean(refused)} busy={update.isPending} dirty={form.formState.isDirty} register={form.register("name")} />
      </Field>
      {update.isError && <ErrorState error={update.error} what="The name was not changed" />}
    </form>
  );
}

interface InputProps {
  id?: string;
  "aria-describedby"?: string;
  "aria-invalid"?: boolean;
  disabled: boolean;
  busy: boolean;
  dirty: boolean;
  register: React.ComponentProps<"input">;
}

function NameInput({ disabled, busy, dirty, register, ...described }: InputProps) {
  return (
    <div className="flex gap-2">
      <Input {...described} {...register} disabled={disabled} />
      <Button type="submit" busy={busy} disabled={disabled || !dirty}>
        Rename
      </Button>
    </div>
  );
}
