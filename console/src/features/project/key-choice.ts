import type { Key, KeyType } from "@/gen/fluxbase/controlplane/v1/key_pb";
import { dateOf } from "@/lib/format";

/** Whether a key still opens anything. */
export function live(key: Key): boolean {
  const expiry = dateOf(key.expireTime);
  return !key.revokeTime && !(expiry && expiry.getTime() < Date.now());
}

/** The key to show where one is wanted: the one that came with the project if it may do everything still and has no successor; else the oldest that is nearest to that. */
export function keyToUse(keys: Key[] | undefined, type: KeyType): Key | undefined {
  const mine = (keys ?? []).filter((key) => key.type === type && live(key));
  const whole = mine.filter((key) => key.scopes.length === 0);
  return whole.findLast((key) => !key.successorId) ?? whole.at(-1) ?? mine.at(-1);
}
