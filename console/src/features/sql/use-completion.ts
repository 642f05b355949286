import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { catalogOf } from "@/features/sql/completion";
import { useCatalog, useHere } from "@/lib/project-data";

/** What SQL is completed with, and how to read it anew. The columns are waited for; the rest comes when it comes. */
export function useCompletion() {
  const { project } = useHere();
  const queries = useQueryClient();
  const columns = useCatalog("columns");
  const tables = useCatalog("tables");
  const schemas = useCatalog("schemas");
  const functions = useCatalog("functions");
  const catalog = useMemo(
    () =>
      columns.isPending
        ? undefined
        : catalogOf({ columns: columns.data ?? [], tables: tables.data ?? [], schemas: schemas.data ?? [], functions: functions.data ?? [] }),
    [columns.isPending, columns.data, tables.data, schemas.data, functions.data],
  );
  const refresh = useCallback(async () => {
    const queryKey = ["catalog", project.ref];
    // An answer still under way may be older than what was just run; a first one would otherwise be waited for, and kept.
    await queries.cancelQueries({ queryKey });
    await queries.invalidateQueries({ queryKey });
  }, [queries, project.ref]);
  return { catalog, refresh };
}
