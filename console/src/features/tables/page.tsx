import { getRouteApi, Outlet, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { z } from "zod";
import { Divider } from "@/components/divider";
import { ProjectData } from "@/components/project-page";
import { Sheet } from "@/components/ui/dialog";
import { TablesContext } from "@/features/tables/tables-context";
import { TableTree } from "@/features/tables/tree";
import { useHere } from "@/lib/project-data";
import { recall, remember } from "@/lib/remembered";

const SchemaEdit = lazy(() => import("@/features/schema-edit/schema-edit").then((module) => ({ default: module.SchemaEdit })));
const ImportSheet = lazy(() => import("@/features/tables/import/sheet").then((module) => ({ default: module.ImportSheet })));

const route = getRouteApi("/app/projects/$ref/tables");
const width = z.number().min(160).max(480);
const usual = 240;

/** The table editor: the tree of tables, and beside it the one that is open. */
export function TablesPage() {
  return (
    <ProjectData title="Table editor">
      <Workbench />
    </ProjectData>
  );
}

function Workbench() {
  const [treeOpen, setTreeOpen] = useState(false);
  const [wide, setWide] = useState(() => recall("fluxbase-tree-width", width) ?? usual);
  const resize = (next: number) => {
    setWide(next);
    remember("fluxbase-tree-width", next);
  };
  return (
    <TablesContext value={() => setTreeOpen(true)}>
      <div className="flex h-full min-h-[420px]">
        <div className="hidden shrink-0 md:block" style={{ width: wide }}>
          <TableTree />
        </div>
        <Divider label="Width of the list of tables" orientation="vertical" at={wide} unit="pixels" least={160} most={480} usual={usual} onMove={resize} className="max-md:hidden" />
        <div className="min-w-0 flex-1">
          <Outlet />
        </div>
      </div>
      <Sheet open={treeOpen} onOpenChange={setTreeOpen} title="Tables" className="max-w-[320px]">
        <div className="-m-4 h-[calc(100%+2rem)]">
          <TableTree onChosen={() => setTreeOpen(false)} />
        </div>
      </Sheet>
      <Edits />
    </TablesContext>
  );
}

/** What is open above the page, by its address. */
function Edits() {
  const { edit, column, item, import: importing } = route.useSearch();
  const { project } = useHere();
  const { schema, table } = useParams({ strict: false });
  const navigate = useNavigate();
  const close = () => void navigate({ to: ".", search: (old: object) => ({ ...old, edit: undefined, column: undefined, item: undefined, import: undefined }) });
  const goTo = (at: { schema: string; table: string }) => void navigate({ to: "/projects/$ref/tables/$schema/$table", params: { ref: project.ref, ...at }, search: {} });
  return (
    <Suspense>
      {edit && (
        <SchemaEdit
          edit={edit}
          schema={schema ?? "public"}
          table={table}
          column={column}
          item={item}
          onItem={(next) => void navigate({ to: ".", search: (old: object) => ({ ...old, item: next }) })}
          onClose={close}
          onDone={(at) => (at.schema === schema && at.table === table ? close() : goTo(at))}
          onDropped={() => void navigate({ to: "/projects/$ref/tables", params: { ref: project.ref }, search: {} })}
        />
      )}
      {importing && <ImportSheet schema={schema ?? "public"} table={table} onClose={close} />}
    </Suspense>
  );
}
