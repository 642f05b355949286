import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { ChevronRight, Eye, Globe, Layers, Plus, Search, ShieldOff, Table2, type LucideIcon } from "lucide-react";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Skeleton } from "@/components/ui/skeleton";
import { Tooltip } from "@/components/ui/tooltip";
import { branches, kindName, unprotected, type Branch } from "@/features/tables/tree-list";
import type { CatalogTable, TableKind } from "@/lib/catalog";
import { cn } from "@/lib/cn";
import { useCatalog, useHere } from "@/lib/project-data";
import { moveByArrows } from "@/lib/rows";

const icons: Record<TableKind, LucideIcon> = { table: Table2, partitioned_table: Layers, view: Eye, materialized_view: Layers, foreign_table: Globe };

/** Schemas and their tables. "/" searches, the arrows move. */
export function TableTree({ onChosen }: { onChosen?: () => void }) {
  const schemas = useCatalog("schemas");
  const tables = useCatalog("tables");
  const [search, setSearch] = useState("");
  const { schema: open } = useParams({ strict: false });
  const [toggled, setToggled] = useState<Record<string, boolean>>({});
  const navigate = useNavigate({ from: "/projects/$ref/tables" });
  const failed = schemas.isError ? schemas : tables;
  const list = schemas.data && tables.data && branches(schemas.data, tables.data, search);
  const isOpen = ({ schema }: Branch) => search !== "" || (toggled[schema] ?? (schema === "public" || schema === open));
  const toggle = (schema: string, to: boolean) => setToggled((old) => ({ ...old, [schema]: to }));

  function onKeyDown(event: KeyboardEvent<HTMLElement>) {
    const heading = (event.target as HTMLElement).closest<HTMLElement>("[data-schema]");
    if (heading && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      event.preventDefault();
      toggle(heading.dataset.schema!, event.key === "ArrowRight");
    } else moveByArrows(event);
  }

  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the arrows move among its links
    <nav aria-label="Tables" className="flex h-full flex-col bg-surface" onKeyDown={onKeyDown}>
      <div className="flex gap-1.5 border-b border-border p-2">
        <TreeSearch value={search} onChange={setSearch} />
        <Tooltip text="New table">
          <Button size="icon" aria-label="New table" onClick={() => void navigate({ to: ".", search: (old) => ({ ...old, edit: "new-table" as const }) })}>
            <Plus />
          </Button>
        </Tooltip>
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto p-2">
        {!list && !failed.isError && <TreeSkeleton />}
        {failed.isError && <ErrorState error={failed.error} what="The tables could not be loaded" onRetry={() => void failed.refetch()} retrying={failed.isFetching} className="flex-col" />}
        {list?.length === 0 && <p className="px-2 py-1 text-sm text-muted">No table matches.</p>}
        {list?.map((branch) => (
          <section key={branch.schema} aria-label={`Schema ${branch.schema}`} className="mb-1">
            <button
              type="button"
              data-row
              data-schema={branch.schema}
              aria-expanded={isOpen(branch)}
              onClick={() => toggle(branch.schema, !isOpen(branch))}
              className="flex h-7 w-full items-center gap-1 rounded-md px-1 text-xs font-medium text-muted hover:bg-hover"
            >
              <ChevronRight className={cn("size-3.5 transition-transform", isOpen(branch) && "rotate-90")} aria-hidden />
              <span className="min-w-0 flex-1 truncate text-left">{branch.schema}</span>
              <span className="font-normal text-faint tabular-nums">{branch.tables.length + branch.more}</span>
            </button>
            {isOpen(branch) && (
              <ul className="flex flex-col">
                {branch.tables.map((table) => (
                  <li key={table.name}>
                    <TableLink table={table} onChosen={onChosen} />
                  </li>
                ))}
                {branch.more > 0 && <li className="px-6 py-1 text-xs text-muted">{branch.more} more: search to find them.</li>}
                {branch.tables.length === 0 && <li className="px-6 py-1 text-xs text-muted">No table yet</li>}
              </ul>
            )}
          </section>
        ))}
      </div>
    </nav>
  );
}

function TableLink({ table, onChosen }: { table: CatalogTable; onChosen?: () => void }) {
  const { project } = useHere();
  const Icon = icons[table.kind];
  return (
    <Link
      to="/projects/$ref/tables/$schema/$table"
      params={{ ref: project.ref, schema: table.schema, table: table.name }}
      search={{}}
      onClick={onChosen}
      data-row
      activeOptions={{ includeSearch: false }}
      activeProps={{ className: "bg-hover font-medium text-foreground [&>svg:first-child]:text-accent", "aria-current": "page" }}
      inactiveProps={{ className: "text-muted hover:bg-hover hover:text-foreground" }}
      className="flex h-7 items-center gap-2 rounded-md pr-1.5 pl-5 text-sm"
      title={table.comment ?? undefined}
    >
      <Icon className="size-3.5 shrink-0 text-faint" aria-label={kindName[table.kind]} role="img" />
      <span className="min-w-0 flex-1 truncate">{table.name}</span>
      {unprotected(table) && (
        <Tooltip text="Row level security is off: whoever has a grant reads every row.">
          <ShieldOff className="size-3.5 shrink-0 text-warning" aria-label="Row level security is off" role="img" />
        </Tooltip>
      )}
    </Link>
  );
}

function TreeSearch({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focus = (event: globalThis.KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.key !== "/" || event.ctrlKey || event.metaKey || target.closest("input, textarea, select, [contenteditable=true]")) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);
  return (
    <div className="relative min-w-0 flex-1">
      <Search className="pointer-events-none absolute top-2 left-2 size-4 text-faint" aria-hidden />
      <Input
        ref={input}
        type="search"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown") return;
          event.preventDefault();
          event.currentTarget.closest("nav")?.querySelector<HTMLElement>("[data-row]")?.focus();
        }}
        placeholder="Search tables"
        aria-label="Search tables"
        className="pl-7"
      />
    </div>
  );
}

function TreeSkeleton() {
  return (
    <div className="delayed flex flex-col gap-3 p-2" role="status" aria-label="Loading tables">
      {[60, 75, 50, 70, 45].map((width) => (
        <Skeleton key={width} className="h-3.5" />
      ))}
    </div>
  );
}
