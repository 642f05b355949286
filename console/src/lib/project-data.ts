import { useQuery, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useMemo } from "react";
import type { Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useMeta, type CatalogFilter, type Meta } from "@/lib/meta";
import { Names } from "@/lib/pg";

/** The project that a page works in. */
export const ProjectContext = createContext<Project | undefined>(undefined);

export function useHere(): { project: Project; meta: Meta } {
  const project = useContext(ProjectContext);
  if (!project) throw new Error("This page stands outside a project.");
  return { project, meta: useMeta(project.ref, project.pathUrl) };
}

type List = Parameters<Meta["all"]>[0];

/** All of a list of the catalog, kept for half a minute and until something here changes the schema. */
export function useCatalog<K extends List>(list: K, filter: CatalogFilter = {}, options: { enabled?: boolean } = {}) {
  const { project, meta } = useHere();
  return useQuery({
    queryKey: ["catalog", project.ref, list, filter],
    queryFn: ({ signal }) => meta.all(list, filter, signal),
    staleTime: 30_000,
    ...options,
  });
}

/** What a list tells, once its first answer is there: what is checked against it must not pass by being early. Undefined where it cannot be had. */
export async function listed<T>(list: UseQueryResult<T[]>): Promise<T[] | undefined> {
  return list.data ?? (await list.refetch({ cancelRefetch: false })).data;
}

/** Says that the schema was changed here: what is on screen is asked for again. */
export function useSchemaChanged() {
  const { project } = useHere();
  const queries = useQueryClient();
  return useCallback(() => queries.invalidateQueries({ queryKey: ["catalog", project.ref] }), [queries, project.ref]);
}

/** How SQL names things of this project; undefined until the schemas are known. */
export function useNames() {
  const schemas = useCatalog("schemas");
  const names = useMemo(() => (schemas.data ? new Names(schemas.data) : undefined), [schemas.data]);
  return { names, schemas };
}
