import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { ChevronDown, ShieldAlert, ShieldCheck } from "lucide-react";
import { useState } from "react";
import { ErrorState } from "@/components/error-state";
import { FilterInput } from "@/components/filter-input";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Menu, MenuChoice, MenuChoices, MenuContent, MenuLabel, MenuTrigger } from "@/components/ui/menu";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useAuthAdmin, type User } from "@/lib/auth-admin";
import type { As } from "@/lib/meta";
import { useHere } from "@/lib/project-data";
import { moveByArrows } from "@/lib/rows";

const oneUser = (ref: string, id: string | undefined) => ["auth", ref, "users", "one", id] as const;

/** As whom SQL runs, as tabs keep it: anon, service_role or user:<id>; the owner when it is not said. */
export function useAs(as: string | undefined) {
  const { project } = useHere();
  const admin = useAuthAdmin(project.ref, project.pathUrl);
  const id = as?.startsWith("user:") ? as.slice(5) : undefined;
  const user = useQuery({ queryKey: oneUser(project.ref, id), queryFn: ({ signal }) => admin.user(id!, signal), enabled: id !== undefined, staleTime: 30_000 });
  let who: As | undefined;
  if (as === "anon" || as === "service_role") who = { role: as };
  else if (user.data) who = { role: "authenticated", claims: claimsOf(user.data) };
  return { who, pending: id !== undefined && user.isPending, error: id === undefined ? null : user.error, retry: () => void user.refetch(), name: user.data ? nameOf(user.data) : id };
}

/** What a token of the user would say. */
function claimsOf({ id, email, phone, app_metadata, user_metadata, is_anonymous }: User): Record<string, unknown> {
  return { sub: id, aud: "authenticated", email, phone, app_metadata, user_metadata, is_anonymous: is_anonymous ?? false, aal: "aal1" };
}

const nameOf = (user: User): string => user.email || user.phone || (user.is_anonymous ? `anonymous ${user.id.slice(0, 8)}` : user.id);

interface Props {
  as: string | undefined;
  name: string | undefined;
  onChange: (as: string | undefined) => void;
  /** What runs, where it is not the editor's SQL. */
  about?: string;
}

/** Chooses as whom SQL runs, and says what that means. */
export function RoleChoice({ as, name, onChange, about = "SQL of this tab runs as" }: Props) {
  const { project } = useHere();
  const queries = useQueryClient();
  const [choosing, setChoosing] = useState(false);
  const user = as?.startsWith("user:");
  const held = as === "anon" || user;
  const title = user ? (name ?? "a user") : (as ?? "owner");
  return (
    <>
      <Menu>
        <MenuTrigger asChild>
          <Button aria-label={`Role: ${title}`} className="max-w-64 shrink px-2.5 @max-[620px]:max-w-28">
            {held ? <ShieldCheck aria-hidden className="text-accent" /> : <ShieldAlert aria-hidden className="text-warning" />}
            <span className="truncate">{title}</span>
            <ChevronDown aria-hidden />
          </Button>
        </MenuTrigger>
        <MenuContent className="max-w-80">
          <MenuLabel>{about}</MenuLabel>
          <MenuChoices value={user ? "user" : (as ?? "owner")} onValueChange={(value) => (value === "user" ? setChoosing(true) : onChange(value === "owner" ? undefined : value))}>
            <Choice value="owner" name="owner" about="May do everything. Row level security does not hold it." />
            <Choice value="service_role" name="service_role" about="What servers with a secret key are. Row level security does not hold it." />
            <Choice value="anon" name="anon" about="What an app is before somebody signs in." />
            <Choice value="user" name={user && name ? `authenticated: ${name}` : "authenticated, as a user…"} about="What an app is for one of its users: policies see their id." />
          </MenuChoices>
        </MenuContent>
      </Menu>
      {choosing && (
        <UserDialog
          onClose={() => setChoosing(false)}
          onChosen={(chosen) => {
            queries.setQueryData(oneUser(project.ref, chosen.id), chosen); // the list told all of them: nothing waits for it to be told again
            onChange(`user:${chosen.id}`);
            setChoosing(false);
          }}
        />
      )}
    </>
  );
}

function Choice({ value, name, about }: { value: string; name: string; about: string }) {
  return (
    <MenuChoice value={value}>
      <span className="block py-1">
        <span className="font-mono text-xs">{name}</span>
        <span className="block text-xs text-muted">{about}</span>
      </span>
    </MenuChoice>
  );
}

function UserDialog({ onChosen, onClose }: { onChosen: (user: User) => void; onClose: () => void }) {
  const { project } = useHere();
  const admin = useAuthAdmin(project.ref, project.pathUrl);
  const [filter, setFilter] = useState("");
  const users = useQuery({ queryKey: ["auth", project.ref, "users", "list", 1, filter, 20], queryFn: ({ signal }) => admin.users(1, 20, filter, signal), placeholderData: keepPreviousData });
  const list = users.data?.items;
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Work as a user" description="SQL runs as the role authenticated with this user's claims: it sees what the app would show them.">
      <div className="flex flex-col gap-3">
        <FilterInput value={filter} onChange={setFilter} label="Email, phone or id" first={false} className="sm:max-w-none" />
        {users.isPending && <SkeletonRows rows={4} label="Loading users" />}
        {users.isError && <ErrorState error={users.error} what="The users could not be loaded" onRetry={() => void users.refetch()} retrying={users.isFetching} />}
        {list?.length === 0 && <p className="text-sm text-muted">{filter ? "No user matches." : "The app has no user yet. The page Users creates one."}</p>}
        {list && list.length > 0 && (
          // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the arrows move between its buttons
          <ul className="max-h-80 overflow-y-auto rounded-md border border-border" onKeyDown={moveByArrows}>
            {list.map((user) => (
              <li key={user.id}>
                <button type="button" data-row className="flex min-h-9 w-full items-center gap-3 px-3 text-left text-sm hover:bg-hover focus-visible:-outline-offset-2" onClick={() => onChosen(user)}>
                  <span className="min-w-0 flex-1 truncate">{nameOf(user)}</span>
                  <span className="font-mono text-xs text-faint">{user.id.slice(0, 8)}</span>
                </button>
              </li>
            ))}
          </ul>
        )}
        {(users.data?.total ?? 0) > 20 && <p className="text-xs text-muted">The first 20 are shown. The filter finds the others.</p>}
      </div>
    </Dialog>
  );
}

/** What stands beside the choice at all times. */
export function roleNote(as: string | undefined): string {
  if (as === undefined) return "Row level security does not apply to the owner.";
  if (as === "service_role") return "Row level security does not apply; grants do.";
  return as === "anon" ? "Grants and policies apply, as for visitors." : "Grants and policies apply, as for this user.";
}
