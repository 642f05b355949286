import { getRouteApi, Link } from "@tanstack/react-router";
import { PanelLeft } from "lucide-react";
import type { ReactNode } from "react";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { useTitle } from "@/components/page";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useAs } from "@/features/tables/as";
import { Browse } from "@/features/tables/browse";
import { useOpenTree } from "@/features/tables/tables-context";
import { Unreadable } from "@/features/tables/unreadable";
import { useTable } from "@/features/tables/use-table";

const route = getRouteApi("/app/projects/$ref/tables/$schema/$table");

/** The rows of one table, seen as the owner or as someone else. */
export function TablePage() {
  const { ref, schema, table } = route.useParams();
  const { as: who } = route.useSearch();
  useTitle(`${table} · Table editor`);
  const as = useAs(who);
  const found = useTable(schema, table, as.as, !as.pending);
  if (as.error) {
    return (
      <Frame title={table}>
        <ErrorState error={as.error} what="The user could not be found" onRetry={as.retry}>
          <Button asChild size="small" className="mt-2">
            <Link to="." search={(old) => ({ ...old, as: undefined })}>
              View as the owner
            </Link>
          </Button>
        </ErrorState>
      </Frame>
    );
  }
  if (found.info && !as.pending && found.info.relation.columns.length === 0 && found.info.unreadable.length > 0) return <Unreadable info={found.info} />;
  if (found.info && !as.pending) return <Browse key={`${ref} ${schema} ${table} ${who}`} info={found.info} as={as.as} />;
  return (
    <Frame title={table}>
      {found.error ? <ErrorState error={found.error} what="The table could not be loaded" onRetry={found.retry} retrying={found.retrying} /> : null}
      {found.missing && (
        <EmptyState
          title="There is no such table"
          action={
            <Button asChild>
              <Link to="/projects/$ref/tables" params={{ ref }}>
                All tables
              </Link>
            </Button>
          }
        >
          {schema}.{table} was dropped or renamed, or the address is mistyped.
        </EmptyState>
      )}
      {!found.error && !found.missing && <SkeletonRows rows={10} label="Loading the table" />}
    </Frame>
  );
}

function Frame({ title, children }: { title: string; children: ReactNode }) {
  const openTree = useOpenTree();
  return (
    <div className="flex flex-col gap-4 p-4">
      <div className="flex items-center gap-2">
        <h1 className="min-w-0 flex-1 truncate text-base font-semibold">{title}</h1>
        <Button className="md:hidden" onClick={openTree}>
          <PanelLeft aria-hidden /> Tables
        </Button>
      </div>
      {children}
    </div>
  );
}
