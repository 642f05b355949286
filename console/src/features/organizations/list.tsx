import { Link } from "@tanstack/react-router";
import { Building2, Plus } from "lucide-react";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Page } from "@/components/page";
import { Time } from "@/components/time";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { roleName } from "@/lib/access";
import { useOrganizations } from "@/lib/organization";

export function OrganizationsPage() {
  const organizations = useOrganizations();
  const create = (
    <Button asChild variant="primary">
      <Link to="/orgs/new">
        <Plus aria-hidden /> Create organisation
      </Link>
    </Button>
  );
  return (
    <Page title="Organisations" about="Who owns and pays for projects, and whose members work on them." action={create}>
      {organizations.isPending && <SkeletonRows rows={3} label="Loading organisations" />}
      {organizations.isError && (
        <ErrorState
          error={organizations.error}
          what="The organisations could not be loaded"
          onRetry={() => void organizations.refetch()}
          retrying={organizations.isFetching}
        />
      )}
      {organizations.data?.length === 0 && (
        <EmptyState title="You are in no organisation yet" action={create}>
          Create one to hold your projects, or open the invitation that somebody mailed you.
        </EmptyState>
      )}
      {organizations.data && organizations.data.length > 0 && (
        <Table>
          <thead>
            <tr>
              <Th>Name</Th>
              <Th>Plan</Th>
              <Th>Your role</Th>
              <Th>Created</Th>
            </tr>
          </thead>
          <tbody>
            {organizations.data.map((each) => (
              <Tr key={each.id}>
                <Td>
                  <Link to="/orgs/$slug/projects" params={{ slug: each.slug }} className="flex items-center gap-2 font-medium hover:text-accent">
                    <Building2 className="size-4 text-faint" aria-hidden />
                    {each.name}
                    <span className="font-mono text-xs font-normal text-faint">{each.slug}</span>
                  </Link>
                </Td>
                <Td>
                  <Badge>{each.plan}</Badge>
                </Td>
                <Td>{roleName(each.role)}</Td>
                <Td className="text-muted">
                  <Time at={each.createTime} />
                </Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
    </Page>
  );
}
