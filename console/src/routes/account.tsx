import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod/mini";
import { appRoute, optional } from "@/routes/root";

const profileRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/account",
  component: lazyRouteComponent(() => import("@/features/account/profile"), "ProfilePage"),
});

const tokensRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/account/tokens",
  validateSearch: z.object({ create: optional.flag, after: optional.text }),
  component: lazyRouteComponent(() => import("@/features/account/tokens"), "TokensPage"),
});

export const accountRoutes = [profileRoute, tokensRoute] as const;
