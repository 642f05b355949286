import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { z } from "zod/mini";
import { editSearch } from "@/features/schema-edit/edits";
import { projectRoute } from "@/routes/project";
import { optional } from "@/routes/root";

const list = { filter: optional.text, schema: optional.text, page: optional.number };

const databaseRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/database",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/projects/$ref/database/tables", params: { ref: params.ref }, replace: true });
  },
});

const tablesRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/database/tables",
  validateSearch: z.object({ ...list, ...editSearch }),
  component: lazyRouteComponent(() => import("@/features/schema-edit/tables-page"), "TablesPage"),
});

const tableRoute = createRoute({
  getParentRoute: () => tablesRoute,
  path: "/$schema/$table",
  component: lazyRouteComponent(() => import("@/features/schema-edit/tables-page"), "TablesSheet"),
});

const policiesRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/database/policies",
  validateSearch: z.object({ ...list, item: optional.text }),
  component: lazyRouteComponent(() => import("@/features/schema-edit/policies-page"), "PoliciesPage"),
});

const policiesOfTableRoute = createRoute({
  getParentRoute: () => policiesRoute,
  path: "/$schema/$table",
  component: lazyRouteComponent(() => import("@/features/schema-edit/policies-page"), "PoliciesOfTable"),
});

const typesRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/database/types",
  validateSearch: z.object({ ...list, create: optional.flag }),
  component: lazyRouteComponent(() => import("@/features/schema-edit/types-page"), "TypesPage"),
});

const typeRoute = createRoute({
  getParentRoute: () => typesRoute,
  path: "/$schema/$type",
  component: lazyRouteComponent(() => import("@/features/schema-edit/types-page"), "TypeOfList"),
});

export const projectSchemaRoutes = [databaseRoute, tablesRoute.addChildren([tableRoute]), policiesRoute.addChildren([policiesOfTableRoute]), typesRoute.addChildren([typeRoute])] as const;
