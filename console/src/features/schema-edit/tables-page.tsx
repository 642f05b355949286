import { getRouteApi, Link, Outlet, useNavigate } from "@tanstack/react-router";
import { ChevronDown, Eye, Plus, Table2 } from "lucide-react";
import { useCallback } from "react";
import { EmptyState } from "@/components/empty-state";
import { Page } from "@/components/page";
import { ProjectData } from "@/components/project-page";
import { SqlPreview } from "@/components/sql-preview";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/components/ui/menu";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import type { Edit } from "@/features/schema-edit/edits";
import { Waiting } from "@/features/schema-edit/facts";
import { ListBar, ListPager, useListPage, type ListSearch } from "@/features/schema-edit/list";
import { SchemaEdit } from "@/features/schema-edit/schema-edit";
import { TableMenu } from "@/features/schema-edit/table-menu";
import type { CatalogTable } from "@/lib/catalog";
import { bytes, count } from "@/lib/format";
import { moveByArrows } from "@/lib/rows";

const route = getRouteApi("/app/projects/$ref/database/tables");
const sheetRoute = getRouteApi("/app/projects/$ref/database/tables/$schema/$table");
const listPath = "/projects/$ref/database/tables";
const sheetPath = "/projects/$ref/database/tables/$schema/$table";

/** With or without a table's sheet beside it: both are this page, at two paths. */
export function TablesPage() {
  return (
    <ProjectData title="Tables">
      <Tables />
      <Outlet />
    </ProjectData>
  );
}

