import type { ReactNode } from "react";
import { useTitle } from "@/components/page";

/** The pages before one is signed in. */
export function AuthFrame({ title, children, below }: { title: string; children: ReactNode; below: ReactNode }) {
  useTitle(title);
  return (
    <main className="flex min-h-full flex-col items-center bg-surface px-4 py-[12vh]">
      <div className="w-full max-w-[360px]">
        <div className="mb-6 flex items-center gap-3">
          <img src="/favicon.svg" alt="" className="size-8" />
          <span className="text-base font-semibold">Fluxbase</span>
        </div>
        <div className="rounded-md border border-border bg-raised p-6">
          <h1 className="mb-4 text-lg font-semibold">{title}</h1>
          {children}
        </div>
        <p className="mt-4 text-sm text-muted">{below}</p>
      </div>
    </main>
  );
}
