import { getRouteApi, Link, Outlet, useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useCallback } from "react";
import { EmptyState } from "@/components/empty-state";
import { Page } from "@/components/page";
import { ProjectData } from "@/components/project-page";
import { SqlPreview } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { NewFunctionSheet } from "@/features/functions/function-form";
import { FunctionSheet, functionTabs } from "@/features/functions/function-sheet";
import { Marks } from "@/features/functions/marks";
import { useOurs } from "@/features/functions/use-function";
import { Waiting } from "@/features/schema-edit/facts";
import { ListBar, ListPager, useListPage, type ListSearch } from "@/features/schema-edit/list";
import { useShownType } from "@/features/schema-edit/type-picker";
import type { DatabaseFunction } from "@/lib/catalog";
import { moveByArrows } from "@/lib/rows";

const route = getRouteApi("/app/projects/$ref/database/functions");
const sheetRoute = getRouteApi("/app/projects/$ref/database/functions/$schema/$function");
const listPath = "/projects/$ref/database/functions";
const sheetPath = "/projects/$ref/database/functions/$schema/$function";

/** With or without a function's sheet beside it. */
export function FunctionsPage() {
  return (
    <ProjectData title="Functions">
      <Functions />
      <Outlet />
    </ProjectData>
  );
}

function Functions() {
  const { ref } = route.useParams();
  const search = route.useSearch();
  const navigate = useNavigate();
  const page = useListPage("functions", search);
  const shown = useShownType();
  const change = useCallback((next: ListSearch) => void navigate({ to: listPath, params: { ref }, search: (old) => ({ ...old, ...next }), replace: true }), [navigate, ref]);
  const make = (create: boolean) => void navigate({ to: listPath, params: { ref }, search: { ...search, create: create || undefined, item: undefined, args: undefined } });
  const schema = search.schema && search.schema !== "*" ? search.schema : "public";
  const ours = useOurs();
  const items = page.data && ours(page.data.items);
  const create = (
    <Button variant="primary" onClick={() => make(true)}>
      <Plus aria-hidden /> Create function
    </Button>
  );
  return (
    <Page title="Functions" about="SQL that has a name: called by apps, policies and triggers, and run in the database." action={create}>
      <ListBar search={search} onChange={change} label="Filter by name or body" />
      <Waiting queries={[page]} what="The functions" rows={8} />
      {items?.length === 0 && (
        <EmptyState title={search.page ? "No more functions" : search.filter ? "No function matches" : `No function in ${search.schema === "*" ? "any schema" : schema}`} action={!search.filter && !search.page && create}>
          {search.filter ? "The filter looks at names and bodies, in the chosen schema." : <Teach />}
        </EmptyState>
      )}
      {items && items.length > 0 && (
        <Table onKeyDown={moveByArrows}>
          <thead>
            <tr>
              <Th>Name</Th>
              <Th>Arguments</Th>
              <Th>Returns</Th>
              <Th>Language</Th>
              <Th>Runs</Th>
              <Th>Comment</Th>
            </tr>
          </thead>
          <tbody>
            {items.map((fn) => (
              <Tr key={`${fn.schema}.${fn.name}(${fn.identity_arguments})`} className="relative">
                <Td className="max-w-72">
                  <Link
                    to={sheetPath}
                    params={{ ref, schema: fn.schema, function: fn.name }}
                    search={(old) => ({ ...old, create: undefined, item: undefined, args: fn.identity_arguments || undefined })}
                    data-row
                    className="block truncate font-mono text-xs font-medium after:absolute after:inset-0 hover:text-accent"
                  >
                    {search.schema === "*" ? `${fn.schema}.${fn.name}` : fn.name}
                  </Link>
                </Td>
                <Td className="max-w-64 truncate font-mono text-xs text-muted">{argumentsOf(fn, shown) || <span className="text-faint">none</span>}</Td>
                <Td className="max-w-48 truncate font-mono text-xs text-muted">{shown(fn.returns.replace(/^TABLE\(.*$/s, "table"))}</Td>
                <Td className="font-mono text-xs">{fn.language}</Td>
                <Td>
                  <span className="flex gap-1.5">
                    <Marks fn={fn} />
                  </span>
                </Td>
                <Td className="max-w-60 truncate text-muted">{fn.comment}</Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
      {items && items.length > 0 && <ListPager search={search} shown={items.length} more={page.data?.next !== undefined} onChange={change} what="function" />}
      {search.create && (
        <NewFunctionSheet
          schema={schema}
          onClose={() => make(false)}
          onDone={(made) => void navigate({ to: sheetPath, params: { ref, schema: made.schema, function: made.name }, search: { schema: made.schema === "public" ? undefined : made.schema } })}
        />
      )}
    </Page>
  );
}

function argumentsOf(fn: DatabaseFunction, shown: (type: string) => string): string {
  return fn.arguments
    .filter(({ mode }) => mode === "in" || mode === "inout" || mode === "variadic")
    .map(({ name, type, has_default: optional }) => `${name && `${name} `}${shown(type)}${optional ? "?" : ""}`)
    .join(", ");
}

/** One function, beside the list. */
export function FunctionOfList() {
  const { ref, schema, function: name } = sheetRoute.useParams();
  const search = sheetRoute.useSearch();
  const navigate = useNavigate();
  const at = { ref, schema, function: name };
  return (
    <FunctionSheet
      key={`${schema}.${name}`}
      schema={schema}
      name={name}
      args={search.args}
      tab={functionTabs.find((each) => each === search.item) ?? "definition"}
      onTab={(tab) => void navigate({ to: sheetPath, params: at, search: { ...search, item: tab === "definition" ? undefined : tab } })}
      onArgs={(args) => void navigate({ to: sheetPath, params: at, search: { ...search, args: args || undefined } })}
      onRenamed={(next, args) => void navigate({ to: sheetPath, params: { ...at, function: next }, search: { ...search, item: undefined, args }, replace: true })}
      onClose={() => void navigate({ to: listPath, params: { ref }, search: { ...search, item: undefined, args: undefined } })}
    />
  );
}

function Teach() {
  return (
    <>
      <p className="mb-3">What apps need in one request, and what no client may do by itself, stands in a function. Apps call it by its name:</p>
      <SqlPreview className="text-left" label="Example" sql={"create function add(a int, b int) returns int\nlanguage sql immutable\nas $$ select a + b $$;\n-- supabase.rpc(\"add\", { a: 1, b: 2 })"} />
    </>
  );
}
