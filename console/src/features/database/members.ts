import { useQuery } from "@connectrpc/connect-query";
import { useCallback } from "react";
import { OrganizationService } from "@/gen/fluxbase/controlplane/v1/organization_pb";
import { shorten } from "@/lib/format";
import { useHere } from "@/lib/project-data";

/** Who an account is, by the name that members know; of who left, or came by another way, what is written down. */
export function useWho(): (account: string) => string {
  const { project } = useHere();
  const members = useQuery(OrganizationService.method.listMembers, { organization: project.organization, pageSize: 200 }, { staleTime: 60_000 });
  const list = members.data?.members;
  return useCallback(
    (account) => {
      const found = list?.find((each) => each.accountId === account);
      if (found) return found.name || found.email;
      return /^[0-9a-z_-]{20,}$/i.test(account) ? `account ${shorten(account)}` : account;
    },
    [list],
  );
}
