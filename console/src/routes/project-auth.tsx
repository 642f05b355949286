import { createRoute, lazyRouteComponent, notFound, redirect } from "@tanstack/react-router";
import { z } from "zod/mini";
import { authPages } from "@/components/navigation";
import { projectRoute } from "@/routes/project";
import { optional } from "@/routes/root";

const authRoute = createRoute({ getParentRoute: () => projectRoute, path: "/auth" });

const indexRoute = createRoute({
  getParentRoute: () => authRoute,
  path: "/",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/projects/$ref/auth/users", params: { ref: params.ref }, replace: true });
  },
});

const usersRoute = createRoute({
  getParentRoute: () => authRoute,
  path: "/users",
  validateSearch: z.object({ filter: optional.text, page: optional.number, create: optional.flag, invite: optional.flag }),
  component: lazyRouteComponent(() => import("@/features/users/page"), "UsersPage"),
});

const userRoute = createRoute({
  getParentRoute: () => usersRoute,
  path: "/$user",
  component: lazyRouteComponent(() => import("@/features/users/sheet"), "UserSheet"),
});

const providersRoute = createRoute({
  getParentRoute: () => authRoute,
  path: "/providers",
  component: lazyRouteComponent(() => import("@/features/project-auth/providers"), "ProvidersPage"),
});

const providerRoute = createRoute({
  getParentRoute: () => providersRoute,
  path: "/$provider",
  component: lazyRouteComponent(() => import("@/features/project-auth/provider"), "ProviderSheet"),
});

const customProviderRoute = createRoute({
  getParentRoute: () => providersRoute,
  path: "/custom/$identifier",
  component: lazyRouteComponent(() => import("@/features/project-auth/custom-provider"), "CustomProviderSheet"),
});

const ssoRoute = createRoute({
  getParentRoute: () => authRoute,
  path: "/sso",
  component: lazyRouteComponent(() => import("@/features/project-auth/sso"), "SsoPage"),
});

const ssoProviderRoute = createRoute({
  getParentRoute: () => ssoRoute,
  path: "/$provider",
  component: lazyRouteComponent(() => import("@/features/project-auth/sso-provider"), "SsoProviderSheet"),
});

const templatesRoute = createRoute({
  getParentRoute: () => authRoute,
  path: "/templates",
  component: lazyRouteComponent(() => import("@/features/project-auth/templates"), "TemplatesPage"),
});

const templateRoute = createRoute({
  getParentRoute: () => authRoute,
  path: "/templates/$kind/$name",
  component: lazyRouteComponent(() => import("@/features/project-auth/template"), "TemplatePage"),
});

const signingKeysRoute = createRoute({
  getParentRoute: () => authRoute,
  path: "/signing-keys",
  validateSearch: z.object({ create: optional.flag }),
  component: lazyRouteComponent(() => import("@/features/project/signing-keys"), "SigningKeysPage"),
});

const auditRoute = createRoute({
  getParentRoute: () => authRoute,
  path: "/audit",
  validateSearch: z.object({ filter: optional.text, page: optional.number, event: optional.text }),
  component: lazyRouteComponent(() => import("@/features/project-auth/audit"), "AuthAuditPage"),
});

/** Pages that are settings and nothing more. */
const anyRoute = createRoute({
  getParentRoute: () => authRoute,
  path: "/$page",
  beforeLoad: ({ params }) => {
    if (!authPages.some((each) => each.path === params.page)) throw notFound();
  },
  component: lazyRouteComponent(() => import("@/features/project-auth/any-page"), "AnyAuthPage"),
});

export const projectAuthRoutes = authRoute.addChildren([
  indexRoute,
  usersRoute.addChildren([userRoute]),
  providersRoute.addChildren([providerRoute, customProviderRoute]),
  ssoRoute.addChildren([ssoProviderRoute]),
  templatesRoute,
  templateRoute,
  signingKeysRoute,
  auditRoute,
  anyRoute,
]);
