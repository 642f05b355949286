import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ArrowUpRight } from "lucide-react";
import { CellValue } from "@/components/data-grid/value";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Popover, PopoverAnchor, PopoverContent } from "@/components/ui/popover";
import type { Editing } from "@/features/tables/cell-editor";
import { readForeign } from "@/features/tables/foreign";
import { formatFilter } from "@/features/tables/filter";
import type { Foreign, TableInfo } from "@/features/tables/use-table";
import type { As } from "@/lib/meta";
import { useCatalog, useHere, useNames } from "@/lib/project-data";

interface Props {
  foreign: Foreign;
  /** The values that the key has on the other side. */
  pairs: [column: string, value: string][];
  as: As | undefined;
  search: { as?: string };
}

/** The row that a foreign key leads to, and the way to it. */
export function Peek({ foreign, pairs, as, search }: Props) {
  const { project, meta } = useHere();
  const { names } = useNames();
  const { schema, table } = foreign;
  const columns = useCatalog("columns", { schema, table });
  const row = useQuery({
    queryKey: ["rows", project.ref, schema, table, { who: as?.role ?? "owner", claims: as?.claims?.sub }, "peek", pairs],
    queryFn: async ({ signal }) => {
      const { query, params } = readForeign(names!, schema, table, columns.data!, pairs);
      return ((await meta.query(query, signal, { params, text: true, as, readOnly: true }))[0]!.rows[0] ?? null) as (string | null)[] | null;
    },
    enabled: names !== undefined && columns.isSuccess,
  });
  const failed = columns.isError ? columns : row;
  return (
    <div className="flex flex-col gap-2">
      <div className="flex items-center gap-2">
        <p className="min-w-0 flex-1 truncate text-sm font-medium">
          {schema !== "public" && <span className="text-muted">{schema}.</span>}
          {table}
        </p>
        <Button size="small" asChild>
          <Link
            to="/projects/$ref/tables/$schema/$table"
            params={{ ref: project.ref, schema, table }}
            search={{ as: search.as, filter: formatFilter({ join: "and", parts: pairs.map(([column, value]) => ({ column, operator: "eq", values: [value] })) }) }}
          >
            Go to row <ArrowUpRight aria-hidden />
          </Link>
        </Button>
      </div>
      {(columns.isPending || row.isPending) && !failed.isError && <SkeletonRows rows={3} label="Loading the row" />}
      {failed.isError && <ErrorState error={failed.error} what="The row could not be loaded" onRetry={() => void failed.refetch()} retrying={failed.isFetching} />}
      {row.data === null && <p className="text-sm text-muted">No such row is to be seen{as ? " by this role" : ""}.</p>}
      {row.data && columns.data && (
        <dl className="grid max-h-72 grid-cols-[minmax(6rem,auto)_1fr] gap-x-3 gap-y-1 overflow-y-auto text-xs">
          {columns.data.map((each, at) => (
            <div key={each.name} className="contents">
              <dt className="truncate text-muted">{each.name}</dt>
              <dd className="min-w-0 font-mono break-words">
                <CellValue value={row.data![at]} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}

/** The same beside a cell. */
export function PeekAt({ row, column, element, info, as, search, onClose }: Editing & { info: TableInfo; as: As | undefined; search: { as?: string }; onClose: () => void }) {
  const foreign = info.foreign.get(column.name);
  const pairs = foreign?.pairs.map((each): [string, string | null] => [each.foreign, row.values[info.relation.columns.findIndex(({ name }) => name === each.column)] ?? null]);
  if (!foreign || !pairs?.every((each): each is [string, string] => each[1] !== null)) return null;
  return (
    <Popover open onOpenChange={(open) => !open && onClose()}>
      <PopoverAnchor virtualRef={{ current: element }} />
      <PopoverContent className="w-[380px]" aria-label={`Row of ${foreign.table}`} onCloseAutoFocus={(event) => event.preventDefault()}>
        <Peek foreign={foreign} pairs={pairs} as={as} search={search} />
      </PopoverContent>
    </Popover>
  );
}
