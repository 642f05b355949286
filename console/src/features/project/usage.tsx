import { useQuery } from "@connectrpc/connect-query";
import type { ReactNode } from "react";
import { ErrorState } from "@/components/error-state";
import { Section } from "@/components/page";
import { Time } from "@/components/time";
import { SkeletonRows } from "@/components/ui/skeleton";
import { ProjectService, type Project, type Usage as Use } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { cn } from "@/lib/cn";
import { bytes, count } from "@/lib/format";

/** What the project uses, beside what the plan gives. */
export function Usage({ project }: { project: Project }) {
  const usage = useQuery(ProjectService.method.getUsage, { ref: project.ref }, { refetchInterval: 60_000 });
  const use = usage.data?.usage;
  return (
    <Section title="Usage" about={use?.plan ? `What the plan ${use.plan} gives, and what is used of it.` : "What the project uses."}>
      {usage.isError && <ErrorState error={usage.error} what="The usage could not be loaded" onRetry={() => void usage.refetch()} retrying={usage.isFetching} />}
      {usage.isPending && <SkeletonRows rows={3} label="Loading usage" />}
      {use && <Rows use={use} />}
    </Section>
  );
}

const month = new Intl.DateTimeFormat("en-GB", { month: "long", timeZone: "UTC" });

function Rows({ use }: { use: Use }) {
  const name = month.format(new Date(`${use.month}T00:00:00Z`));
  return (
    <>
      {use.overQuotaReason && (
        <p role="alert" className="rounded-md border border-danger/40 bg-danger-soft px-3 py-2.5 text-sm">
          {use.overQuotaReason} The project answers again with a larger plan, or next month.
        </p>
      )}
      <div className="divide-y divide-border rounded-md border border-border">
        <Row name="Files" value={bytes(use.storedBytes)} used={use.storedBytes} of={use.maxStorageBytes} limit={bytes(use.maxStorageBytes)}>
          {count(use.storedFiles)} stored{use.maxFileBytes > 0n && `, each up to ${bytes(use.maxFileBytes)}`}
          {use.storeTime && (
            <>
              ; measured <Time at={use.storeTime} />
            </>
          )}
          .{use.maxStorageBytes > 0n && " When they are full, uploads are refused."}
        </Row>
        <Row name={`Egress in ${name}`} value={bytes(use.egressBytes)} used={use.organizationEgressBytes} of={use.monthlyEgressBytes} limit={bytes(use.monthlyEgressBytes)}>
          What was sent: answers and files. All projects of the organisation together sent {bytes(use.organizationEgressBytes)}.
        </Row>
        <Row name={`Requests in ${name}`} value={count(use.requests)} used={use.organizationRequests} of={use.monthlyRequests} limit={count(use.monthlyRequests)}>
          All projects of the organisation together answered {count(use.organizationRequests)}.
        </Row>
      </div>
    </>
  );
}

interface RowProps {
  name: string;
  value: string;
  used: bigint;
  /** Zero is no limit. */
  of: bigint;
  limit: string;
  children: ReactNode;
}

function Row({ name, value, used, of, limit, children }: RowProps) {
  const percent = of > 0n ? Math.min(100, Number((used * 1000n) / of) / 10) : 0;
  return (
    <div className="grid items-center gap-x-6 gap-y-2 px-4 py-3 md:grid-cols-[minmax(0,2fr)_minmax(0,3fr)]">
      <div>
        <p className="text-sm font-medium">{name}</p>
        <p className="text-xs text-muted">{children}</p>
      </div>
      <div className="flex flex-col gap-1.5 text-sm tabular-nums">
        <p className="flex justify-between gap-4">
          <span>{value}</span>
          <span className="text-muted">{of > 0n ? `${percent}% of ${limit} used` : "no limit"}</span>
        </p>
        {of > 0n && (
          <div
            role="meter"
            aria-label={name}
            aria-valuenow={percent}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuetext={`${percent}% of ${limit}`}
            className="h-1.5 overflow-hidden rounded-full bg-border"
          >
            <div className={cn("h-full rounded-full", percent >= 100 ? "bg-danger" : percent >= 80 ? "bg-warning" : "bg-accent")} style={{ width: `${percent}%` }} />
          </div>
        )}
      </div>
    </div>
  );
}
