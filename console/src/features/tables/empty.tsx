import { useQuery } from "@connectrpc/connect-query";
import { useNavigate } from "@tanstack/react-router";
import { FileUp, Plus } from "lucide-react";
import { EmptyState } from "@/components/empty-state";
import { Snippet } from "@/components/snippet";
import { Button } from "@/components/ui/button";
import { keyToUse } from "@/features/project/key-choice";
import type { TableSearch } from "@/features/tables/use-search";
import type { TableInfo } from "@/features/tables/use-table";
import { KeyService, KeyType } from "@/gen/fluxbase/controlplane/v1/key_pb";
import { reachable } from "@/lib/project";
import { useHere } from "@/lib/project-data";

/** What stands in a table without rows: how to have some, here and from an app. */
export function EmptyTable({ info, search }: { info: TableInfo; search: TableSearch }) {
  const navigate = useNavigate({ from: "/projects/$ref/tables/$schema/$table" });
  if (search.filter) {
    return (
      <EmptyState title="No row matches" action={<Button onClick={() => search.setFilter(undefined)}>Clear the filter</Button>}>
        The filter lets no row of {info.table.name} through.
      </EmptyState>
    );
  }
  if (search.as) {
    return (
      <EmptyState title="This role sees no row" action={<Button onClick={() => search.set({ as: undefined })}>View as the owner</Button>}>
        Row level security shows a role only what a policy lets through; the table may have rows.
      </EmptyState>
    );
  }
  if (!info.rights.insertAny) return <EmptyState title="No rows">{info.rights.readOnly}</EmptyState>;
  return (
    <EmptyState
      title="No rows yet"
      action={
        <div className="flex flex-wrap gap-2 sm:justify-center">
          <Button variant="primary" onClick={() => search.set({ insert: true })}>
            <Plus aria-hidden /> Insert row
          </Button>
          <Button onClick={() => void navigate({ to: ".", search: (old) => ({ ...old, import: true }) })}>
            <FileUp aria-hidden /> Import a file
          </Button>
        </div>
      }
    >
      <p>Insert one here, import a file, or let an app write them:</p>
      <Insertion info={info} />
    </EmptyState>
  );
}

function Insertion({ info }: { info: TableInfo }) {
  const { project } = useHere();
  const keys = useQuery(KeyService.method.listKeys, { ref: project.ref, pageSize: 200 });
  if (keys.isPending) return null;
  const key = keyToUse(keys.data?.keys, KeyType.PUBLISHABLE)?.display ?? "YOUR_PUBLISHABLE_KEY";
  const from = info.table.schema === "public" ? "" : `.schema(${JSON.stringify(info.table.schema)})`;
  const first = info.relation.columns.find((each) => info.rights.insert(each.name) && each.default === null && !each.identity);
  const code = `import { createClient } from "@supabase/supabase-js";

const supabase = createClient(
  ${JSON.stringify(reachable(project))},
  ${JSON.stringify(key)},
);
const { error } = await supabase${from}
  .from(${JSON.stringify(info.table.name)})
  .insert(${first ? `{ ${/^[a-z_$][\w$]*$/i.test(first.name) ? first.name : JSON.stringify(first.name)}: … }` : "{}"});`;
  return <Snippet code={code} className="mt-3" />;
}
