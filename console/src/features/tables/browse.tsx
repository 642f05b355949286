import { useCallback, useLayoutEffect, useMemo, useRef, useState, type RefObject } from "react";
import { useArrangement } from "@/components/data-grid/arrangement";
import { DataGrid, type CellAt, type GridHandle } from "@/components/data-grid/grid";
import { isNumeric } from "@/components/data-grid/value";
import { ErrorState } from "@/components/error-state";
import { useCellMenu } from "@/features/tables/cell-menu";
import { CellEditor, type Editing } from "@/features/tables/cell-editor";
import { useChosenRows } from "@/features/tables/chosen-rows";
import { ColumnsButton } from "@/features/tables/columns-button";
import { EmptyTable } from "@/features/tables/empty";
import { ExportDialog, type ExportOf } from "@/features/tables/export/dialog";
import { FilterButton } from "@/features/tables/filter-builder";
import { useColumnMenu } from "@/features/tables/column-menu";
import { TableHeader } from "@/features/tables/header";
import { ImportProgress } from "@/features/tables/import/progress";
import { PeekAt } from "@/features/tables/peek";
import { InsertSheet, RowSheet } from "@/features/tables/row-sheet";
import { SortButton } from "@/features/tables/sort-builder";
import { Refused, StatusBar } from "@/features/tables/status-bar";
import { useChanges } from "@/features/tables/use-changes";
import { useRows } from "@/features/tables/use-rows";
import { useTableSearch } from "@/features/tables/use-search";
import type { TableInfo } from "@/features/tables/use-table";
import type { As } from "@/lib/meta";
import { useHere } from "@/lib/project-data";

/** More rows are not waited for with an empty screen: so many places are drawn until the first come. */
const awaited = 24;

