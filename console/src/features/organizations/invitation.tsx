import { useMutation } from "@connectrpc/connect-query";
import { useNavigate } from "@tanstack/react-router";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Page } from "@/components/page";
import { Button } from "@/components/ui/button";
import { OrganizationService } from "@/gen/fluxbase/controlplane/v1/organization_pb";
import { useAccount } from "@/lib/organization";
import { useInvalidate } from "@/lib/queries";

/** Where the link in an invitation's mail leads. */
export function AcceptInvitationPage({ token }: { token: string | undefined }) {
  const account = useAccount();
  const navigate = useNavigate();
  const invalidate = useInvalidate();
  const accept = useMutation(OrganizationService.method.acceptInvitation, {
    onSuccess: async ({ organization }) => {
      await invalidate(OrganizationService.method.listOrganizations);
      if (organization) await navigate({ to: "/orgs/$slug/projects", params: { slug: organization.slug } });
    },
  });
  return (
    <Page title="Invitation" about="Somebody invited you to their organisation." narrow>
      {token ? (
        <div className="flex flex-col items-start gap-4">
          <p className="text-sm text-muted">
            You are signed in as <span className="font-medium text-foreground">{account.data?.email ?? "…"}</span>. The invitation must have gone to this address.
          </p>
          {accept.isError && <ErrorState error={accept.error} what="The invitation was not accepted" className="w-full" />}
          <Button variant="primary" busy={accept.isPending} onClick={() => accept.mutate({ token })}>
            Accept invitation
          </Button>
        </div>
      ) : (
        <EmptyState title="The link is incomplete">Open the whole link from the mail. It ends with a token.</EmptyState>
      )}
    </Page>
  );
}
