import { useQuery } from "@connectrpc/connect-query";
import { keepPreviousData } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useCallback } from "react";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { FilterInput } from "@/components/filter-input";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { StatusBadge } from "@/components/status-badge";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import { ProjectService, type Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { cn } from "@/lib/cn";
import { useRefusal } from "@/lib/organization";
import { isolationName, statusOf } from "@/lib/project";

const route = getRouteApi("/app/orgs/$slug/projects");

export function ProjectsPage() {
  const { slug } = route.useParams();
  const { search = "", after } = route.useSearch();
  const navigate = useNavigate({ from: "/orgs/$slug/projects" });
  const refused = useRefusal(slug, "create_projects");
  const projects = useQuery(
    ProjectService.method.listProjects,
    { organization: slug, search, pageSize: 25, pageToken: after ?? "" },
    {
      placeholderData: keepPreviousData,
      refetchInterval: ({ state }) => (state.data?.projects.some((each) => statusOf(each.status).moving) ? 1500 : false),
    },
  );
  const filter = useCallback((text: string) => void navigate({ search: { search: text || undefined }, replace: true }), [navigate]);
  const create = refused ? (
    <Tooltip text={refused}>
      <Button variant="primary" aria-disabled>
        <Plus aria-hidden /> Create project
      </Button>
    </Tooltip>
  ) : (
    <Button asChild variant="primary">
      <Link to="/orgs/$slug/projects/new" params={{ slug }}>
        <Plus aria-hidden /> Create project
      </Link>
    </Button>
  );
  const list = projects.data?.projects;
  const first = list?.length === 0 && !search && !after;
  return (
    <Page title="Projects" about="Each is a backend of its own: database, users, files and an address." action={create}>
      {!first && <FilterInput value={search} onChange={filter} label="Filter by name or ref" />}
      {projects.isPending && <SkeletonRows rows={4} label="Loading projects" />}
      {projects.isError && (
        <ErrorState error={projects.error} what="The projects could not be loaded" onRetry={() => void projects.refetch()} retrying={projects.isFetching} />
      )}
      {first && (
        <EmptyState title="No project yet" action={create}>
          A project gets its own PostgreSQL database with REST, auth and an address, in about a second.
        </EmptyState>
      )}
      {list?.length === 0 && !first && (
        <EmptyState title="No project matches" action={<Button onClick={() => filter("")}>Clear the filter</Button>}>
          The filter looks for a part of the name or ref.
        </EmptyState>
      )}
      {list && list.length > 0 && (
        <div className={cn(projects.isPlaceholderData && "opacity-60")}>
          <ProjectsTable projects={list} />
        </div>
      )}
      {projects.data && (
        <Pager token={after} next={projects.data.nextPageToken} go={(token) => void navigate({ search: (old) => ({ ...old, after: token }) })} />
      )}
    </Page>
  );
}

function ProjectsTable({ projects }: { projects: Project[] }) {
  return (
    <Table>
      <thead>
        <tr>
          <Th>Name</Th>
          <Th>Status</Th>
          <Th className="hidden md:table-cell">Isolation</Th>
          <Th className="hidden lg:table-cell">Cluster</Th>
          <Th>Created</Th>
        </tr>
      </thead>
      <tbody>
        {projects.map((project) => (
          <Tr key={project.id}>
            <Td>
              <Link to="/projects/$ref" params={{ ref: project.ref }} className="block py-1.5 font-medium hover:text-accent">
                {project.name}
                <span className="block font-mono text-xs font-normal text-faint">{project.ref}</span>
              </Link>
            </Td>
            <Td>
              <StatusBadge status={project.status} />
            </Td>
            <Td className="hidden text-muted md:table-cell">{isolationName[project.isolation]}</Td>
            <Td className="hidden text-muted lg:table-cell">{project.cluster || "—"}</Td>
            <Td className="text-muted">
              <Time at={project.createTime} />
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
