import { CopyButton } from "@/components/copy-button";
import { asText, whole } from "@/components/data-grid/value";
import { Sheet } from "@/components/ui/dialog";

interface Props {
  name: string;
  type: string;
  value: unknown;
  onClose: () => void;
}

/** A whole value beside the page, to be read and copied. */
export function ValueSheet({ name, type, value, onClose }: Props) {
  return (
    <Sheet open onOpenChange={(open) => !open && onClose()} title={name} description={type}>
      <CopyButton value={asText(value)} what="value" label="Copy" className="mb-2" />
      <pre className="rounded-md border border-border bg-surface p-3 font-mono text-xs break-words whitespace-pre-wrap">{whole(value)}</pre>
    </Sheet>
  );
}