function Tables() {
  const { ref } = route.useParams();
  const search = route.useSearch();
  const navigate = useNavigate();
  const page = useListPage("tables", search);
  const change = useCallback((next: ListSearch) => void navigate({ to: listPath, params: { ref }, search: (old) => ({ ...old, ...next }), replace: true }), [navigate, ref]);
  const open = (table: CatalogTable, edit: Edit) => void navigate({ to: sheetPath, params: { ref, schema: table.schema, table: table.name }, search: { ...search, edit, column: undefined, item: undefined } });
  const make = (edit: "new-table" | "new-view") => void navigate({ to: listPath, params: { ref }, search: { ...search, edit } });
  const schema = search.schema && search.schema !== "*" ? search.schema : "public";
  return (
    <Page title="Tables" about="The project's tables and views, and what they are made of." action={<Create onMake={make} />}>
      <ListBar search={search} onChange={change} label="Filter tables" />
      <Waiting queries={[page]} what="The tables" rows={8} />
      {page.data?.items.length === 0 && (
        <EmptyState
          title={search.page ? "No more tables" : search.filter ? "No table matches" : `No table in ${search.schema === "*" ? "any schema" : schema}`}
          action={
            !search.filter && (
              <Button variant="primary" onClick={() => make("new-table")}>
                <Plus aria-hidden /> Create table
              </Button>
            )
          }
        >
          {search.filter ? "The filter looks at names, in the chosen schema." : <Teach schema={schema} />}
        </EmptyState>
      )}
      {page.data && page.data.items.length > 0 && (
        <Table onKeyDown={moveByArrows}>
          <thead>
            <tr>
              <Th>Name</Th>
              <Th>Access</Th>
              <Th className="text-right">Rows</Th>
              <Th className="text-right">Size</Th>
              <Th>Comment</Th>
              <Th>
                <span className="sr-only">Actions</span>
              </Th>
            </tr>
          </thead>
          <tbody>
            {page.data.items.map((table) => (
              <Tr key={`${table.schema}.${table.name}`} className="relative">
                <Td className="max-w-72">
                  <span className="flex items-center gap-2">
                    <Link
                      to={sheetPath}
                      params={{ ref, schema: table.schema, table: table.name }}
                      search={(old) => ({ ...old, edit: table.owned ? (isView(table) ? "view" : "table") : "policies" })}
                      data-row
                      className="truncate font-mono text-xs font-medium after:absolute after:inset-0 hover:text-accent"
                    >
                      {search.schema === "*" ? `${table.schema}.${table.name}` : table.name}
                    </Link>
                    {table.kind !== "table" && <Badge>{table.kind.replace("_", " ")}</Badge>}
                    {!table.owned && (
                      <Tooltip text="Belongs to a service of the project">
                        <span className="relative z-10">
                          <Badge>service</Badge>
                        </span>
                      </Tooltip>
                    )}
                  </span>
                </Td>
                <Td>
                  <Access table={table} />
                </Td>
                <Td className="text-right whitespace-nowrap tabular-nums">{table.kind === "view" ? "" : table.estimated_rows < 0 ? <Unknown /> : `~${count(table.estimated_rows)}`}</Td>
                <Td className="text-right whitespace-nowrap tabular-nums">{table.kind === "view" ? "" : bytes(table.bytes)}</Td>
                <Td className="max-w-72 truncate text-muted">{table.comment}</Td>
                <Td className="relative z-10 w-10 text-right">
                  <TableMenu table={table} onEdit={(edit) => open(table, edit)} />
                </Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
      {page.data && page.data.items.length > 0 && <ListPager search={search} shown={page.data.items.length} more={page.data.next !== undefined} onChange={change} what="table or view" many="tables and views" />}
      {(search.edit === "new-table" || search.edit === "new-view") && (
        <SchemaEdit
          edit={search.edit}
          schema={schema}
          onClose={() => void navigate({ to: listPath, params: { ref }, search: { ...search, edit: undefined } })}
          onDone={(at) => void navigate({ to: listPath, params: { ref }, search: { ...search, filter: undefined, page: undefined, edit: undefined, schema: at.schema === "public" ? undefined : at.schema } })}
        />
      )}
    </Page>
  );
}

/** The sheet of one table, beside the list. */
export function TablesSheet() {
  const { ref, schema, table } = sheetRoute.useParams();
  const search = sheetRoute.useSearch();
  const navigate = useNavigate();
  const close = () => void navigate({ to: listPath, params: { ref }, search: { ...search, edit: undefined, column: undefined, item: undefined } });
  return (
    <SchemaEdit
      edit={search.edit ?? "table"}
      schema={schema}
      table={table}
      column={search.column}
      item={search.item}
      onItem={(item) => void navigate({ to: sheetPath, params: { ref, schema, table }, search: { ...search, item } })}
      onClose={close}
      onDone={close}
      onDropped={close}
    />
  );
}

const isView = (table: CatalogTable) => table.kind === "view" || table.kind === "materialized_view";

function Access({ table }: { table: CatalogTable }) {
  if (table.kind === "materialized_view") return <Badge tone="warning">no row security</Badge>;
  if (table.kind === "view") return table.security_invoker ? <Badge tone="success">as who asks</Badge> : <Badge tone="warning">as its owner</Badge>;
  if (table.kind === "foreign_table") return <Badge>foreign</Badge>;
  return table.rls_enabled ? <Badge tone="success">RLS {table.rls_forced ? "forced" : "on"}</Badge> : <Badge tone={table.owned ? "warning" : "neutral"}>RLS off</Badge>;
}

function Unknown() {
  return (
    <Tooltip text="Postgres lost its count, and counts anew when the table was written to for a while, or by analyze.">
      <span className="relative z-10 text-muted">unknown</span>
    </Tooltip>
  );
}

function Create({ onMake }: { onMake: (edit: "new-table" | "new-view") => void }) {
  return (
    <div className="flex">
      <Button variant="primary" onClick={() => onMake("new-table")} className="rounded-r-none">
        <Plus aria-hidden /> Create table
      </Button>
      <Menu>
        <MenuTrigger asChild>
          <Button variant="primary" size="icon" aria-label="Create something else" className="rounded-l-none border-l border-background/30">
            <ChevronDown />
          </Button>
        </MenuTrigger>
        <MenuContent align="end">
          <MenuItem onSelect={() => onMake("new-table")}>
            <Table2 aria-hidden /> Table
          </MenuItem>
          <MenuItem onSelect={() => onMake("new-view")}>
            <Eye aria-hidden /> View
          </MenuItem>
        </MenuContent>
      </Menu>
    </div>
  );
}

function Teach({ schema }: { schema: string }) {
  return (
    <>
      <p className="mb-3">A table holds rows, and apps read and write them by the API. Make one here, or by SQL:</p>
      <SqlPreview
        className="text-left"
        label="Example"
        sql={`create table ${schema === "public" ? "" : `${schema}.`}notes (\n  id bigint generated always as identity primary key,\n  body text not null,\n  user_id uuid default auth.uid() references auth.users\n);\nalter table ${schema === "public" ? "" : `${schema}.`}notes enable row level security;`}
      />
    </>
  );
}
