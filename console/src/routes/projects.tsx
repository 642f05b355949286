import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod/mini";
import { projectRoute } from "@/routes/project";
import { projectAuthRoutes } from "@/routes/project-auth";
import { projectDatabaseRoutes } from "@/routes/project-database";
import { projectFunctionsRoutes } from "@/routes/project-functions";
import { homeRoute } from "@/routes/project-home";
import { projectSchemaRoutes } from "@/routes/project-schema";
import { sqlRoute } from "@/routes/project-sql";
import { projectTablesRoutes } from "@/routes/project-tables";
import { optional } from "@/routes/root";

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

export const projectRoutes = [projectRoute.addChildren([homeRoute, projectTablesRoutes, sqlRoute, ...projectSchemaRoutes, ...projectDatabaseRoutes, ...projectFunctionsRoutes, projectAuthRoutes, keysRoute, settingsRoute])] as const;
