import { useMutation } from "@connectrpc/connect-query";
import { ErrorState } from "@/components/error-state";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { useToast } from "@/components/ui/toast";
import { OrganizationService, type Invitation } from "@/gen/fluxbase/controlplane/v1/organization_pb";
import { roleName } from "@/lib/access";
import { useInvalidate } from "@/lib/queries";

export function InvitationsTable({ slug, invitations }: { slug: string; invitations: Invitation[] }) {
  const invalidate = useInvalidate();
  const toast = useToast();
  const revoke = useMutation(OrganizationService.method.revokeInvitation, {
    onSuccess: async () => {
      await invalidate(OrganizationService.method.listInvitations);
      toast("The invitation was revoked.");
    },
  });
  return (
    <>
      {revoke.isError && <ErrorState error={revoke.error} what="The invitation was not revoked" />}
      <Table>
        <thead>
          <tr>
            <Th>Email</Th>
            <Th>Role</Th>
            <Th>Invited</Th>
            <Th>Ends</Th>
            <Th>
              <span className="sr-only">Actions</span>
            </Th>
          </tr>
        </thead>
        <tbody>
          {invitations.map((invitation) => (
            <Tr key={invitation.id}>
              <Td className="font-medium">{invitation.email}</Td>
              <Td>{roleName(invitation.role)}</Td>
              <Td className="text-muted">
                <Time at={invitation.createTime} />
              </Td>
              <Td className="text-muted">
                <Time at={invitation.expireTime} />
              </Td>
              <Td className="text-right">
                <Button
                  size="small"
                  variant="ghost"
                  busy={revoke.isPending && revoke.variables?.invitationId === invitation.id}
                  onClick={() => revoke.mutate({ organization: slug, invitationId: invitation.id })}
                >
                  Revoke
                </Button>
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </>
  );
}
