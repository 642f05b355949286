import { useQuery } from "@tanstack/react-query";
import { useAuthAdmin } from "@/lib/auth-admin";
import type { As } from "@/lib/meta";
import { useHere } from "@/lib/project-data";

/** As whom rows are seen, as it stands in addresses: anon, service_role or user:<id>; the owner when it is not said. */
export function userOf(text: string | undefined): string | undefined {
  return text?.startsWith("user:") ? text.slice(5) : undefined;
}

/** What statements are told of who asks. Pending until a user's claims are known. */
export function useAs(text: string | undefined) {
  const { project } = useHere();
  const admin = useAuthAdmin(project.ref, project.pathUrl);
  const id = userOf(text);
  const user = useQuery({ queryKey: ["auth", project.ref, "users", "one", id], queryFn: ({ signal }) => admin.user(id!, signal), enabled: id !== undefined, staleTime: 30_000 });
  let as: As | undefined;
  if (text === "anon" || text === "service_role") as = { role: text };
  else if (user.data) {
    const { id: sub, email, phone, app_metadata, user_metadata, is_anonymous } = user.data;
    as = { role: "authenticated", claims: { sub, aud: "authenticated", email, phone, app_metadata, user_metadata, is_anonymous: is_anonymous ?? false } };
  }
  return { as, pending: id !== undefined && user.isPending, error: id !== undefined ? user.error : null, retry: () => void user.refetch(), email: user.data?.email ?? user.data?.phone ?? id };
}
