import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";
import { projectRoute } from "@/routes/project";
import { projectAuthRoutes } from "@/routes/project-auth";
import { optional } from "@/routes/root";

const homeRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/",
  validateSearch: z.object({ snippet: optional.text, by: z.enum(["path"]).optional().catch(undefined) }),
  component: lazyRouteComponent(() => import("@/features/project/home"), "ProjectHomePage"),
});

const sqlRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/sql",
  validateSearch: z.object({ result: optional.number }),
  component: lazyRouteComponent(() => import("@/features/sql/page"), "SqlPage"),
});

const keysRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/keys",
  validateSearch: z.object({ create: optional.flag, after: optional.text }),
  component: lazyRouteComponent(() => import("@/features/project/keys"), "KeysPage"),
});

const settingsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/settings",
  validateSearch: z.object({ filter: optional.text }),
  component: lazyRouteComponent(() => import("@/features/project/settings"), "ProjectSettingsPage"),
});

export const projectRoutes = [projectRoute.addChildren([homeRoute, sqlRoute, projectAuthRoutes, keysRoute, settingsRoute])] as const;
