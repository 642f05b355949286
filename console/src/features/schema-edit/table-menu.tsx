import { useNavigate } from "@tanstack/react-router";
import { Columns3, Copy, Ellipsis, ListTree, PencilLine, ShieldCheck, TableProperties, Trash2 } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Menu, MenuContent, MenuItem, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import type { Edit } from "@/features/schema-edit/edits";
import type { CatalogTable } from "@/lib/catalog";
import { useHere } from "@/lib/project-data";

/** What can be done with a table or view. */
export function TableMenu({ table, onEdit }: { table: CatalogTable; onEdit: (edit: Edit) => void }) {
  const { project } = useHere();
  const navigate = useNavigate();
  const isView = table.kind === "view" || table.kind === "materialized_view";
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button variant="ghost" size="small-icon" aria-label={`Actions of ${table.name}`}>
          <Ellipsis />
        </Button>
      </MenuTrigger>
      <MenuContent align="end">
        <MenuItem onSelect={() => void navigate({ href: `/projects/${project.ref}/tables/${encodeURIComponent(table.schema)}/${encodeURIComponent(table.name)}` })}>
          <TableProperties aria-hidden /> Show rows
        </MenuItem>
        <MenuSeparator />
        {table.owned && (
          <MenuItem onSelect={() => onEdit(isView ? "view" : "table")}>
            <PencilLine aria-hidden /> Edit {isView ? "view" : "table"}
          </MenuItem>
        )}
        {table.owned && table.kind === "table" && (
          <MenuItem onSelect={() => onEdit("column")}>
            <Columns3 aria-hidden /> Add column
          </MenuItem>
        )}
        <MenuItem onSelect={() => onEdit("policies")}>
          <ShieldCheck aria-hidden /> Policies and grants
        </MenuItem>
        <MenuItem onSelect={() => onEdit("indexes")}>
          <ListTree aria-hidden /> Indexes and constraints
        </MenuItem>
        {!isView && (
          <MenuItem onSelect={() => onEdit("duplicate")}>
            <Copy aria-hidden /> Duplicate
          </MenuItem>
        )}
        {table.owned && (
          <>
            <MenuSeparator />
            <MenuItem danger onSelect={() => onEdit("drop")}>
              <Trash2 aria-hidden /> Drop
            </MenuItem>
          </>
        )}
      </MenuContent>
    </Menu>
  );
}
