import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod/mini";
import { rangeIds } from "@/features/project/activity/range";
import { projectRoute } from "@/routes/project";
import { optional } from "@/routes/root";

export const homeRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/",
  validateSearch: z.object({
    range: optional.one(rangeIds),
    service: optional.one(["rest", "api", "graphql", "auth", "storage", "realtime", "functions", "meta"]),
    /** Of the recent errors: their status, what is looked for, and where the page begins. */
    status: optional.one(["4xx", "5xx"]),
    find: optional.text,
    before: optional.text,
    /** The error that is open. */
    failure: optional.text,
  }),
  component: lazyRouteComponent(() => import("@/features/project/home"), "ProjectHomePage"),
});
