import { useQuery } from "@connectrpc/connect-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { UserPlus } from "lucide-react";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Page, Section } from "@/components/page";
import { Pager } from "@/components/pager";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Tooltip } from "@/components/ui/tooltip";
import { InvitationsTable } from "@/features/members/invitations";
import { InviteDialog } from "@/features/members/invite";
import { MembersTable } from "@/features/members/table";
import { OrganizationService } from "@/gen/fluxbase/controlplane/v1/organization_pb";
import { useRefusal } from "@/lib/organization";

const { listMembers, listInvitations } = OrganizationService.method;
const route = getRouteApi("/app/orgs/$slug/members");

export function MembersPage() {
  const { slug } = route.useParams();
  const { invite, after } = route.useSearch();
  const navigate = useNavigate({ from: "/orgs/$slug/members" });
  const refused = useRefusal(slug, "manage_members");
  const members = useQuery(listMembers, { organization: slug, pageSize: 50, pageToken: after ?? "" });
  const invitations = useQuery(listInvitations, { organization: slug, pageSize: 200 }, { enabled: !refused });
  const showInvite = (open: boolean) => void navigate({ search: (old) => ({ ...old, invite: open || undefined }) });
  return (
    <Page
      title="Members"
      about="Who works in this organisation, and what each may do."
      action={
        <Tooltip text={refused}>
          <Button variant="primary" aria-disabled={Boolean(refused)} onClick={() => !refused && showInvite(true)}>
            <UserPlus aria-hidden /> Invite member
          </Button>
        </Tooltip>
      }
    >
      {members.isPending && <SkeletonRows rows={3} label="Loading members" />}
      {members.isError && (
        <ErrorState error={members.error} what="The members could not be loaded" onRetry={() => void members.refetch()} retrying={members.isFetching} />
      )}
      {members.data && (
        <>
          <MembersTable slug={slug} members={members.data.members} refused={refused} />
          <Pager token={after} next={members.data.nextPageToken} go={(token) => void navigate({ search: (old) => ({ ...old, after: token }) })} />
        </>
      )}
      {!refused && (
        <Section title="Open invitations" about="An invitation is valid for seven days.">
          {invitations.isPending && <SkeletonRows rows={1} label="Loading invitations" />}
          {invitations.isError && (
            <ErrorState error={invitations.error} what="The invitations could not be loaded" onRetry={() => void invitations.refetch()} />
          )}
          {invitations.data?.invitations.length === 0 && <EmptyState title="No open invitations">Invited people stand here until they accept.</EmptyState>}
          {invitations.data && invitations.data.invitations.length > 0 && <InvitationsTable slug={slug} invitations={invitations.data.invitations} />}
        </Section>
      )}
      <InviteDialog slug={slug} open={Boolean(invite) && !refused} onOpenChange={showInvite} />
    </Page>
  );
}
