import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { z } from "zod/mini";
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

/** Where the link of a confirmation leads: with a code, or with what was wrong. */
export const confirmedRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/confirmed",
  validateSearch: z.object({ code: optional.text, error_description: optional.text }),
  beforeLoad: async ({ context, search }) => {
    if (await context.accounts.enter(search.code)) throw redirect({ to: "/", replace: true });
  },
  component: lazyRouteComponent(() => import("@/features/auth/confirmed"), "ConfirmedPage"),
});

export const forgotRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/forgot",
  component: lazyRouteComponent(() => import("@/features/auth/forgot"), "ForgotPage"),
});

/** Where the link of a recovery leads. The code is used up at once, and leaves the address. */
export const newPasswordRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/new-password",
  validateSearch: z.object({ code: optional.text, error_description: optional.text }),
  beforeLoad: async ({ context, search }) => {
    if (await context.accounts.enter(search.code)) throw redirect({ to: "/new-password", search: {}, replace: true });
  },
  component: lazyRouteComponent(() => import("@/features/auth/new-password"), "NewPasswordPage"),
});
