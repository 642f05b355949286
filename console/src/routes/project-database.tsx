import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod/mini";
import { projectRoute } from "@/routes/project";
import { optional } from "@/routes/root";

const advisorsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/advisors",
  validateSearch: z.object({
    tab: optional.one(["performance"]),
    level: optional.one(["error", "warning", "info"]),
    filter: optional.text,
    /** Shows what was ignored in this browser, in place of the rest. */
    ignored: optional.flag,
    page: optional.number,
  }),
  component: lazyRouteComponent(() => import("@/features/advisors/page"), "AdvisorsPage"),
});

const migrationsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/database/migrations",
  validateSearch: z.object({ filter: optional.text, page: optional.number, create: optional.flag }),
  component: lazyRouteComponent(() => import("@/features/database/migrations-page"), "MigrationsPage"),
});

const migrationRoute = createRoute({
  getParentRoute: () => migrationsRoute,
  path: "/$version",
  component: lazyRouteComponent(() => import("@/features/database/migration-sheet"), "MigrationSheet"),
});

const indexesRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/database/indexes",
  validateSearch: z.object({
    filter: optional.text,
    schema: optional.text,
    page: optional.number,
    /** Whether an index is made, and on which table of which schema once it is chosen. */
    create: optional.flag,
    in: optional.text,
    on: optional.text,
  }),
  component: lazyRouteComponent(() => import("@/features/database/indexes-page"), "IndexesPage"),
});

const extensionsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/database/extensions",
  validateSearch: z.object({ filter: optional.text, page: optional.number, show: optional.one(["enabled"]), extension: optional.text }),
  component: lazyRouteComponent(() => import("@/features/database/extensions-page"), "ExtensionsPage"),
});

const rolesRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/database/roles",
  validateSearch: z.object({ filter: optional.text, schema: optional.text, page: optional.number }),
  component: lazyRouteComponent(() => import("@/features/database/roles-page"), "RolesPage"),
});

export const projectDatabaseRoutes = [advisorsRoute, migrationsRoute.addChildren([migrationRoute]), indexesRoute, extensionsRoute, rolesRoute] as const;
