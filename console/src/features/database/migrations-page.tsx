import { useMutation } from "@tanstack/react-query";
import { getRouteApi, Link, Outlet, useNavigate } from "@tanstack/react-router";
import { Download, Plus } from "lucide-react";
import { useCallback } from "react";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { FilterInput } from "@/components/filter-input";
import { Page } from "@/components/page";
import { ProjectData } from "@/components/project-page";
import { SqlPreview } from "@/components/sql-preview";
import { Time } from "@/components/time";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import { useWho } from "@/features/database/members";
import { archive, fileName, fileText, folder, save, timeOf } from "@/features/database/migration-files";
import { NewMigration } from "@/features/database/new-migration";
import { Waiting } from "@/features/schema-edit/facts";
import { ListPager, useListPage, type ListSearch } from "@/features/schema-edit/list";
import { count } from "@/lib/format";
import { useHere } from "@/lib/project-data";
import { moveByArrows } from "@/lib/rows";

const route = getRouteApi("/app/projects/$ref/database/migrations");
const listPath = "/projects/$ref/database/migrations";

/** With or without a migration's sheet beside it. */
export function MigrationsPage() {
  return (
    <ProjectData title="Migrations">
      <Migrations />
      <Outlet />
    </ProjectData>
  );
}

function Migrations() {
  const { ref } = route.useParams();
  const { project, meta } = useHere();
  const search = route.useSearch();
  const navigate = useNavigate();
  const who = useWho();
  const page = useListPage("migrations", { ...search, schema: "*" });
  const change = useCallback((next: ListSearch) => void navigate({ to: listPath, params: { ref }, search: (old) => ({ ...old, ...next }), replace: true }), [navigate, ref]);
  const filter = useCallback((text: string) => change({ filter: text || undefined, page: undefined }), [change]);
  const make = (create: boolean) => void navigate({ to: listPath, params: { ref }, search: { ...search, create: create || undefined } });
  const download = useMutation({
    mutationFn: async () => {
      const all = await meta.all("migrations", {});
      save(`${project.ref}-migrations.tar`, archive(all.map((each) => ({ path: `${folder}/${fileName(each)}`, text: fileText(each) }))), "application/x-tar");
    },
  });
  const items = page.data?.items;
  return (
    <Page
      title="Migrations"
      about="What changed the schema, when and by whom: here, by the API and by other tools."
      action={
        <div className="flex gap-2">
          <Tooltip text={`An archive with ${folder}, for Supabase's command line`}>
            <Button disabled={!items?.length} busy={download.isPending} onClick={() => download.mutate()}>
              {!download.isPending && <Download aria-hidden />} Download all
            </Button>
          </Tooltip>
          <Button variant="primary" onClick={() => make(true)}>
            <Plus aria-hidden /> New migration
          </Button>
        </div>
      }
    >
      <FilterInput value={search.filter ?? ""} onChange={filter} label="Filter by name, version or SQL" />
      {download.isError && <ErrorState error={download.error} what="The migrations could not be downloaded" onRetry={() => download.mutate()} retrying={download.isPending} />}
      <Waiting queries={[page]} what="The migrations" rows={8} />
      {items?.length === 0 && (
        <EmptyState
          title={search.page ? "No more migrations" : search.filter ? "No migration matches" : "No migration yet"}
          action={
            !search.filter && (
              <Button variant="primary" onClick={() => make(true)}>
                <Plus aria-hidden /> New migration
              </Button>
            )
          }
        >
          {search.filter ? "The filter looks at names, versions and the SQL that ran." : <Teach />}
        </EmptyState>
      )}
      {items && items.length > 0 && (
        <Table onKeyDown={moveByArrows}>
          <thead>
            <tr>
              <Th>Name</Th>
              <Th>Version</Th>
              <Th>Ran</Th>
              <Th>By</Th>
              <Th className="text-right">Statements</Th>
            </tr>
          </thead>
          <tbody>
            {items.map((each) => (
              <Tr key={each.version} className="relative">
                <Td className="max-w-80 min-w-40">
                  <Link to="/projects/$ref/database/migrations/$version" params={{ ref, version: each.version }} search={(old) => ({ ...old, create: undefined })} data-row className="block truncate font-medium after:absolute after:inset-0 hover:text-accent">
                    {each.name || <span className="text-muted">without a name</span>}
                  </Link>
                </Td>
                <Td className="font-mono text-xs">{each.version}</Td>
                <Td>
                  <span className="relative z-10">
                    <Time at={timeOf(each)} never="not known" />
                  </span>
                </Td>
                <Td className="max-w-60 truncate">{each.created_by ? who(each.created_by) : <Badge>another tool</Badge>}</Td>
                <Td className="text-right tabular-nums">{count(each.statements.length)}</Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
      {items && items.length > 0 && <ListPager search={search} shown={items.length} more={page.data?.next !== undefined} onChange={change} what="migration" />}
      {search.create && <NewMigration onClose={() => make(false)} onDone={() => void navigate({ to: listPath, params: { ref }, search: {} })} />}
    </Page>
  );
}

function Teach() {
  return (
    <>
      <p className="mb-3">Each change of the schema that is made in the console stands here, with its SQL. Supabase&rsquo;s command line reads and writes the same table:</p>
      <SqlPreview className="text-left" label="Example" sql={"-- supabase/migrations/20260101120000_create_notes.sql\ncreate table notes (id bigint generated always as identity primary key, body text);"} />
    </>
  );
}
