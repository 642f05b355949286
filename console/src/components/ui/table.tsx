import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

/** A table that fills the width, and scrolls sideways by itself on a phone. */
export function Table({ className, ...rest }: ComponentProps<"table">) {
  return (
    <div className="relative w-full overflow-x-auto rounded-md border border-border">
      <table className={cn("w-full border-collapse text-sm", className)} {...rest} />
    </div>
  );
}

export function Th({ className, ...rest }: ComponentProps<"th">) {
  return (
    <th
      scope="col"
      className={cn("h-9 border-b border-border bg-surface px-3 text-left text-xs font-medium whitespace-nowrap text-muted", className)}
      {...rest}
    />
  );
}

export function Td({ className, ...rest }: ComponentProps<"td">) {
  return <td className={cn("h-10 border-b border-border px-3 align-middle [tr:last-child_&]:border-b-0", className)} {...rest} />;
}

export function Tr({ className, ...rest }: ComponentProps<"tr">) {
  return <tr className={cn("hover:bg-hover/60 focus-within:bg-hover/60", className)} {...rest} />;
}
