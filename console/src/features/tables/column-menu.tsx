import { ArrowDown, ArrowUp, KeyRound, Link2, ListFilter, Pencil, Plus, X } from "lucide-react";
import type { GridColumn } from "@/components/data-grid/arrangement";
import { Button } from "@/components/ui/button";
import { MenuItem, MenuLabel, MenuSeparator } from "@/components/ui/menu";
import { Tooltip } from "@/components/ui/tooltip";
import { useEdit } from "@/features/tables/header";
import { cycled } from "@/features/tables/sort";
import type { TableSearch } from "@/features/tables/use-search";
import type { TableInfo } from "@/features/tables/use-table";

interface Props {
  info: TableInfo;
  search: TableSearch;
  onFilter: (column: string) => void;
}

/** What the headers of columns show and offer. */
export function useColumnMenu({ info, search, onFilter }: Props) {
  const edit = useEdit();
  const { sort } = search.asked;
  const alterable = info.table.owned && !info.table.kind.endsWith("view");
  const about = (name: string) => info.relation.columns.find((each) => each.name === name);

  function sorted({ name }: GridColumn) {
    const at = sort.findIndex(({ column }) => column === name);
    return at < 0 ? undefined : { descending: sort[at]!.descending, order: sort.length > 1 ? at + 1 : 0 };
  }

  function menu({ name }: GridColumn) {
    const column = about(name);
    const mine = sorted({ id: name, name, type: "" });
    return (
      <>
        <MenuLabel>
          {column?.type}
          {column && !column.nullable && ", not null"}
          {column?.default && <span className="block max-w-64 truncate">default {column.default}</span>}
          {column?.comment && <span className="block max-w-64">{column.comment}</span>}
        </MenuLabel>
        <MenuItem onSelect={() => search.setSort(cycled(sort, name, false, false))}>
          <ArrowUp aria-hidden /> Sort ascending
        </MenuItem>
        <MenuItem onSelect={() => search.setSort(cycled(sort, name, true, false))}>
          <ArrowDown aria-hidden /> Sort descending
        </MenuItem>
        {sort.length > 0 && !mine && (
          <MenuItem onSelect={() => search.setSort(cycled(sort, name, false, true))}>
            <Plus aria-hidden /> Also sort by it
          </MenuItem>
        )}
        {mine && (
          <MenuItem onSelect={() => search.setSort(cycled(sort, name, undefined, true))}>
            <X aria-hidden /> Do not sort by it
          </MenuItem>
        )}
        <MenuItem onSelect={() => onFilter(name)}>
          <ListFilter aria-hidden /> Filter by it
        </MenuItem>
        {alterable && (
          <>
            <MenuSeparator />
            <MenuItem onSelect={() => edit({ edit: "column", column: name })}>
              <Pencil aria-hidden /> Edit or delete column
            </MenuItem>
          </>
        )}
      </>
    );
  }

  function icon({ name }: GridColumn) {
    if (about(name)?.primary_key) return <KeyRound className="size-3 shrink-0 text-accent" aria-label="Primary key" role="img" />;
    if (info.foreign.has(name)) return <Link2 className="size-3 shrink-0 text-faint" aria-label="Foreign key" role="img" />;
    return null;
  }

  const end = alterable && (
    <Tooltip text="Add column">
      <Button size="small-icon" variant="ghost" className="ml-2" aria-label="Add column" onClick={() => edit({ edit: "column" })}>
        <Plus />
      </Button>
    </Tooltip>
  );

  return { menu, icon, sorted, end };
}
