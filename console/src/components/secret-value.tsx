import { Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import { CopyButton } from "@/components/copy-button";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { cn } from "@/lib/cn";

interface Props {
  value: string;
  /** "service role key". */
  what: string;
  /** Public values are shown at once. */
  open?: boolean;
  className?: string;
}

/** A value that is masked until a click shows it, and that can be copied without being shown. */
export function SecretValue({ value, what, open = false, className }: Props) {
  const [shown, setShown] = useState(open);
  return (
    <div className={cn("flex h-8 min-w-0 items-center rounded-md border border-border bg-surface pl-2.5", className)}>
      <code className="min-w-0 flex-1 truncate font-mono text-xs" aria-label={what}>
        {shown ? value : "•".repeat(28)}
      </code>
      {!open && (
        <Tooltip text={shown ? `Hide ${what}` : `Show ${what}`}>
          <Button variant="ghost" size="small-icon" aria-label={shown ? `Hide ${what}` : `Show ${what}`} onClick={() => setShown(!shown)}>
            {shown ? <EyeOff /> : <Eye />}
          </Button>
        </Tooltip>
      )}
      <CopyButton value={value} what={what} />
    </div>
  );
}
