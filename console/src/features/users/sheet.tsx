import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { CopyButton } from "@/components/copy-button";
import { ErrorState } from "@/components/error-state";
import { Time } from "@/components/time";
import { Sheet } from "@/components/ui/dialog";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useServed } from "@/features/project-auth/project";
import { UserActions } from "@/features/users/actions";
import { Factors, Identities } from "@/features/users/factors";
import { Metadata } from "@/features/users/metadata";
import { Sessions } from "@/features/users/sessions";
import { UserState } from "@/features/users/table";
import { isBanned, titleOf } from "@/features/users/user";
import type { User } from "@/lib/auth-admin";

const route = getRouteApi("/app/projects/$ref/auth/users/$user");

/** One user beside the list, at an address of its own. */
export function UserSheet() {
  const { user: id, ref } = route.useParams();
  const { admin } = useServed();
  const navigate = useNavigate({ from: "/projects/$ref/auth/users/$user" });
  const queries = useQueryClient();
  const user = useQuery({ queryKey: ["auth", ref, "users", "one", id], queryFn: ({ signal }) => admin.user(id, signal) });
  const close = () => void navigate({ to: "/projects/$ref/auth/users", params: { ref }, search: (old) => old });
  const changed = () => queries.invalidateQueries({ queryKey: ["auth", ref, "users"] });
  return (
    <Sheet open onOpenChange={(open) => !open && close()} title={user.data ? titleOf(user.data) : "User"} className="max-w-[600px]">
      {user.isPending && <SkeletonRows rows={6} label="Loading the user" />}
      {user.isError && <ErrorState error={user.error} what="The user could not be loaded" onRetry={() => void user.refetch()} retrying={user.isFetching} />}
      {user.data && (
        <div className="flex flex-col gap-6">
          <div className="flex items-center gap-2">
            <UserState user={user.data} />
            <span className="flex-1" />
            <UserActions user={user.data} onChanged={changed} onDeleted={close} />
          </div>
          <Details user={user.data} />
          <Metadata key={user.data.id} user={user.data} onChanged={changed} />
          <Identities user={user.data} />
          <Factors user={user.data} onChanged={changed} />
          <Sessions user={user.data} />
        </div>
      )}
    </Sheet>
  );
}

function Details({ user }: { user: User }) {
  return (
    <dl className="grid grid-cols-[8rem_1fr] gap-x-4 gap-y-1 text-sm">
      <Entry name="Id" copy={user.id}>
        <span className="font-mono text-xs break-all">{user.id}</span>
      </Entry>
      {user.email && (
        <Entry name="Email" copy={user.email}>
          <span className="break-all">{user.email}</span>
          <Confirmed at={user.email_confirmed_at} />
        </Entry>
      )}
      {user.new_email && <Entry name="New email">{user.new_email}, not confirmed yet</Entry>}
      {user.phone && (
        <Entry name="Phone" copy={`+${user.phone}`}>
          +{user.phone}
          <Confirmed at={user.phone_confirmed_at} />
        </Entry>
      )}
      <Entry name="Created">
        <Time at={user.created_at} />
      </Entry>
      <Entry name="Last sign-in">
        <Time at={user.last_sign_in_at} />
      </Entry>
      {user.invited_at && (
        <Entry name="Invited">
          <Time at={user.invited_at} />
        </Entry>
      )}
      {isBanned(user) && (
        <Entry name="Banned until">
          <Time at={user.banned_until} />
        </Entry>
      )}
    </dl>
  );
}

function Confirmed({ at }: { at: string | null | undefined }) {
  return (
    <span className="text-xs text-muted">
      {at ? (
        <>
          confirmed <Time at={at} />
        </>
      ) : (
        "not confirmed"
      )}
    </span>
  );
}

function Entry({ name, copy, children }: { name: string; copy?: string; children: ReactNode }) {
  return (
    <>
      <dt className="leading-7 text-muted">{name}</dt>
      <dd className="flex min-h-7 min-w-0 flex-wrap items-center gap-x-2">
        {children}
        {copy && <CopyButton value={copy} what={name.toLowerCase()} />}
      </dd>
    </>
  );
}

