import type { ReactNode } from "react";

/** Says what would stand here, and offers to make the first. */
export function EmptyState({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-start gap-3 rounded-md border border-dashed border-border px-4 py-8 sm:items-center sm:text-center">
      <div className="max-w-full min-w-0">
        <p className="text-base font-medium">{title}</p>
        {children && <div className="mt-1 max-w-prose text-sm text-muted">{children}</div>}
      </div>
      {action}
    </div>
  );
}
