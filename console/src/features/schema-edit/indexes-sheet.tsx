import { Plus, Trash2 } from "lucide-react";
import { useState, type ReactNode } from "react";
import { SqlReview } from "@/components/sql-preview";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { Gone, useTable, Waiting } from "@/features/schema-edit/facts";
import { GuardedSheet } from "@/features/schema-edit/guarded-sheet";
import { IndexForm } from "@/features/schema-edit/index-form";
import { dropConstraint, dropIndex, validateConstraint } from "@/features/schema-edit/objects";
import type { CatalogTable, Constraint, Index } from "@/lib/catalog";
import { bytes, counted } from "@/lib/format";
import type { Names } from "@/lib/pg";
import { useCatalog } from "@/lib/project-data";

interface Props {
  schema: string;
  table: string;
  /** "new" while one is made. */
  item?: string;
  onItem: (item: string | undefined) => void;
  onClose: () => void;
}

/** The indexes and constraints of a table. */
export function IndexesSheet({ schema, table, item, onItem, onClose }: Props) {
  const { queries, facts } = useTable(schema, table);
  const indexes = useCatalog("indexes", { schema, table });
  const making = item === "new";
  return (
    <GuardedSheet onClose={onClose} title={making ? `Create an index on ${table}` : `Indexes and constraints of ${table}`} description={making ? "Its SQL is shown before it runs." : "What makes reads fast, and what rows must fulfil."} className="max-w-[720px]">
      <Waiting queries={[...queries, indexes]} what="The indexes" />
      {facts && !facts.table && <Gone what={`table ${table}`} />}
      {facts?.table && making && <IndexForm names={facts.names} table={facts.table} onBack={() => onItem(undefined)} onDone={() => onItem(undefined)} />}
      {facts?.table && indexes.data && !making && <Lists names={facts.names} table={facts.table} indexes={indexes.data} constraints={facts.constraints} onNew={() => onItem("new")} />}
    </GuardedSheet>
  );
}

function Lists({ names, table, indexes, constraints, onNew }: { names: Names; table: CatalogTable; indexes: Index[]; constraints: Constraint[]; onNew: () => void }) {
  const [dropped, setDropped] = useState<Index>();
  const [asked, setAsked] = useState<{ constraint: Constraint; deed: "drop" | "validate" }>();
  const isView = table.kind === "view" || table.kind === "foreign_table";
  return (
    <div className="flex flex-col gap-6">
      <section className="flex flex-col gap-2" aria-label="Indexes">
        <div className="flex items-center justify-between">
          <h3 className="text-sm font-semibold">Indexes</h3>
          <Button size="small" variant="primary" disabled={!table.owned || isView} onClick={onNew}>
            <Plus aria-hidden /> Create index
          </Button>
        </div>
        {indexes.length === 0 && <Nothing>{isView ? "What is read here is read by the indexes of the tables beneath." : "No index: every read looks at every row. Index what queries filter and sort by."}</Nothing>}
        <ul className="flex flex-col gap-2">
          {indexes.map((each) => (
            <Entry key={each.name} name={each.name} definition={each.definition.replace(/^CREATE (UNIQUE )?INDEX .*? USING /, "")} onDrop={table.owned ? () => setDropped(each) : undefined}>
              {each.primary && <Badge tone="accent">primary key</Badge>}
              {each.unique && !each.primary && <Badge tone="accent">unique</Badge>}
              {!each.valid && <Badge tone="danger">invalid</Badge>}
              <span className="text-xs text-muted tabular-nums">
                {bytes(each.bytes)} · {each.scans === 0 ? "never used" : `used ${counted(each.scans, "time")}`}
              </span>
            </Entry>
          ))}
        </ul>
      </section>
      <section className="flex flex-col gap-2" aria-label="Constraints">
        <h3 className="text-sm font-semibold">Constraints</h3>
        {constraints.length === 0 && <Nothing>None. Keys, foreign keys and checks are added where the table is edited.</Nothing>}
        <ul className="flex flex-col gap-2">
          {constraints.map((each) => (
            <Entry key={each.name} name={each.name} definition={each.definition} onDrop={table.owned ? () => setAsked({ constraint: each, deed: "drop" }) : undefined}>
              <Badge>{each.kind.replace("_", " ")}</Badge>
              {!each.validated && (
                <>
                  <Badge tone="warning">not validated</Badge>
                  <Button size="small" onClick={() => setAsked({ constraint: each, deed: "validate" })}>
                    Validate
                  </Button>
                </>
              )}
            </Entry>
          ))}
        </ul>
      </section>
      {dropped && <DropIndex index={dropped} names={names} onDone={() => setDropped(undefined)} onClose={() => setDropped(undefined)} />}
      {asked && (
        <SqlReview
          open
          title={`${asked.deed === "drop" ? "Drop" : "Validate"} ${asked.constraint.name}`}
          sql={asked.deed === "drop" ? dropConstraint(asked.constraint, names) : validateConstraint(asked.constraint, names)}
          name={`${asked.deed} constraint ${asked.constraint.name}`}
          about={asked.deed === "validate" ? "Looks at every row that was there before the constraint. If one does not fulfil it, Postgres says so." : undefined}
          danger={asked.deed === "drop" ? "Rows need not fulfil it from then on. No row is changed." : undefined}
          verb={asked.deed === "drop" ? "Drop constraint" : "Validate"}
          done={`${asked.constraint.name} was ${asked.deed === "drop" ? "dropped" : "validated"}.`}
          onDone={() => setAsked(undefined)}
          onClose={() => setAsked(undefined)}
        />
      )}
    </div>
  );
}

/** Drops an index, or the constraint that made it. */
export function DropIndex({ index, names, onDone, onClose }: { index: Index; names: Names; onDone: () => void; onClose: () => void }) {
  return (
    <SqlReview
      open
      title={`Drop ${index.constraint ? "constraint" : "index"} ${index.name}`}
      sql={dropIndex(index, names)}
      name={`drop index ${index.name}`}
      danger={index.constraint ? `The ${index.primary ? "primary key" : "unique key"} goes with it: rows may then have the same values, and foreign keys that refer to it stand in the way.` : index.unique ? "Rows may then have the same values, and queries that used the index become slower." : `Queries that used the index become slower. It was used ${counted(index.scans, "time")} since the statistics began.`}
      verb={index.constraint ? "Drop constraint" : "Drop index"}
      done={`${index.name} was dropped.`}
      onDone={onDone}
      onClose={onClose}
    />
  );
}

function Entry({ name, definition, onDrop, children }: { name: string; definition: string; onDrop?: () => void; children: ReactNode }) {
  return (
    <li className="flex items-start gap-2 rounded-md border border-border p-2.5">
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="font-mono text-xs font-medium break-all">{name}</span>
          {children}
        </div>
        <p className="mt-1 font-mono text-xs break-words text-muted">{definition}</p>
      </div>
      {onDrop && (
        <Tooltip text="Drop">
          <Button variant="ghost" size="small-icon" aria-label={`Drop ${name}`} onClick={onDrop}>
            <Trash2 />
          </Button>
        </Tooltip>
      )}
    </li>
  );
}

function Nothing({ children }: { children: ReactNode }) {
  return <p className="rounded-md border border-dashed border-border p-3 text-sm text-muted">{children}</p>;
}
