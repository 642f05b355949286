import { getRouteApi, Outlet, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useState, type KeyboardEvent, type PointerEvent } from "react";
import { z } from "zod";
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
    const bounded = Math.min(480, Math.max(160, Math.round(next)));
    setWide(bounded);
    remember("fluxbase-tree-width", bounded);
  };
  return (
    <TablesContext value={() => setTreeOpen(true)}>
      <div className="flex h-full min-h-[420px]">
        <div className="hidden shrink-0 md:block" style={{ width: wide }}>
          <TableTree />
        </div>
        <Divider at={wide} onMove={resize} />
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

/** Moved by pointer or by the arrows. */
function Divider({ at, onMove }: { at: number; onMove: (width: number) => void }) {
  const [start, setStart] = useState<{ x: number; width: number }>();
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- a separator that can be moved is a control
    <div
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the list of tables"
      aria-valuenow={at}
      aria-valuemin={160}
      aria-valuemax={480}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a separator that can be moved is a control
      tabIndex={0}
      className="hidden w-1 shrink-0 cursor-col-resize touch-none border-r border-border hover:bg-accent focus-visible:bg-accent md:block"
      onPointerDown={(event: PointerEvent<HTMLElement>) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setStart({ x: event.clientX, width: at });
      }}
      onPointerMove={(event) => start && onMove(start.width + event.clientX - start.x)}
      onPointerUp={() => setStart(undefined)}
      onPointerCancel={() => setStart(undefined)}
      onDoubleClick={() => onMove(usual)}
      onKeyDown={(event: KeyboardEvent) => {
        const step = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
        if (!step) return;
        event.preventDefault();
        onMove(at + step);
      }}
    />
  );
}