export function Browse({ info, as }: { info: TableInfo; as: As | undefined }) {
  const { relation, rights, table } = info;
  const { project } = useHere();
  const search = useTableSearch();
  const rows = useRows(relation, search.asked, as, table.estimated_rows);
  const changes = useChanges(relation, as);
  const columns = useMemo(() => relation.columns.map(({ name, type }) => ({ id: name, name, type, numeric: isNumeric(type) })), [relation.columns]);
  const arrangement = useArrangement(columns, `${project.ref} ${table.schema}.${table.name}`);
  const total = rows.total?.rows ?? (rows.first ? awaited : 0);
  const chosen = useChosenRows({ rows: rows.row, total: rows.total, relation, asked: search.asked, changes, columns: arrangement.shown, info });
  const [editing, setEditing] = useState<Editing>();
  const [peek, setPeek] = useState<Editing>();
  const [filtering, setFiltering] = useState<{ begin?: string }>();
  const [exporting, setExporting] = useState<ExportOf>();
  const grid = useRef<GridHandle>(null);
  const { overlaid, refused } = changes;
  const { row: rowAt } = rows;
  const valuesAt = useCallback((index: number) => {
    const row = rowAt(index);
    return row && overlaid(row).values;
  }, [rowAt, overlaid]);

  const edit = useCallback((at: CellAt, element: HTMLElement, typed?: string) => {
    const row = rowAt(at.row);
    const column = relation.columns[at.index];
    if (row && column) setEditing({ row, column, element, typed });
  }, [rowAt, relation.columns]);

  const cellMenu = useCellMenu({ info, rows: rows.row, changes, search, onEdit: setEditing, onPeek: setPeek, onDelete: (row) => chosen.askDelete([row]) });
  const columnMenu = useColumnMenu({ info, search, onFilter: (begin) => setFiltering({ begin }) });
  useFocusBack(grid, editing !== undefined || peek !== undefined);
  const open = (index: number) => search.set({ row: rowAt(index)?.key, insert: undefined });
  const empty = rows.total?.rows === 0 && !rows.error;

  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- Ctrl-Z takes back the last change, wherever the focus is
    <div
      className="flex h-full flex-col"
      onKeyDown={(event) => {
        if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || (event.target as HTMLElement).closest("input, textarea, [contenteditable=true]")) return;
        changes.undoLast();
      }}
    >
      <TableHeader info={info} search={search} onExport={() => setExporting({ of: "shown" })}>
        <FilterButton
          key={`${search.filter} ${filtering?.begin}`}
          columns={relation.columns}
          filter={search.asked.filter}
          begin={filtering?.begin}
          open={filtering !== undefined}
          onOpenChange={(next) => setFiltering(next ? {} : undefined)}
          onApply={search.setFilter}
        />
        <SortButton columns={relation.columns} sort={search.asked.sort} onChange={search.setSort} />
        <ColumnsButton columns={columns} arrangement={arrangement} />
      </TableHeader>
      <ImportProgress schema={table.schema} table={table.name} />
      {rows.error ? <ErrorState error={rows.error} what="The rows could not be loaded" onRetry={() => void rows.refresh()} retrying={rows.fetching} className="m-3" /> : null}
      <div className="relative min-h-0 flex-1">
        <DataGrid
          key={`${search.filter} ${search.sort}`}
          ref={grid}
          label={`Rows of ${table.name}`}
          columns={columns}
          arrangement={arrangement}
          rowCount={total}
          row={valuesAt}
          onVisible={rows.onVisible}
          marks={(index) => {
            const row = rowAt(index);
            return row && overlaid(row).marks;
          }}
          selection={relation.key.by === "values" || relation.key.by === "nothing" ? undefined : chosen.selection}
          numbered
          onOpenRow={relation.key.by === "values" || relation.key.by === "nothing" ? undefined : open}
          onEnter={edit}
          canEdit={(index) => rights.update(relation.columns[index]?.name ?? "")}
          onPaste={(at, text) => {
            const row = rowAt(at.row);
            if (row) void changes.writeCell(row, relation.columns[at.index]!.name, text);
          }}
          cellMenu={cellMenu}
          headerMenu={columnMenu.menu}
          headerIcon={columnMenu.icon}
          headerEnd={columnMenu.end}
          sorted={columnMenu.sorted}
        />
        {empty && (
          <div className="pointer-events-none absolute inset-x-0 top-10 bottom-0 overflow-y-auto p-4">
            <div className="pointer-events-auto mx-auto max-w-[720px] bg-background">
              <EmptyTable info={info} search={search} />
            </div>
          </div>
        )}
      </div>
      {search.unread && (
        <p role="alert" className="shrink-0 border-t border-warning/40 bg-warning-soft px-3 py-1.5 text-sm">
          The filter in the address cannot be read, so all rows are shown.{" "}
          <button type="button" className="font-medium underline" onClick={() => search.setFilter(undefined)}>
            Clear it
          </button>
        </p>
      )}
      {refused.length > 0 && (
        <Refused
          draft={refused[0]!}
          more={refused.length - 1}
          changes={changes}
          onEdit={() => setEditing({ row: refused[0]!.row, column: relation.columns.find((each) => each.name === refused[0]!.column)!, element: document.querySelector<HTMLElement>("[role=gridcell][aria-invalid]") ?? document.body })}
        />
      )}
      <StatusBar
        total={rows.total}
        counting={rows.counting}
        filtered={Boolean(search.asked.filter)}
        fetching={rows.fetching}
        failed={Boolean(rows.error)}
        onCount={rows.countExactly}
        onRefresh={() => void rows.refresh()}
        chosen={chosen.count}
        onClear={chosen.clear}
        onDelete={rights.delete ? () => chosen.askDelete() : undefined}
        onExport={() => setExporting({ of: "chosen", chosen: chosen.chosen })}
        onCopy={() => void chosen.copy()}
        note={noteOf(info)}
      />
      {chosen.dialog}
      {editing && (
        <CellEditor
          key={`${editing.row.key} ${editing.column.name}`}
          {...editing}
          info={info}
          changes={changes}
          as={as}
          onClose={() => setEditing(undefined)}
        />
      )}
      {peek && (
        <PeekAt
          {...peek}
          info={info}
          as={as}
          search={search}
          onClose={() => setPeek(undefined)}
        />
      )}
      {search.row && !search.insert && <RowSheet key={search.row} info={info} changes={changes} as={as} search={search} onDelete={(row) => chosen.askDelete([row])} />}
      {search.insert && rights.insertAny && <InsertSheet info={info} changes={changes} as={as} search={search} />}
      {exporting && <ExportDialog info={info} as={as} asked={search.asked} total={rows.total?.rows} shown={arrangement.shown.map(({ column }) => column.name)} what={exporting} onClose={() => setExporting(undefined)} />}
    </div>
  );
}

/** Gives the focus of what is closed back to the cell, at once: later it would be taken from what was opened meanwhile. */
function useFocusBack(grid: RefObject<GridHandle | null>, open: boolean) {
  const before = useRef(open);
  useLayoutEffect(() => {
    if (before.current && !open && document.activeElement === document.body) grid.current?.focus();
    before.current = open;
  }, [grid, open]);
}

function noteOf({ relation, unreadable }: TableInfo): string | undefined {
  if (unreadable.length > 0) return `Not to be read by this role: ${unreadable.join(", ")}`;
  if (relation.key.by === "place") return "Without a primary key: rows are told apart by where they are stored, and may move.";
  return undefined;
}
