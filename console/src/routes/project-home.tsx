import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";
import { rangeIds } from "@/features/project/activity/range";
import { projectRoute } from "@/routes/project";
import { optional } from "@/routes/root";

export const homeRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/",
  validateSearch: z.object({
    range: z.enum(rangeIds).optional().catch(undefined),
    service: z.enum(["rest", "api", "graphql", "auth", "storage", "realtime", "functions", "meta"]).optional().catch(undefined),
    /** Of the recent errors: their status, what is looked for, and where the page begins. */
    status: z.enum(["4xx", "5xx"]).optional().catch(undefined),
    find: optional.text,
    before: optional.text,
    /** The error that is open. */
    failure: optional.text,
  }),
  component: lazyRouteComponent(() => import("@/features/project/home"), "ProjectHomePage"),
});
