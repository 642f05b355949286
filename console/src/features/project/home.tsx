import { useParams } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";
import { ErrorState } from "@/components/error-state";
import { Page } from "@/components/page";
import { StatusBadge } from "@/components/status-badge";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Actions } from "@/features/project/actions";
import { Activity } from "@/features/project/activity/section";
import { Addresses } from "@/features/project/addresses";
import { RecentErrors } from "@/features/project/failures/section";
import { Keys } from "@/features/project/home-keys";
import { GettingStarted } from "@/features/project/start/section";
import { Steps } from "@/features/project/steps";
import { Usage } from "@/features/project/usage";
import { ProjectStatus, type Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { dateOf, exactly } from "@/lib/format";
import { useProject } from "@/lib/organization";
import { useWatchProject } from "@/lib/project";

export function ProjectHomePage() {
  const { ref } = useParams({ from: "/app/projects/$ref/" });
  const project = useProject(ref);
  // A page that waited for its project is drawn in small tasks, during which the browser answers.
  const shown = useDeferredValue(project.data);
  const [waited] = useState(project.isPending);
  useWatchProject(ref);
  if (project.isPending || (project.data && !shown)) {
    return (
      <Page title="Project">
        <SkeletonRows rows={4} label="Loading the project" />
      </Page>
    );
  }
  if (!shown) {
    return (
      <Page title="Project">
        <ErrorState
          error={project.error ?? new Error("The server did not name the project.")}
          what="The project could not be loaded"
          onRetry={() => void project.refetch()}
          retrying={project.isFetching}
        />
      </Page>
    );
  }
  return <Home project={shown} atOnce={!waited} />;
}

function Home({ project, atOnce }: { project: Project; atOnce: boolean }) {
  const below = useDeferredValue(true, atOnce); // what is further down comes after what is seen first
  const active = project.status === ProjectStatus.ACTIVE;
  const serving = [ProjectStatus.ACTIVE, ProjectStatus.PAUSED, ProjectStatus.PAUSING, ProjectStatus.RESUMING].includes(project.status);
  return (
    <Page title={project.name} beside={<StatusBadge status={project.status} />} about={sayings[project.status]} action={<Actions project={project} />}>
      {project.status === ProjectStatus.DELETED && (
        <p className="rounded-md border border-danger/40 bg-danger-soft px-3 py-2.5 text-sm">
          This project answers no more requests.{" "}
          {project.purgeTime && <>Its data is removed for good after {exactly(dateOf(project.purgeTime)!)}; until then it can be restored.</>}
        </p>
      )}
      <Steps project={project} />
      {active && <GettingStarted project={project} />}
      <Addresses project={project} />
      {serving && (
        <>
          <Activity project={project} />
          {below && (
            <>
              {active && <RecentErrors project={project} />}
              <Keys project={project} />
              <Usage project={project} />
            </>
          )}
        </>
      )}
    </Page>
  );
}

const sayings: Partial<Record<ProjectStatus, string>> = {
  [ProjectStatus.PROVISIONING]: "Being set up. You can leave this page; it goes on.",
  [ProjectStatus.PAUSED]: "Answers no requests; data is kept. Resume it to go on.",
  [ProjectStatus.PAUSING]: "Finishing its requests.",
  [ProjectStatus.RESUMING]: "Waking up.",
  [ProjectStatus.DELETED]: "Waiting to be purged.",
  [ProjectStatus.PURGING]: "Its data is being removed for good.",
  [ProjectStatus.FAILED]: "Stopped at a step that did not work.",
};
