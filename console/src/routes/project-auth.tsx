import { createRoute, lazyRouteComponent, notFound, redirect } from "@tanstack/react-router";
import { z } from "zod";
import { authPages } from "@/components/navigation";
import { projectRoute } from "@/routes/project";
import { optional } from "@/routes/root";

const authRoute = createRoute({ getParentRoute: () => projectRoute, path: "/auth" });

const indexRoute = createRoute({
  getParentRoute: () => authRoute,
  path: "/",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/projects/$ref/auth/$page", params: { ref: params.ref, page: "methods" }, replace: true });
  },
});

const signingKeysRoute = createRoute({
  getParentRoute: () => authRoute,
  path: "/signing-keys",
  validateSearch: z.object({ create: optional.flag }),
  component: lazyRouteComponent(() => import("@/features/project/signing-keys"), "SigningKeysPage"),
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

export const projectAuthRoutes = authRoute.addChildren([indexRoute, signingKeysRoute, anyRoute]);
