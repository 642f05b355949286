import { useNavigate } from "@tanstack/react-router";
import { ChevronDown, Columns2, Download, Ellipsis, FileUp, KeyRound, ListTree, PanelLeft, Pencil, Plus, Rows3, ShieldCheck, ShieldOff, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Menu, MenuContent, MenuItem, MenuLabel, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { Tooltip } from "@/components/ui/tooltip";
import { ViewAs } from "@/features/tables/view-as";
import { useOpenTree } from "@/features/tables/tables-context";
import { kindName, unprotected } from "@/features/tables/tree-list";
import type { TableInfo } from "@/features/tables/use-table";
import type { TableSearch } from "@/features/tables/use-search";

interface Props {
  info: TableInfo;
  search: TableSearch;
  /** Left out where there is nothing to export. */
  onExport?: () => void;
  /** Filter, sort and columns. */
  children?: ReactNode;
}

/** What table it is, as whom it is seen, and what can be done with all of it. */
export function TableHeader({ info, search, onExport, children }: Props) {
  const { table, rights } = info;
  const openTree = useOpenTree();
  const edit = useEdit();
  return (
    <header className="@container shrink-0 border-b border-border">
      <div className="flex min-h-12 flex-wrap items-center gap-x-2 gap-y-1.5 px-3 py-2">
        <Button size="icon" className="md:hidden" aria-label="Tables" onClick={openTree}>
          <PanelLeft />
        </Button>
        <h1 className="max-w-full min-w-0 truncate text-base font-semibold @max-[640px]:flex-1" title={table.comment ?? undefined}>
          {table.schema !== "public" && <span className="font-normal text-muted">{table.schema}.</span>}
          {table.name}
        </h1>
        <Protection info={info} onClick={() => edit({ edit: "policies" })} />
        {rights.readOnly && (
          <Tooltip text={rights.readOnly}>
            <span>
              <Badge>Read only</Badge>
            </span>
          </Tooltip>
        )}
        <span className="flex-1 @max-[640px]:hidden" />
        <div role="toolbar" aria-label="Rows" className="flex items-center gap-1.5 @max-[640px]:w-full">
          {children}
          <ViewAs who={search.as} onChange={(as) => search.set({ as, row: undefined })} />
          <span className="flex-1 @min-[640px]:hidden" />
          <InsertMenu info={info} search={search} />
          <Menu>
            <MenuTrigger asChild>
              <Button size="icon" aria-label="More actions">
                <Ellipsis />
              </Button>
            </MenuTrigger>
            <MenuContent align="end">
              {onExport && (
                <MenuItem onSelect={onExport}>
                  <Download aria-hidden /> Export rows
                </MenuItem>
              )}
              {table.owned && (
                <>
                  <MenuSeparator />
                  <MenuLabel>{kindName[table.kind]}</MenuLabel>
                  <MenuItem onSelect={() => edit({ edit: "table" })}>
                    <Pencil aria-hidden /> Edit {table.kind.endsWith("view") ? "view" : "table"}
                  </MenuItem>
                  {!table.kind.endsWith("view") && (
                    <>
                      <MenuItem onSelect={() => edit({ edit: "column" })}>
                        <Columns2 aria-hidden /> Add column
                      </MenuItem>
                      <MenuItem onSelect={() => edit({ edit: "policies" })}>
                        <ShieldCheck aria-hidden /> Policies
                      </MenuItem>
                      <MenuItem onSelect={() => edit({ edit: "indexes" })}>
                        <ListTree aria-hidden /> Indexes
                      </MenuItem>
                      <MenuItem onSelect={() => edit({ edit: "duplicate" })}>
                        <KeyRound aria-hidden /> Duplicate table
                      </MenuItem>
                    </>
                  )}
                  <MenuSeparator />
                  <MenuItem danger onSelect={() => edit({ edit: "drop" })}>
                    <Trash2 aria-hidden /> Delete {table.kind.endsWith("view") ? "view" : "table"}
                  </MenuItem>
                </>
              )}
            </MenuContent>
          </Menu>
        </div>
      </div>
    </header>
  );
}

/** Opens a sheet that changes the schema, by its address. */
export function useEdit() {
  const navigate = useNavigate({ from: "/projects/$ref/tables/$schema/$table" });
  return (search: { edit: "table" | "column" | "policies" | "indexes" | "drop" | "duplicate"; column?: string }) => void navigate({ to: ".", search: (old) => ({ ...old, column: undefined, ...search }) });
}

function Protection({ info, onClick }: { info: TableInfo; onClick: () => void }) {
  const { table } = info;
  if (!table.owned || table.kind.endsWith("view") || table.kind === "foreign_table") return table.kind === "table" ? null : <Badge>{kindName[table.kind]}</Badge>;
  const off = unprotected(table);
  return (
    <Tooltip text={off ? "Row level security is off: whoever has a grant reads and writes every row." : "Policies say which rows a request sees."}>
      <Button size="small" className={off ? "border-warning/40 bg-warning-soft text-warning" : undefined} onClick={onClick}>
        {off ? <ShieldOff aria-hidden /> : <ShieldCheck aria-hidden />}
        {off ? "RLS off" : "Policies"}
      </Button>
    </Tooltip>
  );
}

function InsertMenu({ info, search }: { info: TableInfo; search: TableSearch }) {
  const navigate = useNavigate({ from: "/projects/$ref/tables/$schema/$table" });
  const refused = info.rights.insertAny ? undefined : (info.rights.readOnly ?? "This role may insert no rows.");
  const trigger = (
    <Button variant="primary" aria-disabled={Boolean(refused)} className="@max-[640px]:px-2.5">
      <Plus aria-hidden /> Insert <ChevronDown aria-hidden />
    </Button>
  );
  if (refused) return <Tooltip text={refused}>{trigger}</Tooltip>;
  return (
    <Menu>
      <MenuTrigger asChild>{trigger}</MenuTrigger>
      <MenuContent align="end">
        <MenuItem onSelect={() => search.set({ insert: true, row: undefined })}>
          <Rows3 aria-hidden /> Insert row
        </MenuItem>
        {/* Files are imported as the owner. */}
        {!search.as && (
          <MenuItem onSelect={() => void navigate({ to: ".", search: (old) => ({ ...old, import: true }) })}>
            <FileUp aria-hidden /> Import a file
          </MenuItem>
        )}
        {info.table.owned && info.table.kind === "table" && (
          <MenuItem onSelect={() => void navigate({ to: ".", search: (old) => ({ ...old, edit: "column" as const }) })}>
            <Columns2 aria-hidden /> Add column
          </MenuItem>
        )}
      </MenuContent>
    </Menu>
  );
}
