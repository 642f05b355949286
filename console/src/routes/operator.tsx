import { createRoute, lazyRouteComponent, redirect, useNavigate } from "@tanstack/react-router";
import { z } from "zod/mini";
import { appRoute, optional } from "@/routes/root";

const AuditPage = lazyRouteComponent(() => import("@/features/audit/page"), "AuditPage");

const indexRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/operator",
  beforeLoad: () => {
    throw redirect({ to: "/operator/clusters" });
  },
});

const clustersRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/operator/clusters",
  validateSearch: z.object({ register: optional.flag, after: optional.text }),
  component: lazyRouteComponent(() => import("@/features/operator/clusters"), "ClustersPage"),
});

const plansRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/operator/plans",
  component: lazyRouteComponent(() => import("@/features/operator/plans"), "PlansPage"),
});

const auditRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/operator/audit",
  validateSearch: z.object({ action: optional.text, actor: optional.text, after: optional.text, event: optional.text }),
  component: function Audit() {
    const navigate = useNavigate({ from: "/operator/audit" });
    return <AuditPage organization="" search={auditRoute.useSearch()} onSearch={(search, replace) => void navigate({ search: (old) => ({ ...old, ...search }), replace })} />;
  },
});

const inboxRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/operator/inbox",
  validateSearch: z.object({ after: optional.text, message: optional.text }),
  component: lazyRouteComponent(() => import("@/features/inbox/page"), "InboxPage"),
});

export const operatorRoutes = [indexRoute, clustersRoute, plansRoute, auditRoute, inboxRoute] as const;
