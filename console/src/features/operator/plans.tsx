import { useQuery } from "@connectrpc/connect-query";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Page } from "@/components/page";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { PlanService } from "@/gen/fluxbase/controlplane/v1/plan_pb";
import { bytes, count, took } from "@/lib/format";
import { isolationName } from "@/lib/project";

export function PlansPage() {
  const plans = useQuery(PlanService.method.listPlans, { pageSize: 200 });
  return (
    <Page title="Plans" about="The limits that an organisation can buy.">
      {plans.isPending && <SkeletonRows rows={3} label="Loading plans" />}
      {plans.isError && <ErrorState error={plans.error} what="The plans could not be loaded" onRetry={() => void plans.refetch()} retrying={plans.isFetching} />}
      {plans.data?.plans.length === 0 && <EmptyState title="No plans">The installation was started without any.</EmptyState>}
      {plans.data && plans.data.plans.length > 0 && (
        <Table>
          <thead>
            <tr>
              <Th>Plan</Th>
              <Th className="text-right">Projects</Th>
              <Th className="text-right">Requests per second</Th>
              <Th className="text-right">Per IP</Th>
              <Th className="text-right">Requests a month</Th>
              <Th className="text-right">Egress a month</Th>
              <Th className="text-right">Files of a project</Th>
              <Th className="text-right">Largest file</Th>
              <Th className="text-right">Statement timeout</Th>
              <Th>New projects</Th>
            </tr>
          </thead>
          <tbody>
            {plans.data.plans.map((plan) => (
              <Tr key={plan.name}>
                <Td className="font-medium whitespace-nowrap">
                  {plan.title || plan.name} <span className="font-mono text-xs font-normal text-faint">{plan.name}</span>
                </Td>
                <Number value={limit(plan.maxProjects)} />
                <Number value={plan.requestsPerSecond ? `${count(plan.requestsPerSecond)} (burst ${count(plan.burst)})` : "no limit"} />
                <Number value={limit(plan.requestsPerSecondPerIp)} />
                <Number value={limit(plan.monthlyRequests)} />
                <Number value={plan.monthlyEgressBytes ? bytes(plan.monthlyEgressBytes) : "no limit"} />
                <Number value={plan.maxStorageBytes ? bytes(plan.maxStorageBytes) : "no limit"} />
                <Number value={plan.maxFileBytes ? bytes(plan.maxFileBytes) : "no limit"} />
                <Number value={plan.statementTimeoutMs ? took(plan.statementTimeoutMs) : "no limit"} />
                <Td className="whitespace-nowrap text-muted">{isolationName[plan.isolation]}</Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
    </Page>
  );
}

function Number({ value }: { value: string }) {
  return <Td className="text-right whitespace-nowrap tabular-nums">{value}</Td>;
}

function limit(value: number | bigint): string {
  return value ? count(value) : "no limit";
}
