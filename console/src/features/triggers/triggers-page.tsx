import { getRouteApi, Link, Outlet, useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useCallback } from "react";
import { EmptyState } from "@/components/empty-state";
import { Page } from "@/components/page";
import { ProjectData } from "@/components/project-page";
import { SqlPreview } from "@/components/sql-preview";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import { Waiting } from "@/features/schema-edit/facts";
import { ListBar, ListPager, useListPage, type ListSearch } from "@/features/schema-edit/list";
import { NewTriggerSheet } from "@/features/triggers/trigger-form";
import { isService } from "@/features/triggers/trigger";
import { TriggerSheet } from "@/features/triggers/trigger-sheet";
import type { Trigger } from "@/lib/catalog";
import { useCatalog } from "@/lib/project-data";
import { moveByArrows } from "@/lib/rows";

const route = getRouteApi("/app/projects/$ref/database/triggers");
const sheetRoute = getRouteApi("/app/projects/$ref/database/triggers/$schema/$table/$trigger");
const listPath = "/projects/$ref/database/triggers";
const sheetPath = "/projects/$ref/database/triggers/$schema/$table/$trigger";

/** With or without a trigger's sheet beside it. */
export function TriggersPage() {
  return (
    <ProjectData title="Triggers">
      <Triggers />
      <Outlet />
    </ProjectData>
  );
}

function Triggers() {
  const { ref } = route.useParams();
  const search = route.useSearch();
  const navigate = useNavigate();
  const page = useListPage("triggers", search);
  const tables = useCatalog("tables");
  const change = useCallback((next: ListSearch) => void navigate({ to: listPath, params: { ref }, search: (old) => ({ ...old, ...next }), replace: true }), [navigate, ref]);
  const make = (create: boolean) => void navigate({ to: listPath, params: { ref }, search: { ...search, create: create || undefined, of: undefined } });
  const schema = search.schema ?? "public";
  const items = page.data?.items;
  const schemas = useCatalog("schemas");
  const service = (trigger: Trigger) => isService(trigger, schemas.data ?? []) || tables.data?.some((each) => each.schema === trigger.schema && each.name === trigger.table && !each.owned);
  const create = (
    <Button variant="primary" onClick={() => make(true)}>
      <Plus aria-hidden /> Create trigger
    </Button>
  );
  return (
    <Page title="Triggers" about="Functions that run when rows of a table change." action={create}>
      <ListBar search={search} onChange={change} label="Filter triggers" />
      <Waiting queries={[page]} what="The triggers" rows={8} />
      {items?.length === 0 && (
        <EmptyState title={search.page ? "No more triggers" : search.filter ? "No trigger matches" : `No trigger in ${schema === "*" ? "any schema" : schema}`} action={!search.filter && !search.page && create}>
          {search.filter ? "The filter looks at names, in the chosen schema." : <Teach />}
        </EmptyState>
      )}
      {items && items.length > 0 && (
        <Table onKeyDown={moveByArrows}>
          <thead>
            <tr>
              <Th>Name</Th>
              <Th>Table</Th>
              <Th>Runs</Th>
              <Th>Function</Th>
              <Th>State</Th>
            </tr>
          </thead>
          <tbody>
            {items.map((each) => (
              <Tr key={`${each.schema}.${each.table}.${each.name}`} className="relative">
                <Td className="max-w-72">
                  <Link to={sheetPath} params={{ ref, schema: each.schema, table: each.table, trigger: each.name }} search={(old) => ({ ...old, create: undefined, of: undefined })} data-row className="block truncate font-mono text-xs font-medium after:absolute after:inset-0 hover:text-accent">
                    {each.name}
                  </Link>
                </Td>
                <Td className="max-w-60 truncate font-mono text-xs">{schema === "*" ? `${each.schema}.${each.table}` : each.table}</Td>
                <Td className="whitespace-nowrap text-muted">
                  {each.timing.replace("_", " ")} {each.events.join(" or ")}, each {each.level}
                </Td>
                <Td className="max-w-60 truncate font-mono text-xs text-muted">{each.function_schema === "public" ? each.function_name : `${each.function_schema}.${each.function_name}`}</Td>
                <Td>
                  <span className="flex gap-1.5">
                    <Badge tone={each.enabled ? "success" : "warning"}>{each.enabled ? "enabled" : "disabled"}</Badge>
                    {service(each) && (
                      <Tooltip text="It, or its table, belongs to a service of the project">
                        <span className="relative z-10">
                          <Badge>service</Badge>
                        </span>
                      </Tooltip>
                    )}
                  </span>
                </Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
      {items && items.length > 0 && <ListPager search={search} shown={items.length} more={page.data?.next !== undefined} onChange={change} what="trigger" />}
      {search.create && (
        <NewTriggerSheet
          of={search.of}
          schema={schema === "*" ? "public" : schema}
          onClose={() => make(false)}
          onDone={(made) => void navigate({ to: sheetPath, params: { ref, schema: made.schema, table: made.table, trigger: made.name }, search: { schema: made.schema === "public" ? undefined : made.schema } })}
        />
      )}
    </Page>
  );
}

/** One trigger, beside the list. */
export function TriggerOfList() {
  const { ref, schema, table, trigger } = sheetRoute.useParams();
  const search = sheetRoute.useSearch();
  const navigate = useNavigate();
  return (
    <TriggerSheet
      key={`${schema}.${table}.${trigger}`}
      schema={schema}
      table={table}
      name={trigger}
      onRenamed={(next) => void navigate({ to: sheetPath, params: { ref, schema, table, trigger: next }, search, replace: true })}
      onClose={() => void navigate({ to: listPath, params: { ref }, search })}
    />
  );
}

function Teach() {
  return (
    <>
      <p className="mb-3">A trigger keeps what follows from a change in one place, whoever makes it: times, counts, a row for each new user.</p>
      <SqlPreview className="text-left" label="Example" sql={"create trigger set_updated_at\nbefore update on notes\nfor each row execute function set_updated_at();"} />
    </>
  );
}
