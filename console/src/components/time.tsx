import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { Tooltip } from "@/components/ui/tooltip";
import { ago, dateOf, exactly } from "@/lib/format";

/** A time, relative; exact and with its zone on hover. */
export function Time({ at, never = "never" }: { at: Timestamp | undefined; never?: string }) {
  const date = dateOf(at);
  if (!date) return <span className="text-faint">{never}</span>;
  return (
    <Tooltip text={exactly(date)}>
      <time dateTime={date.toISOString()} className="whitespace-nowrap">
        {ago(date)}
      </time>
    </Tooltip>
  );
}
