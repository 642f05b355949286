import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod/mini";
import { editSearch } from "@/features/schema-edit/edits";
import { projectRoute } from "@/routes/project";
import { optional } from "@/routes/root";

export const tablesRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/tables",
  validateSearch: z.object({
    ...editSearch,
    /** A file that becomes rows of the table that is open, or a new table. */
    import: optional.flag,
  }),
  component: lazyRouteComponent(() => import("@/features/tables/page"), "TablesPage"),
});

const indexRoute = createRoute({
  getParentRoute: () => tablesRoute,
  path: "/",
  component: lazyRouteComponent(() => import("@/features/tables/start"), "TablesStart"),
});

const tableRoute = createRoute({
  getParentRoute: () => tablesRoute,
  path: "/$schema/$table",
  validateSearch: z.object({
    filter: optional.text,
    sort: optional.text,
    /** As whom: anon, service_role or user:<id>. */
    as: optional.text,
    /** The key of the row that is open. */
    row: optional.text,
    insert: optional.flag,
  }),
  component: lazyRouteComponent(() => import("@/features/tables/table"), "TablePage"),
});

export const projectTablesRoutes = tablesRoute.addChildren([indexRoute, tableRoute]);
