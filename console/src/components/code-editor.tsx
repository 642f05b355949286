import { lazy, Suspense } from "react";
import { cn } from "@/lib/cn";
import type { CodeMirrorProps } from "@/components/code-mirror";

const CodeMirror = lazy(() => import("@/components/code-mirror"));

export interface CodeEditorProps extends CodeMirrorProps {
  /** Of the frame around it. */
  className?: string;
  invalid?: boolean;
}

const line = 20;

/**
 * Code in a field: SQL, JSON or text, coloured and completed. It is as high as its lines, between the fewest and the most. Tab indents; Escape, then
 * Tab, leaves it; with onSubmit, Cmd or Ctrl with Enter submits. CodeMirror comes when the first one is shown.
 */
export function CodeEditor({ className, invalid, ...props }: CodeEditorProps) {
  const { value, minLines = 3, maxLines = 20 } = props;
  const lines = Math.min(Math.max(value.split("\n").length, minLines), maxLines);
  return (
    <div
      className={cn(
        "overflow-hidden rounded-md border border-border bg-background focus-within:border-accent focus-within:outline-2 focus-within:outline-accent/30",
        invalid && "border-danger",
        className,
      )}
    >
      <Suspense
        fallback={
          <pre className="overflow-hidden py-2 pl-3 font-mono text-[13px] leading-5" style={{ height: lines * line + 16 }}>
            {value}
          </pre>
        }
      >
        <CodeMirror {...props} />
      </Suspense>
    </div>
  );
}
