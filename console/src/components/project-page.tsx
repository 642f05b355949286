import { Link, useParams } from "@tanstack/react-router";
import { useDeferredValue, type ReactNode } from "react";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Page } from "@/components/page";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { ProjectStatus } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useProject, useRefusal } from "@/lib/organization";
import { ProjectContext } from "@/lib/project-data";

/** What a page that works with a project's data needs: the project is active, and the member may use it. Else it says why not. */
export function ProjectData({ title, children }: { title: string; children: ReactNode }) {
  const { ref } = useParams({ strict: false }) as { ref: string };
  const project = useProject(ref);
  const refused = useRefusal(project.data?.organization, "run_projects");
  const ready = project.data?.status === ProjectStatus.ACTIVE && !refused;
  // A page that waited for its project is drawn in small tasks, during which the browser answers.
  const drawn = useDeferredValue(ready);
  if (project.data && ready && drawn) {
    return (
      <ProjectContext value={project.data} key={ref}>
        {children}
      </ProjectContext>
    );
  }
  return (
    <Page title={title}>
      {(project.isPending || ready) && <SkeletonRows rows={6} label="Loading the project" />}
      {project.isError && (
        <ErrorState error={project.error} what="The project could not be loaded" onRetry={() => void project.refetch()} retrying={project.isFetching} />
      )}
      {project.data && !ready && (
        <EmptyState
          title={refused ? "Not allowed" : "The project is not active"}
          action={
            <Button asChild>
              <Link to="/projects/$ref" params={{ ref }}>
                Project home
              </Link>
            </Button>
          }
        >
          {refused ?? "Its data can be worked with when it is. Its home page shows what it is doing."}
        </EmptyState>
      )}
    </Page>
  );
}
