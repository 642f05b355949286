import { useCallback, useState } from "react";
import { z } from "zod";
import { recall, remember } from "@/lib/remembered";

/** What a person of this browser chose not to be told again, by the advice's key. */
const schema = z.record(z.string(), z.object({ reason: z.string(), at: z.string() }));

export type Ignored = z.infer<typeof schema>;

const name = (ref: string) => `fluxbase-advice-${ref}`;

/** Advice that is ignored, and what changes it. Reading and keeping is per project. */
export function useIgnored(ref: string) {
  const [ignored, setIgnored] = useState<Ignored>(() => recall(name(ref), schema) ?? {});
  const change = useCallback(
    (edit: (old: Ignored) => Ignored) => {
      // Another tab may have ignored something meanwhile.
      const next = edit(recall(name(ref), schema) ?? {});
      remember(name(ref), next);
      setIgnored(next);
    },
    [ref],
  );
  const ignore = useCallback((key: string, reason: string) => change((old) => ({ ...old, [key]: { reason, at: new Date().toISOString() } })), [change]);
  const tell = useCallback((key: string) => change((old) => Object.fromEntries(Object.entries(old).filter(([each]) => each !== key))), [change]);
  return { ignored, ignore, tell };
}
