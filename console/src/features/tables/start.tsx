import { useNavigate } from "@tanstack/react-router";
import { FileUp, PanelLeft, Plus } from "lucide-react";
import { EmptyState } from "@/components/empty-state";
import { useTitle } from "@/components/page";
import { Button } from "@/components/ui/button";
import { useOpenTree } from "@/features/tables/tables-context";
import { useCatalog, useHere } from "@/lib/project-data";

/** What stands beside the tree while no table is open. */
export function TablesStart() {
  const { project } = useHere();
  useTitle(`Table editor · ${project.name}`);
  const tables = useCatalog("tables");
  const navigate = useNavigate();
  const openTree = useOpenTree();
  // What storage keeps is the project's own too, but nobody made it.
  const own = tables.data?.filter((each) => each.owned && each.schema !== "storage");
  const set = (search: object) => void navigate({ to: ".", search: (old: object) => ({ ...old, ...search }) });
  return (
    <div className="flex flex-col gap-6 px-4 py-6 md:px-8">
      <div className="flex items-center gap-3">
        <h1 className="min-w-0 flex-1 text-lg leading-7 font-semibold">Table editor</h1>
        <Button className="md:hidden" onClick={openTree}>
          <PanelLeft aria-hidden /> Tables
        </Button>
      </div>
      {own && (
        <EmptyState
          title={own.length === 0 ? "Make the first table" : "Choose a table"}
          action={
            <div className="flex flex-wrap gap-2 sm:justify-center">
              <Button variant="primary" onClick={() => set({ edit: "new-table" })}>
                <Plus aria-hidden /> New table
              </Button>
              <Button onClick={() => set({ import: true })}>
                <FileUp aria-hidden /> New table from a file
              </Button>
            </div>
          }
        >
          {own.length === 0
            ? "A table holds rows of the same kind: users' notes, orders, messages. Its rows are read and written here, by the API of the project and by SQL."
            : "Its rows are read, filtered and changed here. Press / to search, the arrows to move among the tables."}
        </EmptyState>
      )}
    </div>
  );
}
