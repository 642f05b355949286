import { useEffect, useId, useSyncExternalStore } from "react";

/** Groups of charts at one of which somebody pointed, or went by keyboard: only they need what tells values. */
const awake = new Set<string>();
const listeners = new Set<() => void>();

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Whether the charts of a group are awake, and what wakes them. A chart without a group wakes alone. */
export function useAwake(group: string | undefined) {
  const own = useId();
  const name = group ?? own;
  const is = useSyncExternalStore(subscribe, () => awake.has(name));
  useEffect(() => () => void awake.delete(name), [name]);
  const wake = () => {
    if (awake.has(name)) return;
    awake.add(name);
    for (const listener of listeners) listener();
  };
  return [is, { onPointerEnter: wake, onFocus: wake }] as const;
}
