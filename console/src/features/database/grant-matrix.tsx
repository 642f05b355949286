import { useState } from "react";
import { EmptyState } from "@/components/empty-state";
import { LeaveGuard } from "@/components/leave-guard";
import { SqlPreview, SqlReview } from "@/components/sql-preview";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import { GrantBox } from "@/features/database/grant-box";
import { cellKey, deeds, grantSql, heldOf, mayUse, requestRoles, usageSql, type Change, type RequestRole } from "@/features/database/grants";
import { Waiting } from "@/features/schema-edit/facts";
import { ListPager, useListPage, type ListSearch } from "@/features/schema-edit/list";
import type { CatalogTable, DatabaseRole, Grant } from "@/lib/catalog";
import { cn } from "@/lib/cn";
import { counted } from "@/lib/format";
import { useCatalog, useNames } from "@/lib/project-data";

interface Props {
  search: ListSearch;
  onChange: (next: ListSearch) => void;
  /** Undefined until they are known. */
  roles: DatabaseRole[] | undefined;
}

/** What is to change: cells of tables by their key, and who may use the schema. */
interface Draft {
  cells: Map<string, Change>;
  usage: Map<RequestRole, boolean>;
}

const nothing: Draft = { cells: new Map(), usage: new Map() };

/** Tables down, roles across. What is ticked is granted once the SQL was looked at. */
export function GrantMatrix({ search, onChange, roles }: Props) {
  const schema = search.schema ?? "public";
  const page = useListPage("tables", search);
  const grants = useCatalog("grants", schema === "*" ? {} : { schema });
  const { names, schemas } = useNames();
  const [draft, setDraft] = useState(nothing);
  const [asked, setAsked] = useState(false);
  // What is to change is of the schema that is shown.
  const [of, setOf] = useState(schema);
  if (of !== schema) {
    setOf(schema);
    setDraft(nothing);
  }
  const sqlRole = (role: RequestRole) => roles?.find((each) => each.name === role)?.sql_name ?? role;
  const items = page.data?.items;
  const pending = draft.cells.size + draft.usage.size;
  const sql =
    names && asked ? [...[...draft.usage].map(([role, on]) => usageSql(schema, role, on, names, sqlRole)), grantSql([...draft.cells.values()], names, sqlRole)].filter(Boolean).join("\n") : "";
  const toggle = (change: Change, held: boolean) =>
    setDraft((old) => {
      const cells = new Map(old.cells);
      if (change.on === held) cells.delete(cellKey(change.cell));
      else cells.set(cellKey(change.cell), change);
      return { ...old, cells };
    });
  const toggleUsage = (role: RequestRole, on: boolean, held: boolean) =>
    setDraft((old) => {
      const usage = new Map(old.usage);
      if (on === held) usage.delete(role);
      else usage.set(role, on);
      return { ...old, usage };
    });
  const usable = schemas.data?.some((each) => each.name === schema && each.creatable) && !["extensions", "supabase_migrations"].includes(schema);
  return (
    <>
      <Waiting queries={[page, grants, schemas]} what="The grants" rows={8} />
      {items?.length === 0 && (
        <EmptyState title={search.page ? "No more tables" : search.filter ? "No table matches" : `No table in ${schema === "*" ? "any schema" : schema}`}>
          {search.filter ? (
            "The filter looks at names, in the chosen schema."
          ) : (
            <>
              <p className="mb-3">Once there are tables, tick here what apps may do with them. In SQL:</p>
              <SqlPreview className="text-left" label="Example" sql="grant select, insert on table notes to authenticated;" />
            </>
          )}
        </EmptyState>
      )}
      {items && items.length > 0 && grants.data && roles && (
        <Table className="text-xs">
          <thead>
            <tr>
              <Th rowSpan={2} className="sticky left-0 z-10">
                Table
              </Th>
              {requestRoles.map((role) => (
                <Th key={role} scope="colgroup" colSpan={deeds.length} className="border-l border-l-border text-center font-mono text-foreground">
                  {role}
                </Th>
              ))}
            </tr>
            <tr>
              {requestRoles.map((role) => deeds.map((deed, at) => (
                <Th key={`${role} ${deed}`} className={cn("px-1.5 text-center font-normal", at === 0 && "border-l border-l-border")}>
                  {deed}
                </Th>
              )))}
            </tr>
          </thead>
          <tbody>
            {schema !== "*" && <SchemaRow schema={schema} grants={grants.data} draft={draft.usage} locked={!usable} onToggle={toggleUsage} />}
            <Rows tables={items} grants={grants.data} draft={draft.cells} everywhere={schema === "*"} onToggle={toggle} />
          </tbody>
        </Table>
      )}
      {items && items.length > 0 && <ListPager search={search} shown={items.length} more={page.data?.next !== undefined} onChange={onChange} what="table" />}
      {pending > 0 && (
        <div className="sticky bottom-0 z-20 flex items-center gap-2 rounded-md border border-border bg-raised px-4 py-3">
          <p className="flex-1 text-sm text-muted" role="status">
            {counted(pending, "change")} not run
          </p>
          <Button onClick={() => setDraft(nothing)}>Discard</Button>
          <Button variant="primary" onClick={() => setAsked(true)}>
            Review SQL
          </Button>
        </div>
      )}
      <LeaveGuard when={pending > 0} />
      {asked && sql && (
        <SqlReview
          open
          title="Change grants"
          sql={sql}
          name={`change grants of ${schema === "*" ? "tables" : schema}`}
          about="Requests feel it at once: those that lose a grant are refused from then on."
          verb="Change grants"
          done="The grants were changed."
          onDone={() => {
            setDraft(nothing);
            setAsked(false);
          }}
          onClose={() => setAsked(false)}
        />
      )}
    </>
  );
}

