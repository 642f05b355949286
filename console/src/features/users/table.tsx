import { Link } from "@tanstack/react-router";
import { Time } from "@/components/time";
import { Badge } from "@/components/ui/badge";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import { providersOf, stateOf, titleOf } from "@/features/users/user";
import type { User } from "@/lib/auth-admin";
import { shorten } from "@/lib/format";
import { moveByArrows } from "@/lib/rows";

export function UsersTable({ projectRef, users }: { projectRef: string; users: User[] }) {
  return (
    <Table onKeyDown={moveByArrows}>
      <thead>
        <tr>
          <Th>User</Th>
          <Th>Phone</Th>
          <Th>Providers</Th>
          <Th>State</Th>
          <Th>Created</Th>
          <Th>Last sign-in</Th>
        </tr>
      </thead>
      <tbody>
        {users.map((user) => (
          <Tr key={user.id} className="relative">
            <Td className="py-1.5">
              <Link
                to="/projects/$ref/auth/users/$user"
                params={{ ref: projectRef, user: user.id }}
                search={(old) => old}
                data-row
                className="font-medium after:absolute after:inset-0 hover:text-accent"
              >
                {titleOf(user)}
              </Link>
              <span className="block font-mono text-xs text-faint">{shorten(user.id, 8)}</span>
            </Td>
            <Td className="whitespace-nowrap tabular-nums">{user.phone ? `+${user.phone}` : <span className="text-faint">—</span>}</Td>
            <Td className="text-muted">{providersOf(user).join(", ") || <span className="text-faint">—</span>}</Td>
            <Td>
              <UserState user={user} />
            </Td>
            <Td className="text-muted">
              <Time at={user.created_at} />
            </Td>
            <Td className="text-muted">
              <Time at={user.last_sign_in_at} />
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}

export function UserState({ user }: { user: User }) {
  const { name, tone, about } = stateOf(user);
  return (
    <Tooltip text={about}>
      <span>
        <Badge tone={tone}>{name}</Badge>
      </span>
    </Tooltip>
  );
}
