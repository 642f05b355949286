import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useQuery as useMethod } from "@connectrpc/connect-query";
import { useQuery } from "@tanstack/react-query";
import { pointsOf, refreshEvery, useNow } from "@/features/project/activity/measures";
import { lookSql } from "@/features/project/start/sql";
import type { State } from "@/features/project/start/steps";
import { KeyService, KeyType, type Key } from "@/gen/fluxbase/controlplane/v1/key_pb";
import { Metric, ProjectService, type Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useMeta } from "@/lib/meta";
import { Names } from "@/lib/pg";

const day = 24 * 60 * 60 * 1000;
/** How far back a first request is looked for: as far as usage by the minute is kept. */
const lookBack = 90 * day;

/** Asks the project how far its makers are, until they are there. */
export function useStarted(project: Project): { state: State | undefined; error: Error | null; retry: () => void; retrying: boolean } {
  const meta = useMeta(project.ref, project.pathUrl);
  const to = new Date(Math.ceil(useNow(refreshEvery) / day) * day);
  const schemas = useQuery({ queryKey: ["catalog", project.ref, "schemas", {}], queryFn: ({ signal }) => meta.all("schemas", {}, signal), staleTime: 30_000 });
  const names = schemas.data && new Names(schemas.data);
  const data = useQuery({
    queryKey: ["catalog", project.ref, "started"],
    queryFn: async ({ signal }) => look((await meta.query(lookSql(names!), signal, { readOnly: true }))[0]!.rows[0] as Looked),
    enabled: Boolean(names),
    refetchInterval: ({ state: { data: seen } }) => !(seen && seen.tables > 0 && seen.open === 0 && seen.users && seen.files) && refreshEvery,
  });
  const requests = useMethod(
    ProjectService.method.getMetrics,
    {
      ref: project.ref,
      start: timestampFromDate(new Date(to.getTime() - lookBack)),
      end: timestampFromDate(to),
      step: durationFromMs(lookBack),
      metrics: [Metric.REQUESTS],
      services: ["rest", "api", "graphql"],
    },
    { refetchInterval: ({ state: { data: seen } }) => pointsOf(seen, Metric.REQUESTS).length === 0 && refreshEvery },
  );
  const keys = useMethod(KeyService.method.listKeys, { ref: project.ref, pageSize: 200 }, { refetchInterval: ({ state: { data: seen } }) => !used(seen?.keys) && refreshEvery });
  const error = schemas.error ?? data.error ?? requests.error ?? keys.error;
  const retry = () => void Promise.all([schemas.isError ? schemas.refetch() : data.refetch(), requests.refetch(), keys.refetch()]);
  const retrying = schemas.isFetching || data.isFetching || requests.isFetching || keys.isFetching;
  if (!data.data || !requests.data || !keys.data) return { state: undefined, error, retry, retrying };
  return { state: { ...data.data, requests: pointsOf(requests.data, Metric.REQUESTS).length > 0, app: used(keys.data.keys) }, error: null, retry, retrying };
}

/** Whether an app asked for something: with a publishable key. */
const used = (keys: Key[] | undefined): boolean => Boolean(keys?.some((key) => key.type === KeyType.PUBLISHABLE && key.lastUseTime));

type Looked = [number, number, boolean, boolean];
const look = ([tables, open, users, files]: Looked) => ({ tables: Number(tables), open: Number(open), users, files });
