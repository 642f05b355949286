import { TriangleAlert } from "lucide-react";
import { Confirm } from "@/components/confirm";
import type { Danger } from "@/features/sql/text/danger";

interface Props {
  dangers: Danger[];
  onClose: () => void;
  onConfirm: () => void;
}

const shown = 8;

/** Asks before what drops, empties or changes whole tables. */
export function DangerDialog({ dangers, onClose, onConfirm }: Props) {
  return (
    <Confirm open={dangers.length > 0} onOpenChange={(open) => !open && onClose()} title="This destroys something" verb="Run it" onConfirm={onConfirm}>
      <ul className="flex flex-col gap-2">
        {dangers.slice(0, shown).map(({ what, text, from }, at) => (
          <li key={`${from} ${at}`} className="flex gap-2">
            <TriangleAlert className="mt-0.5 size-4 shrink-0 text-danger" aria-hidden />
            <span className="min-w-0">
              <span className="block font-medium break-words text-foreground">{what}</span>
              <code className="block font-mono text-xs break-all">{text}</code>
            </span>
          </li>
        ))}
      </ul>
      {dangers.length > shown && <p className="mt-2">And {dangers.length - shown} more.</p>}
      <p className="mt-3">There is no way back but a backup, unless the text itself ends with rollback.</p>
    </Confirm>
  );
}
