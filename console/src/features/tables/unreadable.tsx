import { EmptyState } from "@/components/empty-state";
import { Button } from "@/components/ui/button";
import { TableHeader, useEdit } from "@/features/tables/header";
import { useTableSearch } from "@/features/tables/use-search";
import type { TableInfo } from "@/features/tables/use-table";

/** A table of which the role that it is viewed as may read nothing. */
export function Unreadable({ info }: { info: TableInfo }) {
  const search = useTableSearch();
  const edit = useEdit();
  return (
    <div className="flex h-full flex-col">
      <TableHeader info={info} search={search} />
      <div className="p-4">
        <EmptyState
          title={`This role may not read ${info.table.name}`}
          action={
            <div className="flex flex-wrap gap-2 sm:justify-center">
              {info.table.owned && <Button onClick={() => edit({ edit: "policies" })}>Grants and policies</Button>}
              <Button onClick={() => search.set({ as: undefined, row: undefined })}>View as the owner</Button>
            </div>
          }
        >
          It was granted no column of it, so requests of an app are refused before policies are asked.
        </EmptyState>
      </div>
    </div>
  );
}
