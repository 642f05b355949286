import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";
import { projectRoute } from "@/routes/project";
import { optional } from "@/routes/root";

export const sqlRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/sql",
  validateSearch: z.object({
    /** Which of the texts that this browser keeps is open. */
    tab: optional.text,
    /** Or which snippet. */
    snippet: z.uuid().optional().catch(undefined),
    /** A text to open in a tab of its own. It does not run by itself. */
    sql: optional.text,
    /** Which of several results is shown, and how. */
    result: optional.number,
    view: z.enum(["chart"]).optional().catch(undefined),
    /** What stands beside the editor, and what is looked for there. */
    panel: z.enum(["snippets", "history", "templates"]).optional().catch(undefined),
    find: optional.text,
    which: z.enum(["mine", "shared", "favorites"]).optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import("@/features/sql/page"), "SqlPage"),
});
