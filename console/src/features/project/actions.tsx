import { useMutation } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { ListChecks, MoreHorizontal, Pause, Play, RotateCcw, Terminal, Trash2 } from "lucide-react";
import { useState } from "react";
import { ConnectButton } from "@/components/connect-button";
import { Confirm } from "@/components/confirm";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Menu, MenuContent, MenuItem, MenuLabel, MenuTrigger } from "@/components/ui/menu";
import { useToast } from "@/components/ui/toast";
import { dismiss, useDismissed } from "@/features/project/start/dismissed";
import { ProjectService, ProjectStatus, type Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useRefusal } from "@/lib/organization";
import { useInvalidate } from "@/lib/queries";

const { pauseProject, resumeProject, deleteProject, restoreProject, getProject, listProjects } = ProjectService.method;

/** What can be done with a project as a whole. */
export function Actions({ project }: { project: Project }) {
  const [asking, setAsking] = useState<"pause" | "delete">();
  const refused = useRefusal(project.organization, "manage_projects");
  const invalidate = useInvalidate();
  const toast = useToast();
  const onSuccess = async () => {
    setAsking(undefined);
    await invalidate(getProject, listProjects);
  };
  const pause = useMutation(pauseProject, { onSuccess });
  const resume = useMutation(resumeProject, { onSuccess });
  const remove = useMutation(deleteProject, { onSuccess });
  const restore = useMutation(restoreProject, {
    onSuccess: async () => {
      await onSuccess();
      toast(`${project.name} was restored.`);
    },
  });
  const { status, ref } = project;
  const dismissed = useDismissed(ref) && status === ProjectStatus.ACTIVE;
  const failed = resume.error ?? restore.error;
  return (
    <div className="flex items-center gap-2">
      {status === ProjectStatus.ACTIVE && (
        <>
          <ConnectButton variant="primary" />
          <Button asChild>
            <Link to="/projects/$ref/sql" params={{ ref }}>
              <Terminal aria-hidden /> Open SQL editor
            </Link>
          </Button>
        </>
      )}
      {status === ProjectStatus.PAUSED && (
        <Button variant="primary" disabled={Boolean(refused)} busy={resume.isPending} onClick={() => resume.mutate({ ref })}>
          <Play aria-hidden /> Resume
        </Button>
      )}
      {status === ProjectStatus.DELETED && (
        <Button variant="primary" disabled={Boolean(refused)} busy={restore.isPending} onClick={() => restore.mutate({ ref })}>
          <RotateCcw aria-hidden /> Restore
        </Button>
      )}
      {![ProjectStatus.DELETED, ProjectStatus.PURGING].includes(status) && (
        <Menu>
          <MenuTrigger asChild>
            <Button size="icon" aria-label="More actions">
              <MoreHorizontal />
            </Button>
          </MenuTrigger>
          <MenuContent align="end" className="max-w-72">
            {dismissed && (
              <MenuItem onSelect={() => dismiss(ref, false)}>
                <ListChecks aria-hidden /> Show first steps
              </MenuItem>
            )}
            {refused && <MenuLabel>{refused}</MenuLabel>}
            <MenuItem disabled={Boolean(refused) || status !== ProjectStatus.ACTIVE} onSelect={() => setAsking("pause")}>
              <Pause aria-hidden /> Pause project
            </MenuItem>
            <MenuItem danger disabled={Boolean(refused)} onSelect={() => setAsking("delete")}>
              <Trash2 aria-hidden /> Delete project
            </MenuItem>
          </MenuContent>
        </Menu>
      )}
      <Confirm
        open={asking === "pause"}
        onOpenChange={(open) => !open && setAsking(undefined)}
        title={`Pause ${project.name}`}
        verb="Pause project"
        danger={false}
        busy={pause.isPending}
        error={pause.error}
        onConfirm={() => pause.mutate({ ref })}
      >
        Its users get no answers until it is resumed. Data, keys and the address are kept.
      </Confirm>
      <Confirm
        open={asking === "delete"}
        onOpenChange={(open) => !open && setAsking(undefined)}
        title={`Delete ${project.name}`}
        verb="Delete project"
        name={project.name}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate({ ref })}
      >
        It stops answering at once. Its database, users and files are removed for good after the grace time; until then it can be restored.
      </Confirm>
      <Dialog open={Boolean(failed)} onOpenChange={() => (resume.reset(), restore.reset())} title="It did not work">
        <ErrorState error={failed} />
        <DialogFooter>
          <Button onClick={() => (resume.reset(), restore.reset())}>Close</Button>
        </DialogFooter>
      </Dialog>
    </div>
  );
}
