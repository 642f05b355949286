import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { SqlReview } from "@/components/sql-preview";
import { Check } from "@/features/schema-edit/column-details";
import { dependentsOf } from "@/features/schema-edit/dependents";
import { dropTable } from "@/features/schema-edit/objects";
import { counting, manyOf } from "@/features/schema-edit/risks";
import type { CatalogTable } from "@/lib/catalog";
import { describe } from "@/lib/errors";
import { useHere, useNames } from "@/lib/project-data";

const words: Record<CatalogTable["kind"], string> = { table: "table", partitioned_table: "table", view: "view", materialized_view: "view", foreign_table: "foreign table" };

/** Drops a table or view, after it was said what is in it and what depends on it. */
export function DropTable({ table, onClose, onDone }: { table: Pick<CatalogTable, "schema" | "name" | "kind">; onClose: () => void; onDone: () => void }) {
  const [cascade, setCascade] = useState(false);
  const { project, meta } = useHere();
  const { names, schemas } = useNames();
  const at = names?.qualified(table.schema, table.name) ?? "";
  const hasRows = table.kind === "table" || table.kind === "partitioned_table";
  const dependents = useQuery({
    queryKey: ["catalog", project.ref, "dependents", at],
    queryFn: ({ signal }) => dependentsOf(meta, at, schemas.data ?? [], signal),
    enabled: Boolean(names),
    staleTime: 0,
    retry: false,
  });
  const rows = useQuery({
    queryKey: ["rows", project.ref, "count", at],
    queryFn: async ({ signal }) => Number((await meta.query(counting(at, "true"), signal, { readOnly: true }))[0]?.rows[0]?.[0] ?? 0),
    enabled: Boolean(names) && hasRows,
    staleTime: 0,
    retry: false,
  });
  if (!names) return null;
  const found = dependents.data ?? [];
  return (
    <SqlReview
      open
      title={`Drop ${table.name}`}
      sql={dropTable(table, names, cascade)}
      name={`drop ${words[table.kind]} ${table.name}`}
      about={
        <div className="flex flex-col gap-3">
          {dependents.isError && <p>What depends on it could not be asked: {describe(dependents.error).message}</p>}
          {found.length > 0 && (
            <div>
              <p>{found.length === 1 ? "One thing depends" : `${found.length} things depend`} on it:</p>
              <ul className="mt-1 max-h-40 overflow-y-auto rounded-md border border-border px-3 py-1.5 text-foreground" aria-label="What depends on it">
                {found.map((each) => (
                  <li key={`${each.kind} ${each.schema} ${each.name} ${each.at}`} className="text-xs leading-6">
                    <span className="text-muted">{each.kind}</span> <span className="font-mono break-all">{each.schema && each.schema !== "public" && !each.at ? `${each.schema}.${each.name}` : each.name}</span>
                    {each.at && (
                      <>
                        {" "}
                        <span className="text-muted">of</span> <span className="font-mono break-all">{each.at}</span>
                      </>
                    )}
                  </li>
                ))}
              </ul>
            </div>
          )}
          <Check label="Drop what depends on it too" about={cascade ? "Cascade: views, policies and functions go; of tables that refer to it only the foreign keys." : "Otherwise the drop is refused while something depends on it."} checked={cascade} onChange={setCascade} />
        </div>
      }
      danger={hasRows ? `The table is dropped with ${rows.data === undefined ? "all its rows" : rows.data === 0 ? "no rows in it" : rows.data === 1 ? "its one row" : `its ${manyOf(rows.data)} rows`}, and its indexes and policies with it. It cannot be taken back.` : "Requests that read it fail from then on."}
      typed={hasRows ? table.name : undefined}
      verb={`Drop ${words[table.kind]}`}
      done={`${table.name} was dropped.`}
      onDone={onDone}
      onClose={onClose}
    />
  );
}
