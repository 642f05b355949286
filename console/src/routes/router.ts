import { createRouter } from "@tanstack/react-router";
import type { App } from "@/lib/app";
import { accountRoutes } from "@/routes/account";
import { confirmedRoute, forgotRoute, newPasswordRoute, signInRoute, signUpRoute } from "@/routes/auth";
import { operatorRoutes } from "@/routes/operator";
import { organizationRoutes } from "@/routes/organizations";
import { projectRoutes } from "@/routes/projects";
import { appRoute, Failed, NotFound, rootRoute } from "@/routes/root";

const tree = rootRoute.addChildren([
  signInRoute,
  signUpRoute,
  confirmedRoute,
  forgotRoute,
  newPasswordRoute,
  appRoute.addChildren([...organizationRoutes, ...projectRoutes, ...accountRoutes, ...operatorRoutes]),
]);

export function makeRouter(app: App) {
  return createRouter({
    routeTree: tree,
    context: app,
    defaultPreload: "intent",
    defaultErrorComponent: Failed,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
