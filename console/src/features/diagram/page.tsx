import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { List, Workflow } from "lucide-react";
import { lazy, Suspense, useCallback, useMemo } from "react";
import { EmptyState } from "@/components/empty-state";
import { FilterInput } from "@/components/filter-input";
import { useTitle } from "@/components/page";
import { ProjectData } from "@/components/project-page";
import { SqlPreview } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/input";
import { SkeletonRows } from "@/components/ui/skeleton";
import { DiagramList } from "@/features/diagram/list";
import { diagramOf, idOf } from "@/features/diagram/model";
import { Waiting } from "@/features/schema-edit/facts";
import { useShownType } from "@/features/schema-edit/type-picker";
import { counted } from "@/lib/format";
import { useCatalog, useHere } from "@/lib/project-data";

const Canvas = lazy(() => import("@/features/diagram/canvas"));

const route = getRouteApi("/app/projects/$ref/database/diagram");

/** The tables of a project and how they refer to each other. */
export function DiagramPage() {
  return (
    <ProjectData title="Schema diagram">
      <Diagram />
    </ProjectData>
  );
}

function Diagram() {
  useTitle("Schema diagram");
  const { project } = useHere();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const queries = useQueryClient();
  const tables = useCatalog("tables");
  const columns = useCatalog("columns");
  const constraints = useCatalog("constraints");
  const schemas = useCatalog("schemas");
  const shown = useShownType();
  const schema = search.schema ?? "public";
  const ready = tables.data && columns.data && constraints.data && schemas.data;
  const diagram = useMemo(
    () => (ready ? diagramOf({ tables: tables.data, columns: columns.data, constraints: constraints.data }, schema === "*" ? undefined : schema, shown) : undefined),
    // oxlint-disable-next-line react/exhaustive-deps -- the types are shown by the schemas that are known
    [ready, tables.data, columns.data, constraints.data, schemas.data, schema],
  );
  const find = useCallback((text: string) => void navigate({ search: (old) => ({ ...old, find: text || undefined }), replace: true }), [navigate]);
  const chosen = search.table;
  const choose = useCallback((table: string | undefined) => void navigate({ search: (old) => ({ ...old, table }), replace: true }), [navigate]);
  const open = useCallback(
    (at: { schema: string; name: string }) => void navigate({ to: "/projects/$ref/tables/$schema/$table", params: { ref: project.ref, schema: at.schema, table: at.name }, search: {} }),
    [navigate, project.ref],
  );
  const asList = search.view === "list";
  return (
    <div className="flex h-full min-h-[420px] flex-col">
      <div className="flex min-h-12 shrink-0 flex-wrap items-center gap-2 border-b border-border px-3 py-2">
        <h1 className="mr-2 text-base font-semibold">Schema diagram</h1>
        {diagram && (
          <p className="mr-auto min-w-0 truncate text-xs text-muted tabular-nums" role="status">
            {counted(diagram.tables.length, "table")}, {counted(diagram.relations.length, "foreign key")}
          </p>
        )}
        <Button onClick={() => void navigate({ search: (old) => ({ ...old, view: asList ? undefined : "list" }) })}>
          {asList ? <Workflow aria-hidden /> : <List aria-hidden />}
          {asList ? "Diagram" : "List"}
        </Button>
        <FilterInput value={search.find ?? ""} onChange={find} label="Find a table" className="max-sm:w-0 max-sm:min-w-0 max-sm:flex-1 max-sm:basis-40 sm:w-56" />
        <Select aria-label="Schema" className="w-40 max-sm:w-28" value={schema} onChange={(event) => void navigate({ search: (old) => ({ ...old, schema: event.target.value === "public" ? undefined : event.target.value, table: undefined }) })}>
          {(schemas.data ?? [{ name: schema === "*" ? "public" : schema }]).map((each) => (
            <option key={each.name}>{each.name}</option>
          ))}
          <option value="*">All schemas</option>
        </Select>
      </div>
      <div className="relative min-h-0 flex-1">
        {!diagram && (
          <div className="p-4">
            <Waiting queries={[tables, columns, constraints, schemas]} what="The schema" rows={8} />
          </div>
        )}
        {diagram?.tables.length === 0 && (
          <div className="p-4">
            <EmptyState
              title={`No table in ${schema === "*" ? "any schema" : schema}`}
              action={
                <Button variant="primary" onClick={() => void navigate({ to: "/projects/$ref/database/tables", params: { ref: project.ref }, search: { edit: "new-table" } })}>
                  Create table
                </Button>
              }
            >
              <p className="mb-3">Tables stand here with lines for their foreign keys, once there are some:</p>
              <SqlPreview className="text-left" label="Example" sql={"create table authors (id bigint primary key, name text);\ncreate table books (\n  id bigint primary key,\n  author_id bigint references authors\n);"} />
            </EmptyState>
          </div>
        )}
        {diagram && diagram.tables.length > 0 && asList && <DiagramList diagram={diagram} find={search.find} projectRef={project.ref} />}
        {diagram && diagram.tables.length > 0 && !asList && (
          <Suspense fallback={<div className="p-4"><SkeletonRows rows={8} label="Loading the diagram" /></div>}>
            <Canvas
              key={`${project.ref} ${schema}`}
              diagram={diagram}
              name={`${project.name}: ${schema === "*" ? "all schemas" : schema}`}
              projectRef={project.ref}
              find={search.find}
              chosen={chosen === undefined ? undefined : (diagram.tables.find((each) => each.title === chosen)?.id ?? idOf("public", chosen))}
              onChoose={(id) => choose(diagram.tables.find((each) => each.id === id)?.title)}
              onOpen={open}
              onRefresh={() => void queries.invalidateQueries({ queryKey: ["catalog", project.ref] })}
            />
          </Suspense>
        )}
      </div>
    </div>
  );
}
