import { useEffect, type ReactNode } from "react";
import { cn } from "@/lib/cn";

interface Props {
  title: string;
  /** What the page is, in one line. */
  about?: ReactNode;
  /** Beside the title: a status, for example. */
  beside?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
  /** Forms keep to 640 px; tables fill the width. */
  narrow?: boolean;
}

export function Page({ title, about, beside, action, children, narrow }: Props) {
  useTitle(title);
  return (
    <div className={cn("mx-auto flex w-full max-w-[1280px] flex-col gap-6 px-4 py-6 md:px-8", narrow && "max-w-[704px] lg:mx-0 lg:ml-0")}>
      <header className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div className="min-w-0 flex-1 basis-60">
          <div className="flex items-center gap-3">
            <h1 className="truncate text-lg leading-7 font-semibold">{title}</h1>
            {beside}
          </div>
          {about && <p className="text-sm text-muted">{about}</p>}
        </div>
        {action}
      </header>
      {children}
    </div>
  );
}

export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Fluxbase`;
  }, [title]);
}

interface SectionProps {
  title: string;
  about?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
}

export function Section({ title, about, action, children }: SectionProps) {
  return (
    <section className="flex flex-col gap-3" aria-label={title}>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div className="min-w-0 flex-1 basis-60">
          <h2 className="text-base font-semibold">{title}</h2>
          {about && <p className="max-w-prose text-sm text-muted">{about}</p>}
        </div>
        {action}
      </div>
      {children}
    </section>
  );
}
