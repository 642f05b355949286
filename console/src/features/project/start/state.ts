import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useQuery as useMethod } from "@connectrpc/connect-query";
import { useQuery } from "@tanstack/react-query";
import { pointsOf, refreshEvery, useNow } from "@/features/project/activity/measures";
import type { State } from "@/features/project/start/steps";
import { KeyService, KeyType } from "@/gen/fluxbase/controlplane/v1/key_pb";
import { Metric, ProjectService, type Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useMeta } from "@/lib/meta";
import { Names } from "@/lib/pg";

const day = 24 * 60 * 60 * 1000;
/** How far back a first request is looked for: as far as usage by the minute is kept. */
const lookBack = 90 * day;

/** Asks the project how far its makers are. */
export function useStarted(project: Project): { state: State | undefined; error: Error | null; retry: () => void; retrying: boolean } {
  const meta = useMeta(project.ref, project.pathUrl);
  const to = new Date(Math.ceil(useNow(refreshEvery) / day) * day);
  const every = { refetchInterval: refreshEvery };
  const schema = useQuery({
    queryKey: ["catalog", project.ref, "started"],
    ...every,
    queryFn: async ({ signal }) => {
      const [schemas, tables] = await Promise.all([meta.all("schemas", {}, signal), meta.page("tables", { schema: "public" }, 1_000, 0, signal)]);
      const names = new Names(schemas);
      const own = tables.items.filter(({ kind }) => kind === "table" || kind === "partitioned_table");
      const [found] = await meta.query(`select exists (select from ${names.qualified("auth", "users")}), exists (select from ${names.qualified("storage", "objects")})`, signal, { readOnly: true });
      const [users, files] = found!.rows[0] as [boolean, boolean];
      return { tables: own.length, open: own.filter((table) => !table.rls_enabled).length, users, files };
    },
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
    every,
  );
  const keys = useMethod(KeyService.method.listKeys, { ref: project.ref, pageSize: 200 }, every);
  const error = schema.error ?? requests.error ?? keys.error;
  const retry = () => void Promise.all([schema.refetch(), requests.refetch(), keys.refetch()]);
  const retrying = schema.isFetching || requests.isFetching || keys.isFetching;
  if (!schema.data || !requests.data || !keys.data) return { state: undefined, error, retry, retrying };
  const state = {
    ...schema.data,
    requests: pointsOf(requests.data, Metric.REQUESTS).length > 0,
    app: keys.data.keys.some((key) => key.type === KeyType.PUBLISHABLE && Boolean(key.lastUseTime)),
  };
  return { state, error: null, retry, retrying };
}
