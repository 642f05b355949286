import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi, Outlet, useNavigate } from "@tanstack/react-router";
import { Mail, UserPlus } from "lucide-react";
import { useCallback } from "react";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { FilterInput } from "@/components/filter-input";
import { Snippet } from "@/components/snippet";
import { NumberedPager } from "@/components/numbered-pager";
import { Page } from "@/components/page";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Tooltip } from "@/components/ui/tooltip";
import { OfProject, useServed } from "@/features/project-auth/project";
import { CreateUserDialog, InviteUserDialog } from "@/features/users/create";
import { UsersTable } from "@/features/users/table";
import { useProject, useRefusal } from "@/lib/organization";

const route = getRouteApi("/app/projects/$ref/auth/users");

/** How many users a page has. */
const pageSize = 50;

export const usersKey = (ref: string) => ["auth", ref, "users"] as const;

export function UsersPage() {
  const { ref } = route.useParams();
  const navigate = useNavigate({ from: "/projects/$ref/auth/users" });
  const refused = useRefusal(useProject(ref).data?.organization, "run_projects");
  const open = (search: { create?: boolean; invite?: boolean }) => {
    if (!refused) void navigate({ search: (old) => ({ ...old, ...search }) });
  };
  return (
    <Page
      title="Users"
      about="Who signs up and in at this project's app."
      action={
        <div className="flex gap-2">
          <Tooltip text={refused}>
            <Button aria-disabled={Boolean(refused)} onClick={() => open({ invite: true })}>
              <Mail aria-hidden /> Invite user
            </Button>
          </Tooltip>
          <Tooltip text={refused}>
            <Button variant="primary" aria-disabled={Boolean(refused)} onClick={() => open({ create: true })}>
              <UserPlus aria-hidden /> Create user
            </Button>
          </Tooltip>
        </div>
      }
    >
      <OfProject projectRef={ref}>
        <Users />
        <Outlet />
      </OfProject>
    </Page>
  );
}

const signUp = `const { data, error } = await supabase.auth.signUp({
  email: "ada@example.com",
  password: "a long and good one",
});`;

function Users() {
  const { project, admin } = useServed();
  const { filter = "", page = 1, create, invite } = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref/auth/users" });
  const users = useQuery({
    queryKey: [...usersKey(project.ref), "list", page, filter],
    queryFn: ({ signal }) => admin.users(page, pageSize, filter, signal),
    placeholderData: keepPreviousData,
  });
  const setFilter = useCallback((text: string) => void navigate({ to: ".", search: (old) => ({ ...old, filter: text || undefined, page: undefined }), replace: true }), [navigate]);
  const close = () => void navigate({ to: ".", search: (old) => ({ ...old, create: undefined, invite: undefined }) });
  const list = users.data?.items;
  return (
    <>
      <FilterInput value={filter} onChange={setFilter} label="Email, phone or id" />
      {users.isPending && <SkeletonRows rows={8} label="Loading users" />}
      {users.isError && <ErrorState error={users.error} what="The users could not be loaded" onRetry={() => void users.refetch()} retrying={users.isFetching} />}
      {list?.length === 0 && (
        <EmptyState title={filter ? "No user matches" : page > 1 ? "No more users" : "No user yet"}>
          {filter ? (
            "The filter looks at addresses, numbers and ids."
          ) : (
            <>
              People stand here once they have signed up, newest first. An app signs them up:
              <Snippet code={signUp} className="mt-3" />
            </>
          )}
        </EmptyState>
      )}
      {list && list.length > 0 && <UsersTable projectRef={project.ref} users={list} />}
      {users.data && (users.data.items.length > 0 || page > 1) && (
        <NumberedPager page={page} size={pageSize} shown={users.data.items.length} total={users.data.total} what="user" go={(next) => void navigate({ to: ".", search: (old) => ({ ...old, page: next > 1 ? next : undefined }) })} />
      )}
      <CreateUserDialog open={Boolean(create)} onClose={close} />
      <InviteUserDialog open={Boolean(invite)} onClose={close} />
    </>
  );
}
