import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/input";
import { Gone, Waiting } from "@/features/schema-edit/facts";
import { GuardedSheet } from "@/features/schema-edit/guarded-sheet";
import { IndexForm } from "@/features/schema-edit/index-form";
import type { CatalogTable } from "@/lib/catalog";
import { useCatalog, useNames } from "@/lib/project-data";

interface Props {
  /** Where tables are offered; all schemas when undefined. */
  schema: string | undefined;
  /** Undefined until it is chosen. */
  table: string | undefined;
  onTable: (at: CatalogTable | undefined) => void;
  onClose: () => void;
}

/** A new index: first on which table, then of what. */
export function NewIndex({ schema, table, onTable, onClose }: Props) {
  const { names, schemas } = useNames();
  const tables = useCatalog("tables", schema ? { schema } : {});
  const offered = tables.data?.filter((each) => each.owned && ["table", "partitioned_table", "materialized_view"].includes(each.kind));
  const chosen = offered?.find((each) => each.name === table);
  return (
    <GuardedSheet onClose={onClose} title={chosen ? `Create an index on ${chosen.name}` : "Create an index"} description="Its SQL is shown before it runs." className="max-w-[720px]">
      <Waiting queries={[tables, schemas]} what="The tables" />
      {offered && !chosen && (
        <>
          {offered.length === 0 && <Gone what={`table in ${schema ?? "any schema"} to index`}>Create a table first, or choose another schema.</Gone>}
          {offered.length > 0 && (
            <Field label="Table" hint="An index is of one table.">
              <Select value="" onChange={(event) => onTable(offered[Number(event.target.value)])}>
                <option value="" disabled>
                  Choose a table
                </option>
                {offered.map((each, number) => (
                  <option key={`${each.schema}.${each.name}`} value={number}>
                    {each.schema === "public" ? each.name : `${each.schema}.${each.name}`}
                  </option>
                ))}
              </Select>
            </Field>
          )}
        </>
      )}
      {names && chosen && <IndexForm names={names} table={chosen} onBack={() => onTable(undefined)} onDone={onClose} />}
    </GuardedSheet>
  );
}
