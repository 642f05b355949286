import { useMutation, useQuery } from "@connectrpc/connect-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { Time } from "@/components/time";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { useToast } from "@/components/ui/toast";
import { RegisterClusterDialog } from "@/features/operator/register";
import { ClusterService, type Cluster } from "@/gen/fluxbase/controlplane/v1/cluster_pb";
import { count } from "@/lib/format";
import { useInvalidate } from "@/lib/queries";

const { listClusters, drainCluster } = ClusterService.method;
const route = getRouteApi("/app/operator/clusters");

export function ClustersPage() {
  const { register, after } = route.useSearch();
  const navigate = useNavigate({ from: "/operator/clusters" });
  const invalidate = useInvalidate();
  const toast = useToast();
  const clusters = useQuery(listClusters, { pageSize: 50, pageToken: after ?? "" });
  const drain = useMutation(drainCluster, { onSuccess: () => invalidate(listClusters) });
  const showRegister = (open: boolean) => void navigate({ search: (old) => ({ ...old, register: open || undefined }) });
  const setDraining = ({ name }: Cluster, on: boolean) =>
    drain.mutate(
      { name, drain: on },
      { onSuccess: () => toast(on ? `${name} takes no new projects.` : `${name} takes new projects again.`, () => drain.mutate({ name, drain: !on })) },
    );
  const button = (
    <Button variant="primary" onClick={() => showRegister(true)}>
      <Plus aria-hidden /> Register cluster
    </Button>
  );
  return (
    <Page title="Clusters" about="The PostgreSQL servers that hold projects. A new project goes where the most room is." action={button}>
      {clusters.isPending && <SkeletonRows rows={2} label="Loading clusters" />}
      {clusters.isError && <ErrorState error={clusters.error} what="The clusters could not be loaded" onRetry={() => void clusters.refetch()} retrying={clusters.isFetching} />}
      {drain.isError && <ErrorState error={drain.error} what="The cluster was not changed" />}
      {clusters.data?.clusters.length === 0 && (
        <EmptyState title="No cluster" action={button}>
          Without one no project can be created.
        </EmptyState>
      )}
      {clusters.data && clusters.data.clusters.length > 0 && (
        <Table>
          <thead>
            <tr>
              <Th>Name</Th>
              <Th>Address</Th>
              <Th>PostgreSQL</Th>
              <Th className="text-right">Projects</Th>
              <Th className="text-right">Capacity</Th>
              <Th>State</Th>
              <Th>Registered</Th>
              <Th>
                <span className="sr-only">Actions</span>
              </Th>
            </tr>
          </thead>
          <tbody>
            {clusters.data.clusters.map((each) => (
              <Tr key={each.id}>
                <Td className="font-medium">{each.name}</Td>
                <Td className="font-mono text-xs text-muted">
                  {each.host}:{each.port}
                </Td>
                <Td className="tabular-nums">{each.version}</Td>
                <Td className="text-right tabular-nums">{count(each.projectCount)}</Td>
                <Td className="text-right tabular-nums">{count(each.capacity)}</Td>
                <Td>{each.draining ? <Badge tone="warning">draining</Badge> : <Badge tone="success">open</Badge>}</Td>
                <Td className="text-muted">
                  <Time at={each.createTime} />
                </Td>
                <Td className="text-right">
                  <Button size="small" variant="ghost" busy={drain.isPending && drain.variables?.name === each.name} onClick={() => setDraining(each, !each.draining)}>
                    {each.draining ? "Open" : "Drain"}
                  </Button>
                </Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
      {clusters.data && <Pager token={after} next={clusters.data.nextPageToken} go={(token) => void navigate({ search: { after: token } })} />}
      <RegisterClusterDialog open={Boolean(register)} onOpenChange={showRegister} />
    </Page>
  );
}
