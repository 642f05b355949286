import { CopyButton } from "@/components/copy-button";
import { cn } from "@/lib/cn";

/** Code to read and to copy. */
export function Snippet({ code, className }: { code: string; className?: string }) {
  return (
    <div className={cn("relative min-w-0 text-left", className)}>
      <pre
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keyboard
        tabIndex={0}
        role="region"
        aria-label="Snippet"
        className="max-h-72 overflow-auto rounded-md border border-border bg-surface p-3 pr-10 font-mono text-xs leading-[18px] whitespace-pre-wrap text-foreground [overflow-wrap:anywhere]"
      >
        {code}
      </pre>
      <CopyButton value={code} what="snippet" className="absolute top-1.5 right-2 bg-surface" />
    </div>
  );
}
