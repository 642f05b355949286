import { useBlocker } from "@tanstack/react-router";
import { Confirm } from "@/components/confirm";

/** Asks before a path is left where something was changed and not saved. */
export function LeaveGuard({ when }: { when: boolean }) {
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => when && current.pathname !== next.pathname,
    enableBeforeUnload: when,
    withResolver: true,
  });
  return (
    <Confirm
      open={blocker.status === "blocked"}
      onOpenChange={(open) => !open && blocker.reset?.()}
      title="Leave without saving"
      verb="Leave"
      onConfirm={() => blocker.proceed?.()}
    >
      What was changed here is not saved yet, and is lost when you leave.
    </Confirm>
  );
}
