import { cn } from "@/lib/cn";

export function Skeleton({ className }: { className?: string }) {
  return <div className={cn("pulse h-4 rounded bg-hover", className)} aria-hidden />;
}

/** Stands in for a list or table until it comes. */
export function SkeletonRows({ rows = 5, label = "Loading" }: { rows?: number; label?: string }) {
  return (
    <div className="delayed divide-y divide-border rounded-md border border-border" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="flex h-10 items-center gap-6 px-3">
          <Skeleton className={row % 2 ? "w-1/4" : "w-1/3"} />
          <Skeleton className="w-1/6" />
          <Skeleton className="ml-auto w-16" />
        </div>
      ))}
    </div>
  );
}
