import { Trash2 } from "lucide-react";
import { useState } from "react";
import { SqlPreview } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/input";
import { CallPanel } from "@/features/functions/call-panel";
import { uneditable } from "@/features/functions/draft";
import { DropFunction } from "@/features/functions/drop";
import { EditFunction } from "@/features/functions/function-form";
import { Marks, unsafe } from "@/features/functions/marks";
import { TriggersOf } from "@/features/functions/triggers-of";
import { useOverloads } from "@/features/functions/use-function";
import { Gone, Waiting } from "@/features/schema-edit/facts";
import { GuardedSheet } from "@/features/schema-edit/guarded-sheet";
import { useShownType } from "@/features/schema-edit/type-picker";
import { cn } from "@/lib/cn";
import type { DatabaseFunction } from "@/lib/catalog";
import { useNames } from "@/lib/project-data";

export const functionTabs = ["definition", "call", "change"] as const;
export type FunctionTab = (typeof functionTabs)[number];

interface Props {
  schema: string;
  name: string;
  /** Which of several of this name, by its arguments. */
  args: string | undefined;
  tab: FunctionTab;
  onTab: (tab: FunctionTab) => void;
  onArgs: (args: string) => void;
  onRenamed: (name: string, args: string | undefined) => void;
  onClose: () => void;
}

/** A function: what it is, calling it, and changing it. */
export function FunctionSheet({ schema, name, args, tab, onTab, onArgs, onRenamed, onClose }: Props) {
  const overloads = useOverloads(schema, name);
  const { schemas } = useNames();
  const list = overloads.data;
  const fn = list?.find((each) => each.identity_arguments === (args ?? "")) ?? (args === undefined || list?.length === 1 ? list?.[0] : undefined);
  return (
    <GuardedSheet onClose={onClose} title={<span className="font-mono text-sm break-all">{name}</span>} description={fn ? (fn.comment ?? `A ${fn.kind === "trigger" ? "trigger function" : fn.kind} in ${fn.language}, of the schema ${schema}.`) : `A function of the schema ${schema}.`} className="max-w-[760px]">
      <Waiting queries={[overloads, schemas]} what="The function" />
      {list && !fn && <Gone what={`function ${name}${args ? ` (${args})` : ""}`} />}
      {list && fn && schemas.data && (
        <div className="flex min-h-full flex-col gap-4">
          {list.length > 1 && (
            <Field label="Arguments" hint={`${list.length} functions have this name.`}>
              <Select value={fn.identity_arguments} onChange={(event) => onArgs(event.target.value)} className="font-mono">
                {list.map((each) => (
                  <option key={each.identity_arguments} value={each.identity_arguments}>
                    {each.identity_arguments || "none"}
                  </option>
                ))}
              </Select>
            </Field>
          )}
          <nav aria-label="Of the function" className="flex gap-1 border-b border-border">
            {functionTabs.map((each) => (
              <button
                key={each}
                type="button"
                aria-current={each === tab ? "page" : undefined}
                onClick={() => onTab(each)}
                className={cn("-mb-px h-8 border-b-2 px-3 text-sm font-medium", each === tab ? "border-accent text-foreground" : "border-transparent text-muted hover:text-foreground")}
              >
                {{ definition: "Definition", call: fn.kind === "trigger" ? "Triggers" : "Call", change: "Change" }[each]}
              </button>
            ))}
          </nav>
          {tab === "definition" && <Definition key={fn.identity_arguments} fn={fn} onClose={onClose} />}
          {tab === "call" && (fn.kind === "trigger" ? <TriggersOf fn={fn} /> : <CallPanel key={fn.identity_arguments} fn={fn} />)}
          {tab === "change" && <EditFunction key={fn.identity_arguments} fn={fn} of={overloads} onClose={() => onTab("definition")} onDone={(next) => (next === fn.name ? onTab("definition") : onRenamed(next, undefined))} />}
        </div>
      )}
    </GuardedSheet>
  );
}

function Definition({ fn, onClose }: { fn: DatabaseFunction; onClose: () => void }) {
  const [dropping, setDropping] = useState(false);
  const shown = useShownType();
  const fixed = uneditable(fn);
  return (
    <>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-1.5 text-sm [&_dt]:text-muted">
        <dt>Returns</dt>
        <dd className="font-mono text-xs leading-5 break-words">{fn.returns ? shown(fn.returns) : "nothing"}</dd>
        <dt>Language</dt>
        <dd className="font-mono text-xs leading-5">{fn.language}</dd>
        <dt>Volatility</dt>
        <dd>{{ immutable: "immutable: the same answer to the same arguments, always", stable: "stable: changes nothing, and answers alike within a statement", volatile: "volatile: may change data" }[fn.volatility]}</dd>
        <dt>Rights</dt>
        <dd className="flex flex-wrap items-center gap-1.5">
          {fn.security_definer ? "of its owner" : "of who calls it"} <Marks fn={fn} />
        </dd>
        {fn.settings.length > 0 && (
          <>
            <dt>Settings</dt>
            <dd className="font-mono text-xs leading-5 break-all">{fn.settings.join(", ")}</dd>
          </>
        )}
      </dl>
      {unsafe(fn) && <p className="text-sm text-danger">It runs with its owner’s rights, and finds names where its caller says. Under Change, set its search_path.</p>}
      {fn.definition ? <SqlPreview sql={fn.definition.trim()} label="Definition" className="max-h-[60vh]" /> : <p className="text-sm text-muted">Postgres tells no definition of an aggregate.</p>}
      <div className="mt-auto flex items-center gap-3">
        <Button variant="danger" disabled={!fn.owned} onClick={() => setDropping(true)}>
          <Trash2 aria-hidden /> Drop {fn.kind === "procedure" || fn.kind === "aggregate" ? fn.kind : "function"}
        </Button>
        {fixed && <p className="text-xs text-muted">{fixed}</p>}
      </div>
      {dropping && <DropFunction fn={fn} onClose={() => setDropping(false)} onDone={onClose} />}
    </>
  );
}
