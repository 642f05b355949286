import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Waiting } from "@/features/schema-edit/facts";
import type { DatabaseFunction } from "@/lib/catalog";
import { useCatalog, useHere } from "@/lib/project-data";

/** The triggers that run a function: it cannot be called otherwise. */
export function TriggersOf({ fn }: { fn: DatabaseFunction }) {
  const { project } = useHere();
  const triggers = useCatalog("triggers");
  const list = triggers.data?.filter((each) => each.function_schema === fn.schema && each.function_name === fn.name);
  return (
    <div className="flex flex-col gap-3">
      <p className="text-sm text-muted">A trigger function runs when rows change. It cannot be called otherwise.</p>
      <Waiting queries={[triggers]} what="The triggers" rows={3} />
      {list?.length === 0 && <p className="rounded-md border border-dashed border-border p-3 text-sm text-muted">No trigger runs it yet.</p>}
      {list && list.length > 0 && (
        <ul className="divide-y divide-border rounded-md border border-border">
          {list.map((each) => (
            <li key={`${each.schema}.${each.table}.${each.name}`} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 py-2 text-sm">
              <Link to="/projects/$ref/database/triggers/$schema/$table/$trigger" params={{ ref: project.ref, schema: each.schema, table: each.table, trigger: each.name }} className="font-mono text-xs font-medium hover:text-accent">
                {each.name}
              </Link>
              <span className="text-muted">
                {each.timing.replace("_", " ")} {each.events.join(" or ")} on {each.schema}.{each.table}
              </span>
              {!each.enabled && <Badge tone="warning">disabled</Badge>}
            </li>
          ))}
        </ul>
      )}
      <Button asChild className="w-fit">
        <Link to="/projects/$ref/database/triggers" params={{ ref: project.ref }} search={{ create: true, of: `${fn.schema}.${fn.name}` }}>
          <Plus aria-hidden /> Create trigger
        </Link>
      </Button>
    </div>
  );
}
