import { useMutation } from "@connectrpc/connect-query";
import { useMutation as useWork } from "@tanstack/react-query";
import { z } from "zod";
import { ErrorState } from "@/components/error-state";
import { useCheckedForm } from "@/components/form";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { useSnippetActions } from "@/features/sql/panel/use-snippets";
import { SnippetService, SnippetVisibility, type Snippet } from "@/gen/fluxbase/controlplane/v1/snippet_pb";
import { useIdempotencyKey } from "@/lib/idempotency";
import { useHere } from "@/lib/project-data";
import { useInvalidate } from "@/lib/queries";

const named = { name: z.string().trim().min(1, "Enter a name.").max(80, "At most 80 characters."), folder: z.string().trim().max(80, "At most 80 characters.") };
const saving = z.object({ ...named, visibility: z.enum(["private", "shared"]) });
const naming = z.object(named);

interface SaveProps {
  sql: string;
  /** What it is likely called. */
  name: string;
  /** Why it is saved as another one. */
  note?: string;
  onSaved: (snippet: Snippet) => void;
  onClose: () => void;
}

/** Keeps a text as a new snippet. */
export function SaveDialog({ sql, name, note, onSaved, onClose }: SaveProps) {
  const { project } = useHere();
  const invalidate = useInvalidate();
  const idempotencyKey = useIdempotencyKey();
  const save = useMutation(SnippetService.method.createSnippet, {
    onSuccess: ({ snippet }) => {
      void invalidate(SnippetService.method.listSnippets);
      onSaved(snippet!);
    },
  });
  const form = useCheckedForm(saving, { name, folder: "", visibility: "private" }, save.error);
  const { errors } = form.formState;
  const submit = form.handleSubmit((values) => {
    const visibility = values.visibility === "shared" ? SnippetVisibility.SHARED : SnippetVisibility.PRIVATE;
    const wanted = { ref: project.ref, name: values.name, folder: values.folder, sql, visibility };
    save.mutate({ ...wanted, idempotencyKey: idempotencyKey(wanted) });
  });
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Save snippet" description={note ?? "Snippets are kept by Fluxbase, and open in any browser."}>
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4" noValidate>
        <Field label="Name" error={errors.name?.message}>
          <Input autoFocus autoComplete="off" {...form.register("name")} />
        </Field>
        <Field label="Folder" hint="May stay empty." error={errors.folder?.message}>
          <Input autoComplete="off" {...form.register("folder")} />
        </Field>
        <Field label="Who sees it" error={errors.visibility?.message}>
          <Select {...form.register("visibility")}>
            <option value="private">Only you</option>
            <option value="shared">Everybody who works on this project</option>
          </Select>
        </Field>
        {save.isError && <ErrorState error={save.error} what="The snippet was not saved" />}
        <DialogFooter>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={save.isPending}>
            Save snippet
          </Button>
        </DialogFooter>
      </form>
    </Dialog>
  );
}

/** Renames a snippet, and moves it to a folder. */
export function DescribeDialog({ snippet, onClose }: { snippet: Snippet; onClose: () => void }) {
  const actions = useSnippetActions();
  const change = useWork({ mutationFn: ({ name, folder }: z.infer<typeof naming>) => actions.describe(snippet, name, folder), onSuccess: onClose });
  const form = useCheckedForm(naming, { name: snippet.name, folder: snippet.folder }, change.error);
  const { errors } = form.formState;
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Rename or move snippet">
      <form onSubmit={(event) => void form.handleSubmit((values) => change.mutate(values))(event)} className="flex flex-col gap-4" noValidate>
        <Field label="Name" error={errors.name?.message}>
          <Input autoFocus autoComplete="off" {...form.register("name")} />
        </Field>
        <Field label="Folder" hint="Snippets of one folder stand together." error={errors.folder?.message}>
          <Input autoComplete="off" {...form.register("folder")} />
        </Field>
        {change.isError && <ErrorState error={change.error} what="Nothing was changed" />}
        <DialogFooter>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={change.isPending}>
            Save
          </Button>
        </DialogFooter>
      </form>
    </Dialog>
  );
}
