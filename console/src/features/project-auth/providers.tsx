import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, Outlet, useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { CopyButton } from "@/components/copy-button";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Page, Section } from "@/components/page";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Snippet } from "@/components/snippet";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { OfProject, useServed } from "@/features/project-auth/project";
import { SettingsLoaded } from "@/features/project-auth/settings-page";
import { groupsOf, pages, type PlacedGroup } from "@/lib/auth-pages";
import { moveByArrows } from "@/lib/rows";

const route = getRouteApi("/app/projects/$ref/auth/providers");
const plan = pages.find((each) => each.path === "providers")!;

export function ProvidersPage() {
  const { ref } = route.useParams();
  return (
    <Page title={plan.title} about={plan.about}>
      <Section title="Built in" about="Switch one on with the client id and secret that its developer pages give you.">
        <SettingsLoaded projectRef={ref}>{(settings) => <BuiltIn projectRef={ref} groups={groupsOf("providers", settings)} />}</SettingsLoaded>
      </Section>
      <OfProject projectRef={ref}>
        <Custom />
      </OfProject>
      <Outlet />
    </Page>
  );
}

/** A provider's name as the server describes it. */
export function titleOf(group: PlacedGroup): string {
  const enabled = group.settings.find((setting) => setting.key.endsWith(".enabled"));
  return /sign in with (.+)\.$/.exec(enabled?.description ?? "")?.[1] ?? group.title;
}

const isOn = (group: PlacedGroup) => group.settings.some((setting) => setting.key.endsWith(".enabled") && setting.value === "true");
const isGiven = (group: PlacedGroup) => group.settings.some((setting) => setting.set);

function BuiltIn({ projectRef, groups }: { projectRef: string; groups: PlacedGroup[] }) {
  return (
    <ul className="grid grid-cols-1 gap-2 sm:grid-cols-2 lg:grid-cols-3">
      {groups.map((group) => (
        <li key={group.part} className="relative flex h-11 items-center gap-3 rounded-md border border-border px-3 hover:bg-hover/60">
          <Link to="/projects/$ref/auth/providers/$provider" params={{ ref: projectRef, provider: group.part }} className="text-sm font-medium after:absolute after:inset-0">
            {titleOf(group)}
          </Link>
          <span className="ml-auto">{isOn(group) ? <Badge tone="success">on</Badge> : isGiven(group) ? <Badge>off, set up</Badge> : <span className="text-xs text-faint">off</span>}</span>
        </li>
      ))}
    </ul>
  );
}

/** The address that providers send people back to. */
export function CallbackUrl({ url }: { url: string }) {
  return (
    <div className="flex flex-col gap-1.5">
      <span className="text-sm font-medium">Callback URL</span>
      <div className="flex h-8 items-center rounded-md border border-border bg-surface pl-2.5">
        <code className="min-w-0 flex-1 truncate font-mono text-xs">{url}</code>
        <CopyButton value={url} what="callback URL" />
      </div>
      <span className="text-xs text-muted">Name it at the provider as the address that people are sent back to.</span>
    </div>
  );
}

export const customKey = (ref: string) => ["auth", ref, "custom-providers"] as const;

function Custom() {
  const { project, admin } = useServed();
  const navigate = useNavigate();
  const providers = useQuery({ queryKey: customKey(project.ref), queryFn: ({ signal }) => admin.customProviders(signal) });
  const add = (
    <Button onClick={() => void navigate({ to: "/projects/$ref/auth/providers/custom/$identifier", params: { ref: project.ref, identifier: "new" } })}>
      <Plus aria-hidden /> Add provider
    </Button>
  );
  const list = providers.data;
  return (
    <Section title="Custom" about="Any provider that speaks OpenID Connect or OAuth 2." action={list && list.length > 0 ? add : undefined}>
      {providers.isPending && <SkeletonRows rows={1} label="Loading providers" />}
      {providers.isError && <ErrorState error={providers.error} what="The custom providers could not be loaded" onRetry={() => void providers.refetch()} retrying={providers.isFetching} />}
      {list?.length === 0 && (
        <EmptyState title="No custom provider" action={add}>
          The app signs people in with it by its identifier:
          <Snippet code={'await supabase.auth.signInWithOAuth({ provider: "custom:name" });'} className="mt-3" />
        </EmptyState>
      )}
      {list && list.length > 0 && (
        <Table onKeyDown={moveByArrows}>
          <thead>
            <tr>
              <Th>Name</Th>
              <Th>Identifier</Th>
              <Th>Type</Th>
              <Th>Issuer or address</Th>
              <Th>State</Th>
            </tr>
          </thead>
          <tbody>
            {list.map((each) => (
              <Tr key={each.id} className="relative">
                <Td>
                  <Link
                    to="/projects/$ref/auth/providers/custom/$identifier"
                    params={{ ref: project.ref, identifier: each.identifier }}
                    data-row
                    className="font-medium after:absolute after:inset-0"
                  >
                    {each.name}
                  </Link>
                </Td>
                <Td className="font-mono text-xs">{each.identifier}</Td>
                <Td>{each.provider_type === "oidc" ? "OpenID Connect" : "OAuth 2"}</Td>
                <Td className="max-w-64 truncate font-mono text-xs text-muted">{each.issuer || each.authorization_url}</Td>
                <Td>{each.enabled === false ? <Badge>off</Badge> : <Badge tone="success">on</Badge>}</Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
    </Section>
  );
}
