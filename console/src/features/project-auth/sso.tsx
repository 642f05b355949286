import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, Outlet, useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { CopyButton } from "@/components/copy-button";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Section } from "@/components/page";
import { Time } from "@/components/time";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Snippet } from "@/components/snippet";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { OfProject, useServed } from "@/features/project-auth/project";
import { AuthSettingsPage } from "@/features/project-auth/settings-page";
import { shorten } from "@/lib/format";
import { moveByArrows } from "@/lib/rows";

const route = getRouteApi("/app/projects/$ref/auth/sso");

export const ssoKey = (ref: string) => ["auth", ref, "sso"] as const;

export function SsoPage() {
  const { ref } = route.useParams();
  return (
    <AuthSettingsPage projectRef={ref} path="sso">
      <OfProject projectRef={ref}>
        <Providers />
        <Outlet />
      </OfProject>
    </AuthSettingsPage>
  );
}

/** What an identity provider asks for, to send people back. */
export function ServiceProvider({ base }: { base: string }) {
  const rows = [
    { name: "Entity id", value: `${base}/auth/v1/sso/saml/metadata` },
    { name: "ACS URL", value: `${base}/auth/v1/sso/saml/acs` },
  ];
  return (
    <dl className="grid grid-cols-1 gap-x-4 gap-y-2 text-sm sm:grid-cols-[auto_1fr]">
      {rows.map(({ name, value }) => (
        <div key={name} className="contents">
          <dt className="leading-8 text-muted">{name}</dt>
          <dd className="flex h-8 min-w-0 items-center rounded-md border border-border bg-surface pl-2.5">
            <code className="min-w-0 flex-1 truncate font-mono text-xs">{value}</code>
            <CopyButton value={value} what={name} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Providers() {
  const { project, admin } = useServed();
  const navigate = useNavigate();
  const providers = useQuery({ queryKey: ssoKey(project.ref), queryFn: ({ signal }) => admin.ssoProviders(signal) });
  const add = (
    <Button onClick={() => void navigate({ to: "/projects/$ref/auth/sso/$provider", params: { ref: project.ref, provider: "new" } })}>
      <Plus aria-hidden /> Add identity provider
    </Button>
  );
  const list = providers.data;
  return (
    <>
      <Section title="This project as service provider" about="Name these at the identity provider.">
        <ServiceProvider base={project.url} />
      </Section>
      <Section title="Identity providers" action={list && list.length > 0 ? add : undefined}>
        {providers.isPending && <SkeletonRows rows={2} label="Loading identity providers" />}
        {providers.isError && <ErrorState error={providers.error} what="The identity providers could not be loaded" onRetry={() => void providers.refetch()} retrying={providers.isFetching} />}
        {list?.length === 0 && (
          <EmptyState title="No identity provider" action={add}>
            With one, people of its domains sign in there:
            <Snippet code={'await supabase.auth.signInWithSSO({ domain: "acme.com" });'} className="mt-3" />
          </EmptyState>
        )}
        {list && list.length > 0 && (
          <Table onKeyDown={moveByArrows}>
            <thead>
              <tr>
                <Th>Entity id</Th>
                <Th>Domains</Th>
                <Th>Id</Th>
                <Th>State</Th>
                <Th>Added</Th>
              </tr>
            </thead>
            <tbody>
              {list.map((each) => (
                <Tr key={each.id} className="relative">
                  <Td className="max-w-80 truncate">
                    <Link to="/projects/$ref/auth/sso/$provider" params={{ ref: project.ref, provider: each.id }} data-row className="font-medium after:absolute after:inset-0">
                      {each.saml?.entity_id ?? each.id}
                    </Link>
                  </Td>
                  <Td>{each.domains?.map(({ domain }) => domain).join(", ") || <span className="text-faint">—</span>}</Td>
                  <Td className="font-mono text-xs text-muted">{shorten(each.id)}</Td>
                  <Td>{each.disabled ? <Badge>off</Badge> : <Badge tone="success">on</Badge>}</Td>
                  <Td className="text-muted">
                    <Time at={each.created_at} never="—" />
                  </Td>
                </Tr>
              ))}
            </tbody>
          </Table>
        )}
      </Section>
    </>
  );
}
