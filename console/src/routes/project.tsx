import { createRoute } from "@tanstack/react-router";
import { appRoute } from "@/routes/root";

/** What is above all pages of a project. */
export const projectRoute = createRoute({ getParentRoute: () => appRoute, path: "/projects/$ref" });
