import { useQuery as useMethod } from "@connectrpc/connect-query";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { CopyButton } from "@/components/copy-button";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Sheet } from "@/components/ui/dialog";
import { SkeletonRows } from "@/components/ui/skeleton";
import { serviceName } from "@/features/project/activity/measures";
import { StatusOf } from "@/features/project/failures/status";
import { after, meaning } from "@/features/project/failures/words";
import { KeyService } from "@/gen/fluxbase/controlplane/v1/key_pb";
import type { Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useFailures, type Failure } from "@/lib/failures";
import { exactly, took } from "@/lib/format";

interface Props {
  project: Project;
  id: string;
  /** What the list has of it. */
  known?: Failure;
}

/** One failed request beside the page, at an address of its own. */
export function FailureSheet({ project, id, known }: Props) {
  const navigate = useNavigate({ from: "/projects/$ref" });
  const failures = useFailures(project.ref, project.pathUrl);
  const found = useQuery({
    queryKey: ["failures", project.ref, "one", id],
    queryFn: async ({ signal }) => (await failures.list({ before: after(id) }, 1, signal)).items.find((each) => each.id === id) ?? null,
    enabled: !known && /^[0-9a-f]{17}$/.test(id),
  });
  const failure = known ?? found.data;
  const close = () => void navigate({ search: (old) => ({ ...old, failure: undefined }), resetScroll: false });
  return (
    <Sheet open onOpenChange={(open) => !open && close()} title={failure ? meaning(failure).means : "Failed request"} className="max-w-[560px]">
      {!failure && found.isFetching && <SkeletonRows rows={6} label="Loading the error" />}
      {found.isError && <ErrorState error={found.error} what="The error could not be loaded" onRetry={() => void found.refetch()} retrying={found.isFetching} />}
      {!failure && !found.isFetching && !found.isError && <EmptyState title="No longer kept">Only the newest errors of the last seven days are.</EmptyState>}
      {failure && <Details project={project} failure={failure} />}
    </Sheet>
  );
}

function Details({ project, failure }: { project: Project; failure: Failure }) {
  const keys = useMethod(KeyService.method.listKeys, { ref: project.ref, pageSize: 200 }, { enabled: failure.key_id !== "" });
  const key = keys.data?.keys.find((each) => each.id === failure.key_id);
  return (
    <div className="flex flex-col gap-4 text-sm">
      <p className="text-muted">{meaning(failure).help}</p>
      <dl className="grid grid-cols-[7rem_minmax(0,1fr)] gap-x-4 gap-y-1">
        <Entry name="Status">
          <StatusOf status={failure.status} />
        </Entry>
        {failure.code && (
          <Entry name="Code" copy={failure.code}>
            <code className="font-mono text-xs">{failure.code}</code>
          </Entry>
        )}
        <Entry name="Request" copy={`${failure.method} ${failure.path}`}>
          <code className="font-mono text-xs break-all">
            {failure.method} {failure.path}
          </code>
        </Entry>
        <Entry name="Request id" copy={failure.request_id}>
          <code className="font-mono text-xs break-all">{failure.request_id}</code>
        </Entry>
        <Entry name="Time">
          {exactly(new Date(failure.time))}, <Time at={failure.time} />
        </Entry>
        <Entry name="Took">{took(failure.ms)}</Entry>
        <Entry name="Service">{serviceName[failure.service] ?? failure.service}</Entry>
        <Entry name="Role">{failure.role ? <code className="font-mono text-xs">{failure.role}</code> : <span className="text-muted">none: it was refused before</span>}</Entry>
        <Entry name="Key">
          {failure.key_id ? (
            <Link to="/projects/$ref/keys" params={{ ref: project.ref }} className="text-accent underline-offset-4 hover:underline">
              {key?.name || key?.display || failure.key_id}
            </Link>
          ) : (
            <span className="text-muted">none, or one of the long-lived JWTs</span>
          )}
        </Entry>
      </dl>
      <div>
        <Button asChild size="small">
          <Link to="/projects/$ref" params={{ ref: project.ref }} search={{ find: failure.path }} resetScroll={false}>
            Others at this path
          </Link>
        </Button>
      </div>
    </div>
  );
}

function Entry({ name, copy, children }: { name: string; copy?: string; children: ReactNode }) {
  return (
    <>
      <dt className="leading-7 text-muted">{name}</dt>
      <dd className="flex min-h-7 min-w-0 flex-wrap items-center gap-x-2">
        {children}
        {copy && <CopyButton value={copy} what={name.toLowerCase()} />}
      </dd>
    </>
  );
}
