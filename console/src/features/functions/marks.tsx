import { Badge } from "@/components/ui/badge";
import { Tooltip } from "@/components/ui/tooltip";
import type { DatabaseFunction } from "@/lib/catalog";

/** Whether it runs with its owner's rights and finds names by its caller's search_path, which the caller chooses. */
export const unsafe = (fn: DatabaseFunction): boolean => fn.security_definer && fn.owned && !fn.settings.some((each) => each.startsWith("search_path="));

/** What is special about a function. */
export function Marks({ fn }: { fn: DatabaseFunction }) {
  return (
    <>
      {fn.kind !== "function" && <Badge tone={fn.kind === "trigger" ? "accent" : "neutral"}>{fn.kind}</Badge>}
      {fn.security_definer && (
        <Tooltip text="Security definer: runs with the rights of its owner, whom no policy holds">
          <span className="relative z-10">
            <Badge tone="warning">as its owner</Badge>
          </span>
        </Tooltip>
      )}
      {unsafe(fn) && (
        <Tooltip text="It runs as its owner and finds names where its caller says: someone may put another table in the place of the one that is meant. Set its search_path.">
          <span className="relative z-10">
            <Badge tone="danger">search_path not set</Badge>
          </span>
        </Tooltip>
      )}
      {!fn.owned && (
        <Tooltip text="Belongs to a service of the project">
          <span className="relative z-10">
            <Badge>service</Badge>
          </span>
        </Tooltip>
      )}
    </>
  );
}
