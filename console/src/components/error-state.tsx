import { QueryClientContext } from "@tanstack/react-query";
import { CircleAlert, RotateCw } from "lucide-react";
import { useContext, type ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/cn";
import { describe } from "@/lib/errors";

interface Props {
  error: unknown;
  /** What did not work, in the words of the page: "The projects could not be loaded". */
  what?: string;
  onRetry?: () => void;
  retrying?: boolean;
  className?: string;
  children?: ReactNode;
}

/** Says what went wrong where it happened, what to do, and how the operator finds it in the log. */
export function ErrorState({ error, what, onRetry, retrying, className, children }: Props) {
  const failure = describe(error);
  const queries = useContext(QueryClientContext); // there is none where the console could not even start
  // What failed beside it mostly failed for the same reason.
  function retry() {
    onRetry?.();
    void queries?.refetchQueries({ type: "active", predicate: ({ state }) => state.status === "error" }, { cancelRefetch: false });
  }
  const hasDetails = failure.requestId || failure.reason;
  return (
    <div role="alert" className={cn("flex gap-3 rounded-md border border-danger/40 bg-danger-soft px-3 py-2.5 text-sm", className)}>
      <CircleAlert className="mt-0.5 size-4 shrink-0 text-danger" aria-hidden />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{what ?? failure.title}</p>
        <p className="text-muted break-words">{failure.message}</p>
        {hasDetails && (
          <details className="mt-1 text-xs text-muted">
            <summary className="w-fit cursor-pointer">Details</summary>
            <dl className="mt-1 grid grid-cols-[auto_1fr] gap-x-3 font-mono break-all">
              {failure.reason && (
                <>
                  <dt>reason</dt>
                  <dd>{failure.reason}</dd>
                </>
              )}
              {failure.requestId && (
                <>
                  <dt>request id</dt>
                  <dd>{failure.requestId}</dd>
                </>
              )}
            </dl>
          </details>
        )}
        {children}
      </div>
      {onRetry && (
        <Button size="small" onClick={retry} busy={retrying}>
          {!retrying && <RotateCw aria-hidden />}
          Retry
        </Button>
      )}
    </div>
  );
}
