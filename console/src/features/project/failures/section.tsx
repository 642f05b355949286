import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { FilterInput } from "@/components/filter-input";
import { Section } from "@/components/page";
import { Pager } from "@/components/pager";
import { Time } from "@/components/time";
import { Select } from "@/components/ui/input";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { refreshEvery, serviceName } from "@/features/project/activity/measures";
import { FailureSheet } from "@/features/project/failures/sheet";
import { StatusOf } from "@/features/project/failures/status";
import { meaning } from "@/features/project/failures/words";
import type { Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useFailures, type Failure } from "@/lib/failures";
import { shorten } from "@/lib/format";
import { useRefusal } from "@/lib/organization";
import { moveByArrows } from "@/lib/rows";

const route = getRouteApi("/app/projects/$ref/");

const pageSize = 10;

/** The newest requests that failed. */
export function RecentErrors({ project }: { project: Project }) {
  const refused = useRefusal(project.organization, "run_projects");
  return (
    <Section title="Recent errors" about="Requests of the last seven days that failed, newest first. Bodies, queries and tokens are never kept.">
      {refused ? <p className="text-sm text-muted">{refused}</p> : <List project={project} />}
    </Section>
  );
}

function List({ project }: { project: Project }) {
  const { status, service, find = "", before, failure } = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref" });
  const failures = useFailures(project.ref, project.pathUrl);
  const list = useQuery({
    queryKey: ["failures", project.ref, { status, service, find, before }],
    queryFn: ({ signal }) => failures.list({ status, service, search: find, before }, pageSize, signal),
    refetchInterval: before ? false : refreshEvery,
    placeholderData: keepPreviousData,
  });
  const setFind = useCallback(
    (text: string) => void navigate({ search: (old) => ({ ...old, find: text || undefined, before: undefined }), replace: true, resetScroll: false }),
    [navigate],
  );
  const setStatus = (next: string) =>
    void navigate({ search: (old) => ({ ...old, status: (next || undefined) as typeof status, before: undefined }), replace: true, resetScroll: false });
  const filtered = Boolean(status || service || find);
  const items = list.data?.items;
  return (
    <>
      <div className="flex flex-wrap gap-2">
        <FilterInput value={find} onChange={setFind} label="Path, code or request id" />
        <Select aria-label="Status" className="w-44" value={status ?? ""} onChange={(event) => setStatus(event.target.value)}>
          <option value="">Every status</option>
          <option value="5xx">Of the server, 5xx</option>
          <option value="4xx">Of clients, 4xx</option>
        </Select>
      </div>
      {list.isPending && <SkeletonRows rows={4} label="Loading errors" />}
      {list.isError && <ErrorState error={list.error} what="The recent errors could not be loaded" onRetry={() => void list.refetch()} retrying={list.isFetching} />}
      {items?.length === 0 && (
        <EmptyState title={filtered || before ? "No error matches" : "No errors"}>
          {filtered || before ? (
            <>
              The filter looks at paths, codes and request ids{service && <> of {serviceName[service] ?? service}</>}.
            </>
          ) : (
            "Requests of the last seven days that were answered with 400 or above would stand here, with what they mean."
          )}
        </EmptyState>
      )}
      {items && items.length > 0 && <Rows items={items} />}
      {list.data && <Pager token={before} next={list.data.next} go={(next) => void navigate({ search: (old) => ({ ...old, before: next }), resetScroll: false })} />}
      {failure && <FailureSheet key={failure} project={project} id={failure} known={items?.find((each) => each.id === failure)} />}
    </>
  );
}

function Rows({ items }: { items: Failure[] }) {
  return (
    <Table aria-label="Recent errors" onKeyDown={moveByArrows}>
      <thead>
        <tr>
          <Th>Status</Th>
          <Th>Request</Th>
          <Th>What happened</Th>
          <Th>Request id</Th>
          <Th className="text-right">Time</Th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <Tr key={item.id}>
            <Td>
              <StatusOf status={item.status} />
            </Td>
            <Td className="max-w-80">
              <Link
                to="/projects/$ref"
                from="/projects/$ref"
                search={(old) => ({ ...old, failure: item.id })}
                resetScroll={false}
                data-row
                className="block truncate rounded py-1.5 font-mono text-xs hover:text-accent"
                title={item.path}
              >
                {item.method} {item.path}
              </Link>
            </Td>
            <Td className="whitespace-nowrap">
              {meaning(item).means}
              {item.code && <span className="ml-2 font-mono text-xs text-muted">{item.code}</span>}
            </Td>
            <Td className="font-mono text-xs whitespace-nowrap text-muted" title={item.request_id}>
              {shorten(item.request_id, 8)}
            </Td>
            <Td className="text-right text-muted">
              <Time at={item.time} />
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
