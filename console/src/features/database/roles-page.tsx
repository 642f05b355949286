import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { Page, Section } from "@/components/page";
import { ProjectData } from "@/components/project-page";
import { Badge } from "@/components/ui/badge";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import { GrantMatrix } from "@/features/database/grant-matrix";
import { Waiting } from "@/features/schema-edit/facts";
import { ListBar, type ListSearch } from "@/features/schema-edit/list";
import type { DatabaseRole } from "@/lib/catalog";
import { count } from "@/lib/format";
import { useCatalog } from "@/lib/project-data";

const route = getRouteApi("/app/projects/$ref/database/roles");

export function RolesPage() {
  return (
    <ProjectData title="Roles and grants">
      <Roles />
    </ProjectData>
  );
}

function Roles() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref/database/roles" });
  const roles = useCatalog("roles");
  const change = useCallback((next: ListSearch) => void navigate({ search: (old) => ({ ...old, ...next }), replace: true }), [navigate]);
  return (
    <Page title="Roles and grants" about="Who connects to the database, and what requests may do with each table.">
      <Section title="Grants" about="What a role may do with a table at all. Which rows, its policies say: with row level security on, a grant without a policy shows no row.">
        <ListBar search={search} onChange={change} label="Filter tables" />
        <GrantMatrix search={search} onChange={change} roles={roles.data} />
      </Section>
      <Section title="Roles" about="Every project has these. They cannot be dropped, and their passwords are the project's to keep.">
        <Waiting queries={[roles]} what="The roles" />
        {roles.data && <List roles={roles.data} />}
      </Section>
    </Page>
  );
}

function List({ roles }: { roles: DatabaseRole[] }) {
  return (
    <Table>
      <thead>
        <tr>
          <Th>Name</Th>
          <Th>What it is for</Th>
          <Th>Becomes</Th>
          <Th className="text-right">Connections</Th>
        </tr>
      </thead>
      <tbody>
        {roles.map((role) => (
          <Tr key={role.sql_name}>
            <Td className="whitespace-nowrap">
              <span className="flex items-center gap-2">
                <span className="font-mono text-xs font-medium">{role.name}</span>
                {role.login && <Badge>logs in</Badge>}
                {role.bypass_rls && (
                  <Tooltip text="Policies do not hold it">
                    <span>
                      <Badge tone="warning">bypasses RLS</Badge>
                    </span>
                  </Tooltip>
                )}
              </span>
              {role.sql_name !== role.name && <span className="block font-mono text-xs text-muted">{role.sql_name}</span>}
            </Td>
            <Td className="min-w-72 py-2 text-muted">{role.about}</Td>
            <Td className="max-w-60 min-w-32 font-mono text-xs text-muted">{role.member_of.join(", ")}</Td>
            <Td className="text-right whitespace-nowrap tabular-nums">{role.login ? `${count(role.connections)}${role.connection_limit >= 0 ? ` of ${count(role.connection_limit)}` : ""}` : ""}</Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
