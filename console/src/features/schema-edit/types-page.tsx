import { getRouteApi, Link, Outlet, useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useCallback } from "react";
import { EmptyState } from "@/components/empty-state";
import { Page } from "@/components/page";
import { ProjectData } from "@/components/project-page";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { Waiting } from "@/features/schema-edit/facts";
import { ListBar, ListPager, useListPage, type ListSearch } from "@/features/schema-edit/list";
import { NewTypeSheet, TypeSheet } from "@/features/schema-edit/type-sheet";
import { moveByArrows } from "@/lib/rows";

const route = getRouteApi("/app/projects/$ref/database/types");
const sheetRoute = getRouteApi("/app/projects/$ref/database/types/$schema/$type");
const listPath = "/projects/$ref/database/types";
const sheetPath = "/projects/$ref/database/types/$schema/$type";

export function TypesPage() {
  return (
    <ProjectData title="Types">
      <Types />
      <Outlet />
    </ProjectData>
  );
}

function Types() {
  const { ref } = route.useParams();
  const search = route.useSearch();
  const navigate = useNavigate();
  const page = useListPage("types", search);
  const change = useCallback((next: ListSearch) => void navigate({ to: listPath, params: { ref }, search: (old) => ({ ...old, ...next }), replace: true }), [navigate, ref]);
  const make = (create: boolean) => void navigate({ to: listPath, params: { ref }, search: { ...search, create: create || undefined } });
  const schema = search.schema && search.schema !== "*" ? search.schema : "public";
  return (
    <Page
      title="Types"
      about="Enums and other types that the project made for its columns."
      action={
        <Button variant="primary" onClick={() => make(true)}>
          <Plus aria-hidden /> Create enum
        </Button>
      }
    >
      <ListBar search={search} onChange={change} label="Filter types" />
      <Waiting queries={[page]} what="The types" rows={5} />
      {page.data?.items.length === 0 && (
        <EmptyState title={search.page ? "No more types" : search.filter ? "No type matches" : `No type in ${search.schema === "*" ? "any schema" : schema}`}>
          {search.filter ? "The filter looks at names, in the chosen schema." : "An enum is a list of values that a column may have, such as draft, published and archived. In SQL: create type status as enum ('draft', 'published', 'archived');"}
        </EmptyState>
      )}
      {page.data && page.data.items.length > 0 && (
        <Table onKeyDown={moveByArrows}>
          <thead>
            <tr>
              <Th>Name</Th>
              <Th>Kind</Th>
              <Th>Values</Th>
              <Th>Comment</Th>
            </tr>
          </thead>
          <tbody>
            {page.data.items.map((type) => (
              <Tr key={`${type.schema}.${type.name}`} className="relative">
                <Td>
                  <Link to={sheetPath} params={{ ref, schema: type.schema, type: type.name }} search={(old) => ({ ...old, create: undefined })} data-row className="font-mono text-xs font-medium after:absolute after:inset-0 hover:text-accent">
                    {search.schema === "*" ? `${type.schema}.${type.name}` : type.name}
                  </Link>
                </Td>
                <Td>
                  <Badge>{type.kind}</Badge>
                </Td>
                <Td className="max-w-96 truncate font-mono text-xs text-muted">{type.values?.join(", ") ?? type.definition}</Td>
                <Td className="max-w-60 truncate text-muted">{type.comment}</Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
      {page.data && page.data.items.length > 0 && <ListPager search={search} shown={page.data.items.length} more={page.data.next !== undefined} onChange={change} what="type" />}
      {search.create && <NewTypeSheet schema={schema} onClose={() => make(false)} />}
    </Page>
  );
}

/** One type, beside the list. */
export function TypeOfList() {
  const { ref, schema, type } = sheetRoute.useParams();
  const search = sheetRoute.useSearch();
  const navigate = useNavigate();
  return <TypeSheet schema={schema} type={type} onClose={() => void navigate({ to: listPath, params: { ref }, search })} />;
}
