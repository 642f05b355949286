import type { Tone } from "@/components/ui/badge";
import type { User } from "@/lib/auth-admin";
import { exactly } from "@/lib/format";

export const isBanned = (user: User): boolean => Boolean(user.banned_until && new Date(user.banned_until).getTime() > Date.now());

/** What a user is, in a word. */
export function stateOf(user: User): { name: string; tone: Tone; about?: string } {
  if (user.deleted_at) return { name: "Deleted", tone: "danger", about: "Deleted softly: the row stays, without address, number and metadata." };
  if (isBanned(user)) return { name: "Banned", tone: "danger", about: `Until ${exactly(new Date(user.banned_until!))}.` };
  if (user.is_anonymous) return { name: "Anonymous", tone: "neutral" };
  if (user.email_confirmed_at || user.phone_confirmed_at || user.confirmed_at) return { name: "Confirmed", tone: "success" };
  if (user.invited_at) return { name: "Invited", tone: "accent", about: "Has not followed the link yet." };
  return { name: "Unconfirmed", tone: "warning", about: "Has not confirmed the address or number yet." };
}

/** What to call a user: what people know them by. */
export const titleOf = (user: User): string => user.email || user.phone || (user.is_anonymous ? "Anonymous user" : user.id);

export function providersOf(user: User): string[] {
  const list: unknown = user.app_metadata?.providers;
  return Array.isArray(list) ? list.map(String) : [];
}
