import { Braces, Copy, CopyPlus, Eye, ListFilter, PanelRight, Pencil, Trash2 } from "lucide-react";
import type { CellAt } from "@/components/data-grid/grid";
import { MenuItem, MenuSeparator } from "@/components/ui/menu";
import { copy as copyText } from "@/components/copy-button";
import { useToast } from "@/components/ui/toast";
import type { Editing } from "@/features/tables/cell-editor";
import { asDefault } from "@/features/tables/change";
import type { Condition } from "@/features/tables/filter";
import type { Row } from "@/features/tables/read";
import { asJson } from "@/features/tables/row-text";
import type { Changes } from "@/features/tables/use-changes";
import type { TableSearch } from "@/features/tables/use-search";
import type { TableInfo } from "@/features/tables/use-table";

interface Props {
  info: TableInfo;
  rows: (index: number) => Row | undefined;
  changes: Changes;
  search: TableSearch;
  onEdit: (editing: Editing) => void;
  onPeek: (editing: Editing) => void;
  onDelete: (row: Row) => void;
}

/** What can be done with a cell and its row. */
export function useCellMenu({ info, rows, changes, search, onEdit, onPeek, onDelete }: Props) {
  const toast = useToast();
  const { relation, rights } = info;

  async function copy(what: "cell" | "row", row: Row, index: number) {
    const found = row.cut.size > 0 ? await changes.whole(row) : row;
    await copyText(what === "row" ? asJson(relation.columns, [found ?? row]) : (found?.values[index] ?? ""));
    toast(what === "row" ? "The row was copied as JSON." : "The value was copied.");
  }
  async function duplicate(row: Row) {
    try {
      if (await changes.duplicate(row)) search.set({ insert: true, row: row.key });
    } catch (error) {
      // Something of the copy must differ: a person fills it in.
      search.set({ insert: true, row: row.key });
      toast(error instanceof Error ? error.message : "The row could not be duplicated as it is.");
    }
  }
  function filterBy(column: string, value: string | null) {
    const condition: Condition = value === null ? { column, operator: "null", values: [] } : { column, operator: "eq", values: [value] };
    const old = search.asked.filter;
    search.setFilter(old?.join === "and" ? { ...old, parts: [...old.parts, condition] } : { join: "and", parts: [...(old ? [old] : []), condition] });
  }

  return function CellMenu(at: CellAt) {
    const row = rows(at.row);
    const column = relation.columns[at.index];
    if (!row || !column) return null;
    // What is still on its way counts.
    const seen: Row = { ...row, values: [...changes.overlaid(row).values] };
    const value = seen.values[at.index] ?? null;
    const editable = rights.update(column.name);
    const element = () => document.querySelector<HTMLElement>(`[role=gridcell][data-row="${at.row}"]:is(:focus, [tabindex="0"])`) ?? document.body;
    const foreign = info.foreign.get(column.name);
    return (
      <>
        <MenuItem onSelect={() => onEdit({ row, column, element: element() })}>
          <Pencil aria-hidden /> {editable ? "Edit value" : "Show value"}
        </MenuItem>
        {editable && column.nullable && value !== null && <MenuItem onSelect={() => void changes.writeCell(row, column.name, null)}>Set null</MenuItem>}
        {editable && column.default !== null && <MenuItem onSelect={() => void changes.writeCell(row, column.name, asDefault)}>Set default</MenuItem>}
        <MenuItem onSelect={() => void copy("cell", row, at.index)}>
          <Copy aria-hidden /> Copy value
        </MenuItem>
        {!row.cut.has(at.index) && (
          <MenuItem onSelect={() => filterBy(column.name, value)}>
            <ListFilter aria-hidden /> Filter by this value
          </MenuItem>
        )}
        {foreign && value !== null && (
          <MenuItem onSelect={() => onPeek({ row: seen, column, element: element() })}>
            <Eye aria-hidden /> Peek at {foreign.table}
          </MenuItem>
        )}
        <MenuSeparator />
        {row.key && (
          <MenuItem onSelect={() => search.set({ row: row.key, insert: undefined })}>
            <PanelRight aria-hidden /> Open row
          </MenuItem>
        )}
        <MenuItem onSelect={() => void copy("row", row, at.index)}>
          <Braces aria-hidden /> Copy row as JSON
        </MenuItem>
        {rights.insertAny && (
          <MenuItem onSelect={() => void duplicate(row)}>
            <CopyPlus aria-hidden /> Duplicate row
          </MenuItem>
        )}
        {rights.delete && (
          <MenuItem danger onSelect={() => onDelete(row)}>
            <Trash2 aria-hidden /> Delete row
          </MenuItem>
        )}
      </>
    );
  };
}
