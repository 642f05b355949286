import { createRootRouteWithContext, createRoute, Outlet, redirect, useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { z } from "zod/mini";
import { ErrorState } from "@/components/error-state";
import { Shell } from "@/components/shell";
import type { App } from "@/lib/app";

/** Search parameters are what people paste: one that cannot be read counts as not given. All routes are loaded first, so that they use zod/mini. */
export const optional = {
  text: z.catch(z.optional(z.string()), undefined),
  flag: z.catch(z.optional(z.boolean()), undefined),
  number: z.catch(z.optional(z.int().check(z.positive())), undefined),
  uuid: z.catch(z.optional(z.uuid()), undefined),
  /** One of these words. */
  one: <const T extends readonly string[]>(words: T) => z.catch(z.optional(z.enum(words)), undefined),
};

export const rootRoute = createRootRouteWithContext<App>()({
  component: Outlet,
  errorComponent: Failed,
  notFoundComponent: NotFound,
});

/** Everything that takes an account. Who has none is sent to sign in, and comes back. */
export const appRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "app",
  component: Shell,
  beforeLoad: async ({ context, location }) => {
    if (!(await context.accounts.session())) {
      throw redirect({ to: "/sign-in", search: { redirect: location.href === "/" ? undefined : location.href } });
    }
  },
});

export function Failed({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <div className="mx-auto max-w-[640px] px-4 py-12">
      <ErrorState
        error={error}
        what="This page could not be shown"
        onRetry={() => {
          reset();
          void router.invalidate();
        }}
      />
    </div>
  );
}

export function NotFound() {
  return (
    <main className="mx-auto max-w-[640px] px-4 py-12">
      <h1 className="text-lg font-semibold">There is no such page</h1>
      <p className="mt-1 text-sm text-muted">
        The address may be mistyped, or what it named is gone.{" "}
        <a href="/" className="text-accent underline underline-offset-2">
          Go to the start
        </a>
      </p>
    </main>
  );
}
