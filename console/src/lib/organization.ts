import { useQuery } from "@connectrpc/connect-query";
import { AccountService } from "@/gen/fluxbase/controlplane/v1/account_pb";
import { OrganizationService } from "@/gen/fluxbase/controlplane/v1/organization_pb";
import { ProjectService } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { refusal, type Right } from "@/lib/access";

export function useAccount() {
  return useQuery(AccountService.method.getAccount, {}, { staleTime: 60_000, select: (answer) => answer.account });
}

export function useOrganizations() {
  return useQuery(OrganizationService.method.listOrganizations, { pageSize: 200 }, { staleTime: 30_000, select: (answer) => answer.organizations });
}

export function useProject(ref: string, options: { enabled?: boolean } = {}) {
  return useQuery(ProjectService.method.getProject, { ref }, { ...options, select: (answer) => answer.project });
}

/** The caller's role in an organisation. */
export function useRole(slug: string | undefined) {
  return useOrganizations().data?.find((each) => each.slug === slug)?.role;
}

/** Why the caller may not do something in an organisation; undefined when they may. */
export function useRefusal(slug: string | undefined, right: Right): string | undefined {
  const role = useRole(slug);
  const operator = useAccount().data?.operator;
  return operator && right === "manage_organization" ? undefined : refusal(role, right);
}
