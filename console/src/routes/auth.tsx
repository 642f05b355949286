import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { z } from "zod";
import { returnTo } from "@/lib/session";
import { optional, rootRoute } from "@/routes/root";

const search = z.object({ redirect: optional.text });

export const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: search,
  beforeLoad: async ({ context, search }) => {
    if (await context.accounts.session()) throw redirect({ href: returnTo(search.redirect) });
  },
  component: lazyRouteComponent(() => import("@/features/auth/sign-in"), "SignInPage"),
});

export const signUpRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-up",
  validateSearch: search,
  beforeLoad: async ({ context, search }) => {
    if (await context.accounts.session()) throw redirect({ href: returnTo(search.redirect) });
  },
  component: lazyRouteComponent(() => import("@/features/auth/sign-up"), "SignUpPage"),
});
