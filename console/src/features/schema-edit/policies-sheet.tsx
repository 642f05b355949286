import { ChevronRight, Plus, ShieldAlert } from "lucide-react";
import { useState, type ReactNode } from "react";
import { Danger, SqlReview } from "@/components/sql-preview";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { exposeTable } from "@/features/schema-edit/diff";
import { Gone, useTable, Waiting } from "@/features/schema-edit/facts";
import { GuardedSheet } from "@/features/schema-edit/guarded-sheet";
import { switchRls, unwrapped, type RlsState } from "@/features/schema-edit/policy";
import { PolicyForm } from "@/features/schema-edit/policy-form";
import { TestAs } from "@/features/schema-edit/test-as";
import { cn } from "@/lib/cn";
import type { CatalogTable, Grant, Policy } from "@/lib/catalog";
import { ident, type Names } from "@/lib/pg";
import { useCatalog } from "@/lib/project-data";

interface Props {
  schema: string;
  table: string;
  /** The policy that is open: its name, or "new". */
  item?: string;
  onItem: (item: string | undefined) => void;
  onClose: () => void;
}

/** Who sees and writes which rows of a table. */
export function PoliciesSheet({ schema, table, item, onItem, onClose }: Props) {
  const { queries, facts } = useTable(schema, table);
  const policies = useCatalog("policies", { schema, table });
  const grants = useCatalog("grants", { schema, table });
  const chosen = item === undefined || item === "new" ? undefined : policies.data?.find((each) => each.name === item);
  const missing = item !== undefined && item !== "new" && policies.data && !chosen;
  return (
    <GuardedSheet onClose={onClose} title={item === undefined ? `Policies of ${table}` : item === "new" ? `Create a policy on ${table}` : `Policy ${item}`} description={item === undefined ? "Who sees and writes which rows." : `On ${table}. Its SQL is shown before it runs.`} className="max-w-[720px]">
      <Waiting queries={[...queries, policies, grants]} what="The policies" />
      {facts && !facts.table && <Gone what={`table ${table}`} />}
      {facts?.table && policies.data && grants.data && (
        <>
          {item === undefined && <Overview names={facts.names} table={facts.table} policies={policies.data} grants={grants.data} onItem={onItem} />}
          {missing && (
            <Gone what={`policy ${item}`}>
              <Button onClick={() => onItem(undefined)}>All policies</Button>
            </Gone>
          )}
          {(item === "new" || chosen) && <PolicyForm key={item} names={facts.names} table={facts.table} columns={facts.columns} policy={chosen} onBack={() => onItem(undefined)} />}
        </>
      )}
    </GuardedSheet>
  );
}

const states: { value: RlsState; title: string; about: string }[] = [
  { value: "off", title: "Off", about: "Who may use the table sees every row." },
  { value: "on", title: "On", about: "Requests see what policies allow." },
  { value: "forced", title: "Forced", about: "Holds the table's owner too." },
];

function Overview({ names, table, policies, grants, onItem }: { names: Names; table: CatalogTable; policies: Policy[]; grants: Grant[]; onItem: Props["onItem"] }) {
  const [asked, setAsked] = useState<Asked>();
  const at = names.qualified(table.schema, table.name);
  const state: RlsState = !table.rls_enabled ? "off" : table.rls_forced ? "forced" : "on";
  const isView = table.kind === "view" || table.kind === "materialized_view";
  const ask = (to: RlsState) =>
    setAsked({
      title: to === "off" ? `Turn row level security off for ${table.name}` : `Turn row level security on for ${table.name}`,
      sql: switchRls(at, state, to).join("\n"),
      name: `row level security ${to} ${table.name}`,
      danger: to === "off" && exposedTo(grants).length > 0 ? `${exposedTo(grants).join(" and ")} may use this table: from then on their requests see and write every row that the grants allow, whatever policies say.` : undefined,
      done: `Row level security of ${table.name} is ${to}.`,
    });
  return (
    <div className="flex flex-col gap-6">
      {isView ? (
        <p className="text-sm text-muted">{table.security_invoker ? "This view reads as who asks: the policies of the tables beneath hold." : "This view reads as its owner: policies of the tables beneath do not hold. Edit the view to change that."}</p>
      ) : (
        <fieldset className="flex flex-col gap-2" disabled={!table.owned}>
          <legend className="mb-2 text-sm font-semibold">Row level security</legend>
          <div className="grid gap-2 sm:grid-cols-3">
            {states.map((each) => (
              <label key={each.value} className={cn("flex items-start gap-2 rounded-md border border-border p-2.5 text-sm", state === each.value && "border-accent bg-accent-soft")}>
                <input type="radio" name="rls" className="mt-0.5 accent-(--accent)" checked={state === each.value} onChange={() => ask(each.value)} />
                <span>
                  {each.title}
                  <span className="block text-xs text-muted">{each.about}</span>
                </span>
              </label>
            ))}
          </div>
        </fieldset>
      )}
      <Exposure table={table} grants={grants} at={at} onAsk={setAsked} />
      {!isView && <List table={table} policies={policies} onItem={onItem} />}
      <TestAs names={names} at={at} />
      {asked && <SqlReview open {...asked} onDone={() => setAsked(undefined)} onClose={() => setAsked(undefined)} />}
    </div>
  );
}

