import { Badge } from "@/components/ui/badge";
import { Tooltip } from "@/components/ui/tooltip";
import type { Index } from "@/lib/catalog";

/** An index with what it is for, whole on hover. */
export function IndexName({ index, everywhere }: { index: Index; everywhere: boolean }) {
  return (
    <span className="flex items-center gap-2">
      <Tooltip text={<span className="font-mono break-all">{index.definition}</span>}>
        <span className="truncate font-mono text-xs font-medium">{everywhere ? `${index.schema}.${index.name}` : index.name}</span>
      </Tooltip>
      {index.primary ? <Badge tone="accent">primary key</Badge> : index.constraint ? <Badge tone="accent">{index.unique ? "unique key" : "exclusion"}</Badge> : index.unique && <Badge>unique</Badge>}
      {!index.valid && (
        <Tooltip text="Building it failed: no query uses it. Build it anew, or drop it.">
          <span>
            <Badge tone="danger">invalid</Badge>
          </span>
        </Tooltip>
      )}
    </span>
  );
}
