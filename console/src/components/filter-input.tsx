import { Search } from "lucide-react";
import { startTransition, useCallback, useEffect, useRef, useState } from "react";
import { Input } from "@/components/ui/input";
import { cn } from "@/lib/cn";

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
  className?: string;
  /** Whether "/" moves to it: the page's first filter. */
  first?: boolean;
}

/**
 * A filter kept in the URL, changed a moment after typing stopped, or at once when one goes on from it, by key or click:
 * later it would undo where one went. Not yet when the button goes down: the list would move from under the pointer.
 */
export function FilterInput({ value, onChange, label, className, first = true }: Props) {
  const [text, setText] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  // What was sent from here and not overtaken in the URL, the newest last: it comes back one after the other.
  const [sent, setSent] = useState([value]);
  const [seen, setSeen] = useState(value);
  const unsent = text !== sent.at(-1);
  // The URL changed: unless it was by what was typed here, what is shown follows.
  if (value !== seen) {
    setSeen(value);
    const at = sent.indexOf(value);
    setSent(at < 0 ? [value] : sent.slice(at));
    if (at < 0) setText(value);
  }
  const send = useCallback(() => {
    setSent((old) => [...old, text]);
    onChange(text);
  }, [text, onChange]);
  useEffect(() => {
    if (!unsent) return;
    const timer = setTimeout(send, 250);
    const goOn = () => startTransition(send); // drawn once the click was told to what it hit
    document.addEventListener("click", goOn, { capture: true });
    return () => {
      clearTimeout(timer);
      document.removeEventListener("click", goOn, { capture: true });
    };
  }, [unsent, send]);
  useEffect(() => {
    if (!first) return;
    const focus = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.key !== "/" || event.ctrlKey || event.metaKey || target.closest("input, textarea, select, [contenteditable=true]")) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, [first]);
  return (
    <div className={cn("relative w-full sm:max-w-xs", className)}>
      <Search className="pointer-events-none absolute top-2 left-2.5 size-4 text-faint" aria-hidden />
      <Input
        ref={input}
        type="search"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={({ key }) => unsent && (key === "Tab" || key === "Enter") && send()}
        placeholder={label}
        aria-label={label}
        className="pl-8"
      />
      {first && !text && (
        <kbd className="pointer-events-none absolute top-1.5 right-2 hidden h-5 items-center rounded border border-border px-1.5 font-mono text-xs text-faint sm:inline-flex">/</kbd>
      )}
    </div>
  );
}
