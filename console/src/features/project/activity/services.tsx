import { ErrorState } from "@/components/error-state";
import { Skeleton } from "@/components/ui/skeleton";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { rowsOf, serviceName, useByService } from "@/features/project/activity/measures";
import type { Span } from "@/features/project/activity/range";
import type { Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { cn } from "@/lib/cn";
import { bytes, count, took } from "@/lib/format";
import { moveByArrows } from "@/lib/rows";

interface Props {
  project: Project;
  span: Span;
  chosen?: string;
  onChoose: (service: string | undefined) => void;
}

const right = "text-right whitespace-nowrap tabular-nums";

/** What each service did; a click shows one of them alone in the charts. */
export function Services({ project, span, chosen, onChoose }: Props) {
  const found = useByService(project.ref, span);
  if (found.isPending) return <Skeleton className="delayed h-20" />;
  if (found.isError) return <ErrorState error={found.error} what="The services' measures could not be loaded" onRetry={() => void found.refetch()} retrying={found.isFetching} />;
  const rows = rowsOf(found.data);
  if (rows.length === 0) return null;
  return (
    <Table aria-label="By service" onKeyDown={moveByArrows}>
      <thead>
        <tr>
          <Th>Service</Th>
          <Th className={right}>Requests</Th>
          <Th className={right}>5xx</Th>
          <Th className={right}>4xx</Th>
          <Th className={right}>p50</Th>
          <Th className={right}>p95</Th>
          <Th className={right}>Egress</Th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Tr key={row.service} className={cn(row.service === chosen && "bg-hover")}>
            <Td className="whitespace-nowrap">
              <button
                type="button"
                data-row
                aria-pressed={row.service === chosen}
                className="rounded font-medium hover:text-accent"
                onClick={() => onChoose(row.service === chosen ? undefined : row.service)}
              >
                {serviceName[row.service] ?? row.service}
              </button>
              {row.service === "meta" && <span className="ml-2 text-xs text-muted">of developers, and this console</span>}
            </Td>
            <Td className={right}>{count(row.requests)}</Td>
            <Td className={cn(right, row.serverErrors > 0 && "text-danger")}>{count(row.serverErrors)}</Td>
            <Td className={right}>{count(row.clientErrors)}</Td>
            <Td className={right}>{row.p50 === undefined ? "—" : took(row.p50)}</Td>
            <Td className={right}>{row.p95 === undefined ? "—" : took(row.p95)}</Td>
            <Td className={right}>{bytes(row.egress)}</Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
