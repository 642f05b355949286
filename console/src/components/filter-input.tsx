import { Search } from "lucide-react";
import { useEffect, useRef, useState } from "react";
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

/** A filter kept in the URL, changed a moment after typing stopped. */
export function FilterInput({ value, onChange, label, className, first = true }: Props) {
  const [text, setText] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  const [sent, setSent] = useState(value);
  const [seen, setSeen] = useState(value);
  // The URL changed: unless it was by what was typed here, what is shown follows.
  if (value !== seen) {
    setSeen(value);
    if (value !== sent) {
      setSent(value);
      setText(value);
    }
  }
  useEffect(() => {
    if (text === sent) return;
    const timer = setTimeout(() => {
      setSent(text);
      onChange(text);
    }, 250);
    return () => clearTimeout(timer);
  }, [text, sent, onChange]);
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
      <Input ref={input} type="search" value={text} onChange={(event) => setText(event.target.value)} placeholder={label} aria-label={label} className="pl-8" />
      {first && !text && (
        <kbd className="pointer-events-none absolute top-1.5 right-2 hidden h-5 items-center rounded border border-border px-1.5 font-mono text-xs text-faint sm:inline-flex">/</kbd>
      )}
    </div>
  );
}
