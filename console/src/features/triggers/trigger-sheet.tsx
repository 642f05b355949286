import { Link } from "@tanstack/react-router";
import { Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { SqlPreview, SqlReview } from "@/components/sql-preview";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Sheet } from "@/components/ui/dialog";
import { DropFunction } from "@/features/functions/drop";
import { useOverloads } from "@/features/functions/use-function";
import { Gone, Waiting } from "@/features/schema-edit/facts";
import { Rename } from "@/features/triggers/rename";
import { dropTrigger, enableTrigger, isService } from "@/features/triggers/trigger";
import type { CatalogTable, Trigger } from "@/lib/catalog";
import type { Names } from "@/lib/pg";
import { useCatalog, useHere, useNames } from "@/lib/project-data";

interface Props {
  schema: string;
  table: string;
  name: string;
  onRenamed: (name: string) => void;
  onClose: () => void;
}

/** A trigger: what it is, switching it, and dropping it. */
export function TriggerSheet({ schema, table, name, onRenamed, onClose }: Props) {
  const { names, schemas } = useNames();
  const triggers = useCatalog("triggers", { schema, table });
  const tables = useCatalog("tables", { schema, table });
  const trigger = triggers.data?.find((each) => each.name === name);
  return (
    <Sheet open onOpenChange={(open) => !open && onClose()} title={<span className="font-mono text-sm break-all">{name}</span>} description={`A trigger of the table ${table}.`} className="max-w-[680px]">
      <Waiting queries={[schemas, triggers, tables]} what="The trigger" />
      {triggers.data && !trigger && <Gone what={`trigger ${name} on ${table}`} />}
      {names && trigger && tables.data && <Facts names={names} trigger={trigger} table={tables.data.find((each) => each.name === table)} onRenamed={onRenamed} onClose={onClose} />}
    </Sheet>
  );
}

type Deed = "enable" | "disable" | "drop" | "rename" | "drop function";

function Facts({ names, trigger, table, onRenamed, onClose }: { names: Names; trigger: Trigger; table: CatalogTable | undefined; onRenamed: (name: string) => void; onClose: () => void }) {
  const { project } = useHere();
  const [asked, setAsked] = useState<Deed>();
  const functions = useOverloads(trigger.function_schema, trigger.function_name);
  const fn = functions.data?.[0];
  const { schemas } = useNames();
  const relied = isService(trigger, schemas.data ?? []);
  const service = relied || (table && !table.owned);
  const withFunction = service && !relied && fn?.owned;
  const view = table?.kind === "view" || table?.kind === "materialized_view";
  const done = () => setAsked(undefined);
  return (
    <div className="flex min-h-full flex-col gap-4">
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-1.5 text-sm [&_dt]:text-muted">
        <dt>Table</dt>
        <dd>
          <Link to="/projects/$ref/tables/$schema/$table" params={{ ref: project.ref, schema: trigger.schema, table: trigger.table }} className="font-mono text-xs break-all text-accent hover:underline">
            {trigger.schema}.{trigger.table}
          </Link>
        </dd>
        <dt>Runs</dt>
        <dd>
          {trigger.timing.replace("_", " ")} {trigger.events.join(" or ")}, once for each {trigger.level}
        </dd>
        {trigger.condition && (
          <>
            <dt>When</dt>
            <dd className="font-mono text-xs leading-5 break-words">{trigger.condition}</dd>
          </>
        )}
        <dt>Function</dt>
        <dd>
          <Link to="/projects/$ref/database/functions/$schema/$function" params={{ ref: project.ref, schema: trigger.function_schema, function: trigger.function_name }} className="font-mono text-xs break-all text-accent hover:underline">
            {trigger.function_schema}.{trigger.function_name}
          </Link>
        </dd>
        <dt>State</dt>
        <dd>
          <Badge tone={trigger.enabled ? "success" : "warning"}>{trigger.enabled ? "enabled" : "disabled"}</Badge>
        </dd>
      </dl>
      <SqlPreview sql={`${trigger.definition};`} label="Definition" />
      {service && (
        <p className="rounded-md border border-border bg-surface p-3 text-sm text-muted">
          {withFunction
            ? "The table belongs to a service of the project, and Postgres lets only a table’s owner switch, rename or drop its triggers. The function that it runs is the project’s: dropping that drops the trigger too."
            : "The trigger belongs to a service of the project, which relies on it: it is not changed here."}
        </p>
      )}
      {fn && <SqlPreview sql={(fn.definition ?? "").trim()} label="Definition of the function" className="max-h-[40vh]" />}
      <div className="mt-auto flex flex-wrap gap-2">
        {withFunction ? (
          <Button variant="danger" onClick={() => setAsked("drop function")}>
            <Trash2 aria-hidden /> Drop the function and the trigger
          </Button>
        ) : (
          <>
            <Button variant="danger" disabled={service} onClick={() => setAsked("drop")}>
              <Trash2 aria-hidden /> Drop trigger
            </Button>
            <span className="flex-1" />
            <Button disabled={service} onClick={() => setAsked("rename")}>
              <Pencil aria-hidden /> Rename
            </Button>
            {!view && (
              <Button disabled={service} onClick={() => setAsked(trigger.enabled ? "disable" : "enable")}>
                {trigger.enabled ? "Disable" : "Enable"}
              </Button>
            )}
          </>
        )}
      </div>
      {asked === "rename" && <Rename trigger={trigger} names={names} onDone={onRenamed} onClose={done} />}
      {asked === "drop function" && fn && <DropFunction fn={fn} cascading onDone={onClose} onClose={done} />}
      {(asked === "enable" || asked === "disable") && (
        <SqlReview
          open
          title={`${asked === "enable" ? "Enable" : "Disable"} ${trigger.name}`}
          sql={enableTrigger(trigger, asked === "enable", names)}
          name={`${asked} trigger ${trigger.name}`}
          about={asked === "disable" ? "Rows change without it until it is enabled. Changes made meanwhile are not caught up with." : "It runs for changes from now on."}
          verb={asked === "enable" ? "Enable" : "Disable"}
          done={`${trigger.name} was ${asked}d.`}
          onDone={done}
          onClose={done}
        />
      )}
      {asked === "drop" && (
        <SqlReview open title={`Drop ${trigger.name}`} sql={dropTrigger(trigger, names)} name={`drop trigger ${trigger.name}`} danger="Rows change without it from then on. Its function stays." verb="Drop trigger" done={`${trigger.name} was dropped.`} onDone={onClose} onClose={done} />
      )}
    </div>
  );
}
