import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ErrorState } from "@/components/error-state";
import { Section } from "@/components/page";
import { Time } from "@/components/time";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useToast } from "@/components/ui/toast";
import { useServed } from "@/features/project-auth/project";
import type { User } from "@/lib/auth-admin";

/** Where the user is signed in. What is ended stops within two seconds on every worker. */
export function Sessions({ user }: { user: User }) {
  const { admin, project } = useServed();
  const queries = useQueryClient();
  const toast = useToast();
  const key = ["auth", project.ref, "users", "sessions", user.id];
  const sessions = useQuery({ queryKey: key, queryFn: ({ signal }) => admin.sessions(user.id, signal) });
  const end = useMutation({
    mutationFn: (session: string | undefined) => admin.endSession(user.id, session),
    onSuccess: async (_, session) => {
      await queries.invalidateQueries({ queryKey: key });
      toast(session ? "The session was ended." : "The user is signed out everywhere.");
    },
  });
  const list = sessions.data;
  return (
    <Section
      title="Sessions"
      action={
        list && list.length > 0 ? (
          <Button size="small" busy={end.isPending && end.variables === undefined} onClick={() => end.mutate(undefined)}>
            End all
          </Button>
        ) : undefined
      }
    >
      {sessions.isPending && <SkeletonRows rows={1} label="Loading sessions" />}
      {sessions.isError && <ErrorState error={sessions.error} what="The sessions could not be loaded" onRetry={() => void sessions.refetch()} retrying={sessions.isFetching} />}
      {end.isError && <ErrorState error={end.error} what="Nothing was ended" />}
      {list?.length === 0 && <p className="text-sm text-muted">Signed in nowhere.</p>}
      {list && list.length > 0 && (
        <ul className="divide-y divide-border rounded-md border border-border">
          {list.map((session) => (
            <li key={session.id} className="flex items-center gap-3 px-3 py-2">
              <span className="min-w-0 flex-1">
                <span className="flex items-center gap-2 text-sm">
                  <span className="truncate font-medium" title={session.user_agent ?? undefined}>
                    {session.user_agent || "Unknown client"}
                  </span>
                  {session.aal === "aal2" && <Badge tone="success">two factors</Badge>}
                </span>
                <span className="block text-xs text-muted">
                  {session.ip && `from ${session.ip}, `}signed in <Time at={session.created_at} />, last seen <Time at={session.refreshed_at ?? session.created_at} />
                </span>
              </span>
              <Button size="small" variant="ghost" busy={end.isPending && end.variables === session.id} onClick={() => end.mutate(session.id)}>
                End
              </Button>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
