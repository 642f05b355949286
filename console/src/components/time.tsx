import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { Tooltip } from "@/components/ui/tooltip";
import { ago, dateOf, exactly } from "@/lib/format";

/** A time, relative; exact and with its zone on hover. */
export function Time({ at, never = "never" }: { at: Timestamp | string | null | undefined; never?: string }) {
  const date = typeof at === "string" ? new Date(at) : dateOf(at ?? undefined);
  if (!date) return <span className="text-faint">{never}</span>;
  return (
    <Tooltip text={exactly(date)}>
      <time dateTime={date.toISOString()} className="whitespace-nowrap">
        {ago(date)}
      </time>
    </Tooltip>
  );
}
