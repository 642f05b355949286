import { createRoute, Outlet } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { z } from "zod/mini";
import { appRoute, optional } from "@/routes/root";

const ConnectDialog = lazy(() => import("@/features/project/connect/dialog").then((module) => ({ default: module.ConnectDialog })));

/** What is above all pages of a project. */
export const projectRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/projects/$ref",
  validateSearch: z.object({
    /** The way to connect that is shown. */
    connect: optional.text,
    by: optional.one(["path", "host"]),
  }),
  component: ProjectLayout,
});

function ProjectLayout() {
  const { connect } = projectRoute.useSearch();
  return (
    <>
      <Outlet />
      {connect && (
        <Suspense>
          <ConnectDialog />
        </Suspense>
      )}
    </>
  );
}
