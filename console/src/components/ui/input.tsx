import { ChevronDown } from "lucide-react";
import type { ComponentProps, FocusEvent } from "react";
import { cn } from "@/lib/cn";

const base =
  "w-full rounded-md border border-border bg-background px-2.5 text-base sm:text-sm text-foreground transition-colors hover:border-border-strong focus-visible:border-accent focus-visible:outline-1 focus-visible:outline-offset-0 disabled:cursor-not-allowed disabled:opacity-60 aria-invalid:border-danger";

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input className={cn(base, "h-8", className)} {...rest} />;
}

export function Textarea({ className, ...rest }: ComponentProps<"textarea">) {
  return <textarea className={cn(base, "min-h-20 py-1.5", className)} {...rest} />;
}

/** Sets the caret behind what a field begins with, for what is typed next. */
export const toEnd = ({ currentTarget: field }: FocusEvent<HTMLInputElement | HTMLTextAreaElement>) => field.setSelectionRange(field.value.length, field.value.length);

/** The browser's own list: it is the one that works best with keyboards, screen readers and phones. */
export function Select({ className, children, ...rest }: ComponentProps<"select">) {
  return (
    <span className={cn("relative inline-flex w-full", className)}>
      <select className={cn(base, "h-8 appearance-none pr-7")} {...rest}>
        {children}
      </select>
      <ChevronDown className="pointer-events-none absolute top-2 right-2 size-4 text-faint" aria-hidden />
    </span>
  );
}
