import { ArrowDown, ArrowUp, Columns3, Pin } from "lucide-react";
import { useState } from "react";
import type { Arrangement, GridColumn } from "@/components/data-grid/arrangement";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { cn } from "@/lib/cn";

/** Which columns are shown and in which order; kept in this browser for the table. */
export function ColumnsButton({ columns, arrangement }: { columns: GridColumn[]; arrangement: Arrangement }) {
  const [search, setSearch] = useState("");
  const hidden = columns.filter(({ id }) => arrangement.isHidden(id));
  const list = [...arrangement.shown.map(({ column }) => column), ...hidden].filter(({ name }) => name.toLowerCase().includes(search.trim().toLowerCase()));
  return (
    <Popover>
      <PopoverTrigger asChild>
        <Button className={cn("@max-[640px]:px-2", hidden.length > 0 && "border-accent text-accent")}>
          <Columns3 aria-hidden /> <span className="@max-[640px]:sr-only">Columns</span>
          {hidden.length > 0 && <span className="tabular-nums">{columns.length - hidden.length}/{columns.length}</span>}
        </Button>
      </PopoverTrigger>
      <PopoverContent className="w-[320px]" aria-label="Columns">
        <div className="flex flex-col gap-2">
          {columns.length > 10 && <Input type="search" aria-label="Search columns" placeholder="Search columns" value={search} onChange={(event) => setSearch(event.target.value)} />}
          <ul className="flex max-h-72 flex-col overflow-y-auto">
            {list.map(({ id, name, type }) => {
              const shown = arrangement.shown.find(({ column }) => column.id === id);
              return (
                <li key={id} className="flex items-center gap-1 rounded px-1 hover:bg-hover">
                  <label className="flex min-w-0 flex-1 items-center gap-2 py-1">
                    <input type="checkbox" className="size-3.5 accent-(--accent)" checked={Boolean(shown)} disabled={Boolean(shown) && arrangement.shown.length === 1} onChange={(event) => arrangement.show(id, event.target.checked)} />
                    <span className="truncate">{name}</span>
                    <span className="truncate font-mono text-xs text-faint">{type}</span>
                  </label>
                  {shown && (
                    <>
                      <Button size="small-icon" variant="ghost" aria-label={`Move ${name} to the left`} onClick={() => arrangement.step(id, -1)}>
                        <ArrowUp />
                      </Button>
                      <Button size="small-icon" variant="ghost" aria-label={`Move ${name} to the right`} onClick={() => arrangement.step(id, 1)}>
                        <ArrowDown />
                      </Button>
                      <Button size="small-icon" variant="ghost" aria-label={`Pin ${name}`} aria-pressed={shown.pinned} onClick={() => arrangement.pin(id, !shown.pinned)}>
                        <Pin className={cn(shown.pinned && "text-accent")} />
                      </Button>
                    </>
                  )}
                </li>
              );
            })}
          </ul>
          <div className="flex gap-2 border-t border-border pt-2">
            <Button size="small" disabled={hidden.length === 0} onClick={arrangement.showAll}>
              Show all
            </Button>
            <Button size="small" variant="ghost" disabled={!arrangement.touched} onClick={arrangement.reset}>
              As it was
            </Button>
          </div>
        </div>
      </PopoverContent>
    </Popover>
  );
}
