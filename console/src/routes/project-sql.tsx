import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod/mini";
import { projectRoute } from "@/routes/project";
import { optional } from "@/routes/root";

export const sqlRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: "/sql",
  validateSearch: z.object({
    /** Which of the texts that this browser keeps is open. */
    tab: optional.text,
    /** Or which snippet. */
    snippet: optional.uuid,
    /** A text to open in a tab of its own. It does not run by itself. */
    sql: optional.text,
    /** Which of several results is shown, and how. */
    result: optional.number,
    view: optional.one(["chart"]),
    /** What stands beside the editor, and what is looked for there. */
    panel: optional.one(["snippets", "history", "templates"]),
    find: optional.text,
    which: optional.one(["mine", "shared", "favorites"]),
  }),
  component: lazyRouteComponent(() => import("@/features/sql/page"), "SqlPage"),
});
