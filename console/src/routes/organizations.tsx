import { createConnectQueryKey, callUnaryMethod } from "@connectrpc/connect-query";
import { createRoute, lazyRouteComponent, redirect, useNavigate } from "@tanstack/react-router";
import { z } from "zod/mini";
import { OrganizationService } from "@/gen/fluxbase/controlplane/v1/organization_pb";
import { rememberOrganization, rememberedOrganization } from "@/lib/remembered";
import { appRoute, optional } from "@/routes/root";

const { listOrganizations } = OrganizationService.method;
const AuditPage = lazyRouteComponent(() => import("@/features/audit/page"), "AuditPage");
const AcceptInvitationPage = lazyRouteComponent(() => import("@/features/organizations/invitation"), "AcceptInvitationPage");
const audit = z.object({ action: optional.text, actor: optional.text, after: optional.text, event: optional.text });

/** The start: the organisation that was open last, or the only one, or the list. */
const startRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/",
  beforeLoad: async ({ context: { queries, transport } }) => {
    const input = { pageSize: 200 };
    const { organizations } = await queries.fetchQuery({
      queryKey: createConnectQueryKey({ schema: listOrganizations, input, transport, cardinality: "finite" }),
      queryFn: ({ signal }) => callUnaryMethod(transport, listOrganizations, input, { signal }),
      staleTime: 30_000,
    });
    const last = organizations.find((each) => each.slug === rememberedOrganization()) ?? (organizations.length === 1 ? organizations[0] : undefined);
    throw last ? redirect({ to: "/orgs/$slug/projects", params: { slug: last.slug } }) : redirect({ to: "/orgs" });
  },
});

const listRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/orgs",
  component: lazyRouteComponent(() => import("@/features/organizations/list"), "OrganizationsPage"),
});

const newRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/orgs/new",
  component: lazyRouteComponent(() => import("@/features/organizations/new"), "NewOrganizationPage"),
});

const acceptRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/invitations/accept",
  validateSearch: z.object({ token: optional.text }),
  component: function Accept() {
    return <AcceptInvitationPage token={acceptRoute.useSearch().token} />;
  },
});

const organizationRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/orgs/$slug",
  beforeLoad: ({ params }) => rememberOrganization(params.slug),
});

const indexRoute = createRoute({
  getParentRoute: () => organizationRoute,
  path: "/",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/orgs/$slug/projects", params });
  },
});

const projectsRoute = createRoute({
  getParentRoute: () => organizationRoute,
  path: "/projects",
  validateSearch: z.object({ search: optional.text, after: optional.text }),
  component: lazyRouteComponent(() => import("@/features/projects/list"), "ProjectsPage"),
});

const newProjectRoute = createRoute({
  getParentRoute: () => organizationRoute,
  path: "/projects/new",
  component: lazyRouteComponent(() => import("@/features/projects/new"), "NewProjectPage"),
});

const membersRoute = createRoute({
  getParentRoute: () => organizationRoute,
  path: "/members",
  validateSearch: z.object({ invite: optional.flag, after: optional.text }),
  component: lazyRouteComponent(() => import("@/features/members/page"), "MembersPage"),
});

const auditRoute = createRoute({
  getParentRoute: () => organizationRoute,
  path: "/audit",
  validateSearch: audit,
  component: function Audit() {
    const { slug } = auditRoute.useParams();
    const navigate = useNavigate({ from: "/orgs/$slug/audit" });
    return <AuditPage organization={slug} search={auditRoute.useSearch()} onSearch={(search, replace) => void navigate({ search: (old) => ({ ...old, ...search }), replace })} />;
  },
});

const settingsRoute = createRoute({
  getParentRoute: () => organizationRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("@/features/organizations/settings"), "OrganizationSettingsPage"),
});

const children = [indexRoute, projectsRoute, newProjectRoute, membersRoute, auditRoute, settingsRoute] as const;

export const organizationRoutes = [startRoute, listRoute, newRoute, acceptRoute, organizationRoute.addChildren(children)] as const;
