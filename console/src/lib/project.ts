import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectQueryKey } from "@connectrpc/connect-query";
import { useEffect } from "react";
import { GetProjectResponseSchema, Isolation, ProjectService, ProjectStatus, type Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useApp, type App } from "@/lib/app";

type Tone = "neutral" | "success" | "warning" | "danger" | "accent";

const statuses: Record<ProjectStatus, { name: string; tone: Tone; moving?: boolean }> = {
  [ProjectStatus.UNSPECIFIED]: { name: "Unknown", tone: "neutral" },
  [ProjectStatus.PROVISIONING]: { name: "Provisioning", tone: "accent", moving: true },
  [ProjectStatus.ACTIVE]: { name: "Active", tone: "success" },
  [ProjectStatus.PAUSING]: { name: "Pausing", tone: "accent", moving: true },
  [ProjectStatus.PAUSED]: { name: "Paused", tone: "warning" },
  [ProjectStatus.RESUMING]: { name: "Resuming", tone: "accent", moving: true },
  [ProjectStatus.DELETED]: { name: "Deleted", tone: "danger" },
  [ProjectStatus.PURGING]: { name: "Purging", tone: "danger", moving: true },
  [ProjectStatus.FAILED]: { name: "Failed", tone: "danger" },
};

export const statusOf = (status: ProjectStatus) => statuses[status] ?? statuses[ProjectStatus.UNSPECIFIED];

export const isolationName: Record<Isolation, string> = {
  [Isolation.UNSPECIFIED]: "—",
  [Isolation.DATABASE]: "Own database",
  [Isolation.SCHEMA]: "Own schemas in a shared database",
};

/** Whether snippets name the project by path: few programs but browsers find names below "localhost". */
export const byPath = (project: Pick<Project, "url">): boolean => new URL(project.url).hostname.endsWith(".localhost");

/** Where programs on this machine reach the project's services. */
export const reachable = (project: Pick<Project, "url" | "pathUrl">): string => (byPath(project) ? project.pathUrl : project.url);

/** Follows a project by stream, and keeps what useProject shows current. */
export function useWatchProject(ref: string) {
  const app = useApp();
  useEffect(() => {
    const ended = new AbortController();
    void follow(app, ref, ended.signal);
    return () => ended.abort();
  }, [app, ref]);
}

/** A stream that broke is taken up again, unless the project is gone or no longer to be seen. */
async function follow({ transport, queries }: App, ref: string, ended: AbortSignal) {
  const client = createClient(ProjectService, transport);
  const key = createConnectQueryKey({ schema: ProjectService.method.getProject, input: { ref }, transport, cardinality: "finite" });
  let wait = 500;
  while (!ended.aborted) {
    try {
      for await (const { project } of client.watchProject({ ref }, { signal: ended })) {
        wait = 500;
        // An answer still under way may be older than this message, and must not overwrite it.
        await queries.cancelQueries({ queryKey: key });
        queries.setQueryData(key, create(GetProjectResponseSchema, { project }));
      }
    } catch (error) {
      if ([Code.NotFound, Code.PermissionDenied].includes(ConnectError.from(error).code)) return;
    }
    await pause(wait, ended);
    wait = Math.min(wait * 2, 10_000);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
