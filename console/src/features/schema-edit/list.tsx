import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { FilterInput } from "@/components/filter-input";
import { NumberedPager } from "@/components/numbered-pager";
import { Select } from "@/components/ui/input";
import type { CatalogFilter, Meta } from "@/lib/meta";
import { useCatalog, useHere } from "@/lib/project-data";

/** What a list's URL says. */
export interface ListSearch {
  filter?: string;
  /** "public" when not said, "*" for all. */
  schema?: string;
  page?: number;
}

const pageSize = 50;

/** A page of a list of the catalog, as the URL says; of tables also of some kinds only. */
export function useListPage<K extends Parameters<Meta["page"]>[0]>(list: K, { filter, schema = "public", page = 1 }: ListSearch, kind?: string) {
  const { project, meta } = useHere();
  const asked: CatalogFilter = { schema: schema === "*" ? undefined : schema, search: filter, kind };
  return useQuery({
    queryKey: ["catalog", project.ref, "page", list, asked, page],
    queryFn: ({ signal }) => meta.page(list, asked, pageSize, (page - 1) * pageSize, signal),
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });
}

/** Narrows a list by name and schema. It tells what changes, and not the rest of an address that may be another by then. */
export function ListBar({ search, onChange, label }: { search: ListSearch; onChange: (next: ListSearch) => void; label: string }) {
  const schemas = useCatalog("schemas");
  const schema = search.schema ?? "public";
  const setFilter = useCallback((filter: string) => onChange({ filter: filter || undefined, page: undefined }), [onChange]);
  return (
    <div className="flex flex-wrap gap-2">
      <FilterInput value={search.filter ?? ""} onChange={setFilter} label={label} />
      <Select aria-label="Schema" className="w-44 max-sm:w-full" value={schema} onChange={(event) => onChange({ schema: event.target.value === "public" ? undefined : event.target.value, page: undefined })}>
        {(schemas.data ?? [{ name: schema === "*" ? "public" : schema }]).map((each) => (
          <option key={each.name}>{each.name}</option>
        ))}
        <option value="*">All schemas</option>
      </Select>
    </div>
  );
}

export function ListPager({ search, shown, more, onChange, what, many }: { search: ListSearch; shown: number; more: boolean; onChange: (next: ListSearch) => void; what: string; many?: string }) {
  const page = search.page ?? 1;
  return <NumberedPager page={page} size={pageSize} shown={shown} total={more ? undefined : (page - 1) * pageSize + shown} what={what} many={many} go={(next) => onChange({ page: next > 1 ? next : undefined })} />;
}