interface Asked {
  title: string;
  sql: string;
  name: string;
  danger?: ReactNode;
  done: string;
}

/** Which of the roles of apps may use the table. */
const exposedTo = (grants: Grant[]): string[] => ["anon", "authenticated"].filter((role) => grants.some((each) => each.role === role && each.column === null));

/** The roles of apps by the names that the grants were given to. */
const grantees = (grants: Grant[]): string => [...new Set(grants.filter((each) => ["anon", "authenticated"].includes(each.role)).map((each) => ident(each.sql_role)))].join(", ");

function Exposure({ table, grants, at, onAsk }: { table: CatalogTable; grants: Grant[]; at: string; onAsk: (asked: Asked) => void }) {
  const roles = ["anon", "authenticated"].map((role) => {
    const whole = grants.filter((each) => each.role === role && each.column === null).flatMap((each) => each.privileges);
    const parts = grants.filter((each) => each.role === role && each.column !== null);
    return { role, told: [...new Set(whole)].filter((each) => ["select", "insert", "update", "delete"].includes(each)), parts: parts.length };
  });
  const exposed = roles.some(({ told, parts }) => told.length > 0 || parts > 0);
  return (
    <section className="flex flex-col gap-2" aria-label="Grants">
      <div className="flex items-center justify-between gap-3">
        <div>
          <h3 className="text-sm font-semibold">Grants</h3>
          <p className="text-xs text-muted">Grants open the table to a role; policies then choose the rows.</p>
        </div>
        {table.owned && !roles.every(({ told }) => told.length === 4) && (
          <Button size="small" onClick={() => onAsk({ title: `Expose ${table.name} to the API`, sql: exposeTable(at), name: `expose ${table.name}`, danger: table.rls_enabled || table.security_invoker ? undefined : "Row level security is off: everyone with the publishable key may then read and write every row.", done: `${table.name} is exposed to the API.` })}>
            Expose to the API
          </Button>
        )}
        {table.owned && exposed && roles.every(({ told }) => told.length === 4) && (
          <Button size="small" onClick={() => onAsk({ title: `Hide ${table.name} from the API`, sql: `revoke all on table ${at} from ${grantees(grants)};`, name: `hide ${table.name}`, danger: "Requests of apps are refused from then on. Only the service role still uses the table.", done: `${table.name} is hidden from the API.` })}>
            Hide from the API
          </Button>
        )}
      </div>
      <dl className="grid grid-cols-[7rem_1fr] gap-y-1 text-sm">
        {roles.map(({ role, told, parts }) => (
          <div key={role} className="contents">
            <dt className="font-mono text-xs leading-5 text-muted">{role}</dt>
            <dd>{told.length > 0 ? told.join(", ") : parts > 0 ? `${parts === 1 ? "one column" : `${parts} columns`} only` : <span className="text-muted">nothing: its requests are refused</span>}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function List({ table, policies, onItem }: { table: CatalogTable; policies: Policy[]; onItem: Props["onItem"] }) {
  return (
    <section className="flex flex-col gap-2" aria-label="Policies">
      <div className="flex items-center justify-between">
        <h3 className="text-sm font-semibold">Policies</h3>
        <Button size="small" variant="primary" disabled={!table.owned} onClick={() => onItem("new")}>
          <Plus aria-hidden /> Create policy
        </Button>
      </div>
      {!table.rls_enabled && policies.length > 0 && <Danger>Row level security is off: these policies do nothing.</Danger>}
      {policies.length === 0 && (
        <p className="flex gap-2 rounded-md border border-dashed border-border p-3 text-sm text-muted">
          <ShieldAlert className="mt-0.5 size-4 shrink-0" aria-hidden />
          {table.rls_enabled ? "No policy: requests of apps see no row and write none. Begin with a template." : "No policy, and row level security is off: requests see every row that grants let them."}
        </p>
      )}
      <ul className="flex flex-col gap-2">
        {policies.map((each) => (
          <li key={each.name}>
            <button type="button" onClick={() => onItem(each.name)} className="flex w-full items-start gap-3 rounded-md border border-border p-2.5 text-left hover:bg-hover">
              <span className="min-w-0 flex-1">
                <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
                  <span className="text-sm font-medium break-words">{each.name}</span>
                  <Badge tone="accent">{each.command}</Badge>
                  {!each.permissive && <Badge tone="warning">restrictive</Badge>}
                  <span className="text-xs text-muted">to {each.roles.join(", ")}</span>
                </span>
                {each.using && <Condition name="using">{unwrapped(each.using)}</Condition>}
                {each.check && each.check !== each.using && <Condition name="check">{unwrapped(each.check)}</Condition>}
              </span>
              <ChevronRight className="mt-0.5 size-4 shrink-0 text-faint" aria-hidden />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Condition({ name, children }: { name: string; children: string }) {
  return (
    <span className="mt-1 block font-mono text-xs break-words text-muted">
      <span className="text-(--code-keyword)">{name}</span> {children}
    </span>
  );
}
