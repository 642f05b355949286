import { useBlocker } from "@tanstack/react-router";
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ComponentProps } from "react";
import { Confirm } from "@/components/confirm";
import { Sheet } from "@/components/ui/dialog";

interface Unsaved {
  mark: (dirty: boolean) => void;
}

const context = createContext<Unsaved>({ mark: () => {} });

/** Tells the sheet around a form whether something would be lost, and goes on without asking. */
export function useUnsaved(dirty: boolean): (then: () => void) => void {
  const { mark } = useContext(context);
  useEffect(() => {
    mark(dirty);
    return () => mark(false);
  }, [mark, dirty]);
  return useCallback(
    (then) => {
      mark(false);
      then();
    },
    [mark],
  );
}

interface Props extends Omit<ComponentProps<typeof Sheet>, "open" | "onOpenChange"> {
  onClose: () => void;
}

/** What of an address a sheet and its form hang on. */
const place = ({ pathname, search }: { pathname: string; search: unknown }): string => {
  const { edit, column, item, create } = (search ?? {}) as Record<string, unknown>;
  return JSON.stringify([pathname, edit, column, item, create]);
};

/** A sheet with a form in it: asks before what was typed is lost. */
export function GuardedSheet({ onClose, children, ...sheet }: Props) {
  const dirty = useRef(false);
  const [closing, setClosing] = useState(false);
  const unsaved = useMemo<Unsaved>(() => ({ mark: (next) => void (dirty.current = next) }), []);
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => dirty.current && place(current) !== place(next),
    enableBeforeUnload: () => dirty.current,
    withResolver: true,
  });
  const stay = () => {
    setClosing(false);
    blocker.reset?.();
  };
  return (
    <>
      <Sheet open onOpenChange={(open) => !open && (dirty.current ? setClosing(true) : onClose())} {...sheet}>
        <context.Provider value={unsaved}>{children}</context.Provider>
      </Sheet>
      <Confirm
        open={closing || blocker.status === "blocked"}
        onOpenChange={(open) => !open && stay()}
        title="Discard what was typed"
        verb="Discard"
        onConfirm={() => {
          dirty.current = false;
          setClosing(false);
          if (blocker.status === "blocked") blocker.proceed();
          else onClose();
        }}
      >
        What was changed here did not run yet, and is lost when you leave.
      </Confirm>
    </>
  );
}
