import { lazy, Suspense, useRef } from "react";
import { toEnd } from "@/components/ui/input";
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
  const { value, onChange, minLines = 3, maxLines = 20 } = props;
  const lines = Math.min(Math.max(value.split("\n").length, minLines), maxLines);
  const caret = useRef<number>(undefined);
  const plain = { "data-loading": true, className: "block w-full resize-none overflow-hidden py-2 pl-3 font-mono text-[13px] leading-5 outline-none", style: { height: lines * line + 16 } };
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
          props.autoFocus && !props.readOnly ? (
            // What is typed until the editor comes is kept.
            <textarea
              {...plain}
              aria-label={props.ariaLabel}
              autoFocus // oxlint-disable-line jsx-a11y/no-autofocus -- the editor was opened to be typed in
              spellCheck={false}
              value={value}
              onFocus={toEnd}
              onChange={(event) => {
                caret.current = event.target.selectionEnd;
                onChange?.(event.target.value);
              }}
              onSelect={(event) => (caret.current = event.currentTarget.selectionEnd)}
            />
          ) : (
            <pre {...plain}>{value}</pre>
          )
        }
      >
        <CodeMirror {...props} caret={caret} />
      </Suspense>
    </div>
  );
}
