import { useMutation } from "@connectrpc/connect-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Confirm } from "@/components/confirm";
import { ErrorState } from "@/components/error-state";
import { Time } from "@/components/time";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/input";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { useToast } from "@/components/ui/toast";
import { OrganizationService, Role, type Member } from "@/gen/fluxbase/controlplane/v1/organization_pb";
import { roleName, roles } from "@/lib/access";
import { useAccount, useRole } from "@/lib/organization";
import { useInvalidate } from "@/lib/queries";

const { listMembers, listOrganizations, updateMember, removeMember } = OrganizationService.method;

interface Props {
  slug: string;
  members: Member[];
  /** Why the caller may not change members. */
  refused: string | undefined;
}

export function MembersTable({ slug, members, refused }: Props) {
  const account = useAccount().data;
  const [leaving, setLeaving] = useState<Member>();
  const navigate = useNavigate();
  const invalidate = useInvalidate();
  const toast = useToast();
  const update = useMutation(updateMember, { onSuccess: () => invalidate(listMembers, listOrganizations) });
  const remove = useMutation(removeMember, {
    onSuccess: async (_, { accountId }) => {
      setLeaving(undefined);
      if (accountId === account?.id) await navigate({ to: "/orgs" });
      await invalidate(listMembers, listOrganizations);
    },
  });
  const change = (member: Member, role: Role) =>
    update.mutate(
      { organization: slug, accountId: member.accountId, role },
      {
        onSuccess: () =>
          toast(`${member.email} is now ${roleName(role).toLowerCase()}.`, () =>
            update.mutate({ organization: slug, accountId: member.accountId, role: member.role }),
          ),
      },
    );
  const own = leaving?.accountId === account?.id;
  return (
    <>
      {update.isError && <ErrorState error={update.error} what="The role was not changed" />}
      <Table>
        <thead>
          <tr>
            <Th>Member</Th>
            <Th>Role</Th>
            <Th>Joined</Th>
            <Th>
              <span className="sr-only">Actions</span>
            </Th>
          </tr>
        </thead>
        <tbody>
          {members.map((member) => (
            <Tr key={member.accountId}>
              <Td className="py-1.5">
                <span className="font-medium">{member.name || member.email}</span>
                {member.accountId === account?.id && <Badge className="ml-2">you</Badge>}
                {member.name && <span className="block text-xs text-muted">{member.email}</span>}
              </Td>
              <Td>
                <RoleSelect slug={slug} member={member} refused={refused} busy={update.isPending} onChange={(role) => change(member, role)} />
              </Td>
              <Td className="text-muted">
                <Time at={member.createTime} />
              </Td>
              <Td className="text-right">
                {(member.accountId === account?.id || !refused) && (
                  <Button size="small" variant="ghost" onClick={() => setLeaving(member)}>
                    {member.accountId === account?.id ? "Leave" : "Remove"}
                  </Button>
                )}
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      <Confirm
        open={Boolean(leaving)}
        onOpenChange={(open) => {
          remove.reset();
          if (!open) setLeaving(undefined);
        }}
        title={own ? "Leave this organisation" : `Remove ${leaving?.email ?? ""}`}
        verb={own ? "Leave organisation" : "Remove member"}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => leaving && remove.mutate({ organization: slug, accountId: leaving.accountId })}
      >
        {own ? "You lose access to its projects at once, and your private snippets in them are deleted. Coming back takes an invitation." : "They lose access to its projects at once, and their private snippets in them are deleted. Shared snippets and their own account stay."}
      </Confirm>
    </>
  );
}

interface RoleProps {
  slug: string;
  member: Member;
  refused: string | undefined;
  busy: boolean;
  onChange: (role: Role) => void;
}

function RoleSelect({ slug, member, refused, busy, onChange }: RoleProps) {
  const mine = useRole(slug);
  // Only owners make owners, or unmake them.
  const owners = mine === Role.OWNER;
  if (refused || (member.role === Role.OWNER && !owners)) return <span>{roleName(member.role)}</span>;
  return (
    <Select
      aria-label={`Role of ${member.email}`}
      className="w-32"
      disabled={busy}
      value={member.role}
      onChange={(event) => onChange(Number(event.target.value) as Role)}
    >
      {roles.map(({ role }) => (
        <option key={role} value={role} disabled={role === Role.OWNER && !owners}>
          {roleName(role)}
        </option>
      ))}
    </Select>
  );
}