function SchemaRow({ schema, grants, draft, locked, onToggle }: { schema: string; grants: Grant[]; draft: Map<RequestRole, boolean>; locked: boolean; onToggle: (role: RequestRole, on: boolean, held: boolean) => void }) {
  return (
    <Tr className="bg-surface">
      <Td className="sticky left-0 z-10 bg-surface text-muted">
        Uses the schema <span className="font-mono">{schema}</span>
      </Td>
      {requestRoles.map((role) => {
        const held = mayUse(grants, schema, role);
        const on = draft.get(role) ?? held;
        return (
          <Td key={role} colSpan={deeds.length} className="border-l border-l-border text-center">
            <GrantBox label={`${role} uses the schema ${schema}`} on={on} changed={draft.has(role)} locked={locked ? "The schema is a service's: who uses it is settled." : undefined} onToggle={(next) => onToggle(role, next, held)} />
          </Td>
        );
      })}
    </Tr>
  );
}

function Rows({ tables, grants, draft, everywhere, onToggle }: { tables: CatalogTable[]; grants: Grant[]; draft: Map<string, Change>; everywhere: boolean; onToggle: (change: Change, held: boolean) => void }) {
  const held = heldOf(grants);
  return tables.map((table) => {
    const open = requestRoles.some((role) => role !== "service_role" && deeds.some((deed) => held.has(cellKey({ schema: table.schema, table: table.name, role, deed }))));
    return (
      <Tr key={`${table.schema}.${table.name}`}>
        <th scope="row" className="sticky left-0 z-10 h-10 max-w-40 min-w-32 border-b border-border bg-background px-3 text-left font-normal sm:max-w-60 [tr:last-child_&]:border-b-0">
          <span className="flex items-center gap-2">
            <span className="truncate font-mono text-xs font-medium">{everywhere ? `${table.schema}.${table.name}` : table.name}</span>
            {open && ["table", "partitioned_table"].includes(table.kind) && !table.rls_enabled && (
              <Tooltip text="Row level security is off: a grant opens every row">
                <span>
                  <Badge tone="danger">RLS off</Badge>
                </span>
              </Tooltip>
            )}
          </span>
        </th>
        {requestRoles.map((role) =>
          deeds.map((deed, at) => {
            const cell = { schema: table.schema, table: table.name, role, deed };
            const now = held.get(cellKey(cell)) ?? "none";
            const change = draft.get(cellKey(cell));
            const locked = !table.owned ? "The table is a service's: its grants are settled." : now === "everyone" ? "By a grant to public, which is everyone. Take that back in SQL." : undefined;
            return (
              <Td key={`${role} ${deed}`} className={cn("px-1.5 text-center", at === 0 && "border-l border-l-border")}>
                <GrantBox
                  label={`${role} may ${deed} ${table.name}`}
                  on={change ? change.on : now === "all" || now === "everyone"}
                  some={!change && now === "columns"}
                  changed={change !== undefined}
                  locked={locked}
                  onToggle={(on) => onToggle({ cell, on }, now === "all")}
                />
              </Td>
            );
          }),
        )}
      </Tr>
    );
  });
}
