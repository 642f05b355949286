import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import type { RoleNames } from "@/features/functions/draft";
import type { DatabaseFunction } from "@/lib/catalog";
import { useCatalog, useHere, useNames } from "@/lib/project-data";

/** The functions of one name: more than one when it is overloaded. */
export function useOverloads(schema: string, name: string) {
  const { project, meta } = useHere();
  const ours = useOurs();
  return useQuery({
    select: ours,
    queryKey: ["catalog", project.ref, "functions of a name", schema, name],
    queryFn: async ({ signal }) => (await meta.all("functions", { schema, search: name }, signal)).filter((each) => each.name === name),
    staleTime: 10_000,
  });
}

/** Functions in schemas of services are not to be changed, also where Postgres would let their owner. */
export function useOurs(): (list: DatabaseFunction[]) => DatabaseFunction[] {
  const schemas = useCatalog("schemas");
  return useCallback((list) => list.map((fn) => (fn.owned && schemas.data?.find(({ name }) => name === fn.schema)?.creatable === false ? { ...fn, owned: false } : fn)), [schemas.data]);
}

/** How SQL names the roles of requests. */
export function useRoleNames(): { role: RoleNames; query: ReturnType<typeof useCatalog<"roles">> } {
  const query = useCatalog("roles");
  const role = useMemo<RoleNames>(() => (name) => query.data?.find((each) => each.name === name)?.sql_name ?? name, [query.data]);
  return { role, query };
}

/** The tables and columns that bodies are completed with, by the names of schemas that SQL must use. */
export function useTableNames(): Record<string, Record<string, string[]>> {
  const columns = useCatalog("columns");
  const schemas = useCatalog("schemas");
  return useMemo(() => {
    const physical = new Map(schemas.data?.map((each) => [each.name, each.sql_name]));
    const out: Record<string, Record<string, string[]>> = {};
    for (const { schema, table, name } of columns.data ?? []) ((out[physical.get(schema) ?? schema] ??= {})[table] ??= []).push(name);
    return out;
  }, [columns.data, schemas.data]);
}

/** What depends on a function, in Postgres' words. */
export function useDependents(fn: DatabaseFunction) {
  const { project, meta } = useHere();
  const { names } = useNames();
  return useQuery({
    queryKey: ["catalog", project.ref, "dependents of a function", fn.schema, fn.name, fn.identity_arguments],
    queryFn: async ({ signal }) => {
      const [answer] = await meta.query(dependents, signal, { params: [names!.schema(fn.schema), fn.name, fn.identity_arguments], text: true, readOnly: true });
      return (answer?.rows ?? []).map(([what]) => String(what));
    },
    enabled: Boolean(names),
    staleTime: 0,
    retry: false,
  });
}

const dependents = `select distinct regexp_replace(pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), '^rule (_RETURN|"_RETURN") on ', '')
from pg_catalog.pg_proc p
join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.refobjid = p.oid and d.deptype in ('n', 'a')
where p.pronamespace = $1::pg_catalog.regnamespace and p.proname = $2 and pg_catalog.pg_get_function_identity_arguments(p.oid) = $3
order by 1 limit 200`;
