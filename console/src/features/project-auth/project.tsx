import { createContext, useContext, type ReactNode } from "react";
import { ErrorState } from "@/components/error-state";
import { SkeletonRows } from "@/components/ui/skeleton";
import { ProjectStatus, type Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useAuthAdmin, type AuthAdmin } from "@/lib/auth-admin";
import { useProject, useRefusal } from "@/lib/organization";

interface Served {
  project: Project;
  admin: AuthAdmin;
}

const context = createContext<Served | null>(null);

/** The project whose auth is at hand, and who manages it. */
export function useServed(): Served {
  const served = useContext(context);
  if (!served) throw new Error("useServed outside OfProject");
  return served;
}

interface Props {
  projectRef: string;
  children: ReactNode;
  /** Whether another part of the page says what is wrong. */
  quiet?: boolean;
}

/** Shows what asks the project's own auth service, once it is known where that answers; or says why it does not. */
export function OfProject({ projectRef, children, quiet }: Props) {
  const project = useProject(projectRef);
  const refused = useRefusal(project.data?.organization, "run_projects");
  if (quiet && (refused || project.data?.status !== ProjectStatus.ACTIVE)) return null;
  if (project.isPending) return <SkeletonRows rows={6} />;
  if (!project.data) {
    return <ErrorState error={project.error ?? new Error("The server did not name the project.")} what="The project could not be loaded" onRetry={() => void project.refetch()} retrying={project.isFetching} />;
  }
  if (refused) return <p className="text-sm text-muted">{refused}</p>;
  if (project.data.status !== ProjectStatus.ACTIVE) {
    return <p className="text-sm text-muted">The project does not answer at the moment. Its home page tells why.</p>;
  }
  return (
    <Provided key={project.data.pathUrl} project={project.data}>
      {children}
    </Provided>
  );
}

function Provided({ project, children }: { project: Project; children: ReactNode }) {
  const admin = useAuthAdmin(project.ref, project.pathUrl);
  return <context.Provider value={{ project, admin }}>{children}</context.Provider>;
}
