import { useQuery } from "@connectrpc/connect-query";
import { useState } from "react";
import { Snippet } from "@/components/snippet";
import { SqlPreview } from "@/components/sql-preview";
import { callText, unreachable, type Given, type Parameter } from "@/features/functions/call";
import { curl, supabaseJs } from "@/features/functions/snippets";
import { keyToUse } from "@/features/project/key-choice";
import { KeyService, KeyType } from "@/gen/fluxbase/controlplane/v1/key_pb";
import { cn } from "@/lib/cn";
import type { DatabaseFunction } from "@/lib/catalog";
import type { Names } from "@/lib/pg";
import { reachable } from "@/lib/project";
import { useHere } from "@/lib/project-data";

const ways = ["supabase-js", "curl", "SQL"] as const;

/** The call as apps make it, with the values of the form and the project's own. */
export function SnippetsOf({ fn, parameters, values, names }: { fn: DatabaseFunction; parameters: Parameter[]; values: Record<number, Given>; names: Names }) {
  const { project } = useHere();
  const [way, setWay] = useState<(typeof ways)[number]>("supabase-js");
  const keys = useQuery(KeyService.method.listKeys, { ref: project.ref, pageSize: 200 });
  const access = { url: reachable(project), key: keyToUse(keys.data?.keys, KeyType.PUBLISHABLE)?.display ?? "YOUR_PUBLISHABLE_KEY" };
  const not = way === "SQL" ? undefined : unreachable(fn, parameters);
  const text = way === "SQL" ? callText(fn, parameters, values, names) : way === "curl" ? curl(fn, parameters, values, access) : supabaseJs(fn, parameters, values, access);
  return (
    <section className="flex flex-col gap-2" aria-label="Snippets">
      <div className="flex items-center gap-1">
        <h3 className="flex-1 text-sm font-semibold">From an app</h3>
        {ways.map((each) => (
          <button key={each} type="button" aria-pressed={each === way} onClick={() => setWay(each)} className={cn("h-7 rounded px-2 text-xs font-medium", each === way ? "bg-hover text-foreground" : "text-muted hover:text-foreground")}>
            {each}
          </button>
        ))}
      </div>
      {not ? (
        <p className="rounded-md border border-dashed border-border p-3 text-sm text-muted">{not}</p>
      ) : way === "SQL" ? (
        <SqlPreview sql={text} label="Snippet" />
      ) : (
        <Snippet code={text} />
      )}
    </section>
  );
}
