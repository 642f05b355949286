import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod/mini";
import { projectRoute } from "@/routes/project";
import { optional } from "@/routes/root";

const list = { filter: optional.text, schema: optional.text, page: optional.number, create: optional.flag };

const functionsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/database/functions",
  validateSearch: z.object({
    ...list,
    /** What of a function is open. */
    item: optional.text,
    /** Which of several of a name, by its arguments. */
    args: optional.text,
  }),
  component: lazyRouteComponent(() => import("@/features/functions/functions-page"), "FunctionsPage"),
});

const functionRoute = createRoute({
  getParentRoute: () => functionsRoute,
  path: "/$schema/$function",
  component: lazyRouteComponent(() => import("@/features/functions/functions-page"), "FunctionOfList"),
});

const triggersRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/database/triggers",
  // Of create: the function that the new trigger runs, as schema.name.
  validateSearch: z.object({ ...list, of: optional.text }),
  component: lazyRouteComponent(() => import("@/features/triggers/triggers-page"), "TriggersPage"),
});

const triggerRoute = createRoute({
  getParentRoute: () => triggersRoute,
  path: "/$schema/$table/$trigger",
  component: lazyRouteComponent(() => import("@/features/triggers/triggers-page"), "TriggerOfList"),
});

const diagramRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/database/diagram",
  validateSearch: z.object({ schema: optional.text, find: optional.text, table: optional.text, view: optional.one(["list"]) }),
  component: lazyRouteComponent(() => import("@/features/diagram/page"), "DiagramPage"),
});

export const projectFunctionsRoutes = [functionsRoute.addChildren([functionRoute]), triggersRoute.addChildren([triggerRoute]), diagramRoute] as const;
