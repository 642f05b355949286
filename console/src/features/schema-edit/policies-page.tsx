import { getRouteApi, Link, Outlet, useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { EmptyState } from "@/components/empty-state";
import { Page } from "@/components/page";
import { ProjectData } from "@/components/project-page";
import { Badge } from "@/components/ui/badge";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { Waiting } from "@/features/schema-edit/facts";
import { ListBar, ListPager, useListPage, type ListSearch } from "@/features/schema-edit/list";
import { SchemaEdit } from "@/features/schema-edit/schema-edit";
import type { CatalogTable, Policy } from "@/lib/catalog";
import { useCatalog } from "@/lib/project-data";
import { moveByArrows } from "@/lib/rows";

const route = getRouteApi("/app/projects/$ref/database/policies");
const sheetRoute = getRouteApi("/app/projects/$ref/database/policies/$schema/$table");
const listPath = "/projects/$ref/database/policies";
const sheetPath = "/projects/$ref/database/policies/$schema/$table";

export function PoliciesPage() {
  return (
    <ProjectData title="Policies">
      <Tables />
      <Outlet />
    </ProjectData>
  );
}

function Tables() {
  const { ref } = route.useParams();
  const search = route.useSearch();
  const navigate = useNavigate();
  const page = useListPage("tables", search, "table,partitioned_table");
  const schema = search.schema ?? "public";
  const policies = useCatalog("policies", { schema: schema === "*" ? undefined : schema });
  const change = useCallback((next: ListSearch) => void navigate({ to: listPath, params: { ref }, search: (old) => ({ ...old, ...next }), replace: true }), [navigate, ref]);
  const tables = page.data?.items;
  return (
    <Page title="Policies" about="Which rows of a table requests see and write, by row level security.">
      <ListBar search={search} onChange={change} label="Filter tables" />
      <Waiting queries={[page, policies]} what="The policies" rows={8} />
      {tables?.length === 0 && policies.data && (
        <EmptyState title={search.filter ? "No table matches" : "No table yet"}>
          {search.filter ? "The filter looks at tables' names, in the chosen schema." : "Policies belong to tables. A table made in the console has row level security on, so that nobody sees its rows before a policy says who."}
        </EmptyState>
      )}
      {tables && tables.length > 0 && policies.data && (
        <Table onKeyDown={moveByArrows}>
          <thead>
            <tr>
              <Th>Table</Th>
              <Th className="max-sm:hidden">Row level security</Th>
              <Th>Policies</Th>
            </tr>
          </thead>
          <tbody>
            {tables.map((table) => (
              <Row key={`${table.schema}.${table.name}`} projectRef={ref} table={table} search={search} policies={policies.data.filter((each) => each.schema === table.schema && each.table === table.name)} />
            ))}
          </tbody>
        </Table>
      )}
      {page.data && tables && tables.length > 0 && <ListPager search={search} shown={tables.length} more={page.data.next !== undefined} onChange={change} what="table" />}
    </Page>
  );
}

function Row({ projectRef, table, search, policies }: { projectRef: string; table: CatalogTable; search: ListSearch; policies: Policy[] }) {
  return (
    <Tr className="relative">
      <Td className="max-w-60 py-2 align-top leading-6">
        <Link to={sheetPath} params={{ ref: projectRef, schema: table.schema, table: table.name }} search={(old) => old} data-row className="font-mono text-xs font-medium after:absolute after:inset-0 hover:text-accent">
          {search.schema === "*" ? `${table.schema}.${table.name}` : table.name}
        </Link>
        <span className="block sm:hidden">
          <Protection table={table} words="RLS " />
        </span>
      </Td>
      <Td className="py-2 align-top leading-6 max-sm:hidden">
        <Protection table={table} />
      </Td>
      <Td className="py-2 align-top">
        {policies.length === 0 ? (
          <span className="leading-6 text-muted">{table.rls_enabled ? "none: requests see no row" : "none"}</span>
        ) : (
          <ul className="max-sm:flex max-sm:flex-col max-sm:gap-1.5">
            {policies.map((each) => (
              <li key={each.name} className="flex flex-wrap items-center gap-x-2 leading-6 max-sm:leading-5">
                <span className="min-w-0 break-words">{each.name}</span>
                <Badge tone="accent">{each.command}</Badge>
                {!each.permissive && <Badge tone="warning">restrictive</Badge>}
                <span className="text-xs text-muted">to {each.roles.join(", ")}</span>
              </li>
            ))}
          </ul>
        )}
      </Td>
    </Tr>
  );
}

function Protection({ table, words = "" }: { table: CatalogTable; words?: string }) {
  if (!table.rls_enabled) return <Badge tone="warning">{words}off</Badge>;
  return (
    <Badge tone="success">
      {words}
      {table.rls_forced ? "forced" : "on"}
    </Badge>
  );
}

/** The policies of one table, beside the list. */
export function PoliciesOfTable() {
  const { ref, schema, table } = sheetRoute.useParams();
  const search = sheetRoute.useSearch();
  const navigate = useNavigate();
  return (
    <SchemaEdit
      edit="policies"
      schema={schema}
      table={table}
      item={search.item}
      onItem={(item) => void navigate({ to: sheetPath, params: { ref, schema, table }, search: { ...search, item } })}
      onClose={() => void navigate({ to: listPath, params: { ref }, search: { ...search, item: undefined } })}
    />
  );
}
