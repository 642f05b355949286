import { ArrowDown, ArrowDownUp, ArrowUp, Plus, X } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/input";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import type { SortBy } from "@/features/tables/sort";
import type { CatalogColumn } from "@/lib/catalog";
import { cn } from "@/lib/cn";

interface Props {
  columns: CatalogColumn[];
  sort: SortBy[];
  onChange: (sort: SortBy[]) => void;
}

/** By which columns rows are sorted, the first before the next. */
export function SortButton({ columns, sort, onChange }: Props) {
  const free = columns.filter((each) => !sort.some(({ column }) => column === each.name));
  const swap = (at: number) => onChange(sort.toSpliced(at - 1, 2, sort[at]!, sort[at - 1]!));
  return (
    <Popover>
      <PopoverTrigger asChild>
        <Button className={cn("@max-[640px]:px-2", sort.length > 0 && "border-accent text-accent")}>
          <ArrowDownUp aria-hidden /> <span className="@max-[640px]:sr-only">Sort</span>
          {sort.length > 0 && <span className="tabular-nums">{sort.length}</span>}
        </Button>
      </PopoverTrigger>
      <PopoverContent className="w-[460px]" aria-label="Sort">
        <div className="flex flex-col gap-2">
          {sort.length === 0 && <p className="text-xs text-muted">Rows stand in the order of their key.</p>}
          {sort.map((each, at) => (
            <div key={each.column} className="flex items-center gap-1.5">
              <Select aria-label={`Column ${at + 1}`} value={each.column} onChange={(event) => onChange(sort.with(at, { ...each, column: event.target.value }))}>
                {[each.column, ...free.map(({ name }) => name)].map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </Select>
              <Button aria-label={`${each.column}: ${each.descending ? "descending" : "ascending"}`} onClick={() => onChange(sort.with(at, { ...each, descending: !each.descending }))}>
                {each.descending ? <ArrowDown aria-hidden /> : <ArrowUp aria-hidden />}
                {each.descending ? "Descending" : "Ascending"}
              </Button>
              <Select
                aria-label={`Nulls of ${each.column}`}
                className="w-36 shrink-0"
                value={each.nulls ?? ""}
                onChange={(event) => {
                  const { nulls: _, ...rest } = each;
                  onChange(sort.with(at, event.target.value ? { ...rest, nulls: event.target.value as "first" | "last" } : rest));
                }}
              >
                <option value="">Nulls: as usual</option>
                <option value="first">Nulls first</option>
                <option value="last">Nulls last</option>
              </Select>
              <Button size="icon" variant="ghost" aria-label={`Sort by ${each.column} earlier`} disabled={at === 0} onClick={() => swap(at)}>
                <ArrowUp />
              </Button>
              <Button size="icon" variant="ghost" aria-label={`Do not sort by ${each.column}`} onClick={() => onChange(sort.toSpliced(at, 1))}>
                <X />
              </Button>
            </div>
          ))}
          <div className="flex gap-2">
            <Button size="small" disabled={free.length === 0} onClick={() => onChange([...sort, { column: free[0]!.name, descending: false }])}>
              <Plus aria-hidden /> Add column
            </Button>
            {sort.length > 0 && (
              <Button size="small" variant="ghost" onClick={() => onChange([])}>
                Clear
              </Button>
            )}
          </div>
        </div>
      </PopoverContent>
    </Popover>
  );
}
