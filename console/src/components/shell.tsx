import { Link, Outlet } from "@tanstack/react-router";
import { Menu as MenuIcon, Search } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { AccountButton } from "@/components/account-button";
import { Breadcrumbs } from "@/components/breadcrumbs";
import { ConnectAnywhere } from "@/components/connect-button";
import { useArea } from "@/components/navigation";
import { Sidebar } from "@/components/sidebar";
import { OrganizationSwitcher, ProjectSwitcher } from "@/components/switcher";
import { Button } from "@/components/ui/button";

const Drawer = lazy(() => import("@/components/drawer"));
const Shortcuts = lazy(() => import("@/components/shortcuts"));
const CommandPalette = lazy(() => import("@/components/command-palette"));
const apple = /Mac|iPhone|iPad/.test(navigator.platform);

/** What stands around every page of a signed-in person. */
export function Shell() {
  const where = useArea();
  const [palette, setPalette] = useState(false);
  const [shortcuts, setShortcuts] = useState(false);
  useEffect(() => {
    const toggle = (event: KeyboardEvent) => {
      if (event.key === "?" && !event.defaultPrevented && !(event.target as HTMLElement).closest("input, textarea, select, [contenteditable=true], [role=grid], [role=dialog]")) setShortcuts(true);
      if (event.key.toLowerCase() !== "k" || !(apple ? event.metaKey : event.ctrlKey)) return;
      event.preventDefault();
      setPalette((open) => !open);
    };
    document.addEventListener("keydown", toggle);
    return () => document.removeEventListener("keydown", toggle);
  }, []);
  return (
    <div className="flex h-full flex-col">
      <a href="#content" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded focus:bg-raised focus:px-3 focus:py-2">
        Skip to the content
      </a>
      <header className="flex h-12 shrink-0 items-center gap-1 border-b border-border bg-surface px-2 md:px-3">
        {where.area && <MobileSidebar where={where} />}
        <Link to="/" aria-label="Fluxbase" className="mr-1 flex size-8 shrink-0 items-center justify-center rounded-md">
          <img src="/favicon.svg" alt="" className="size-6" />
        </Link>
        <OrganizationSwitcher slug={where.slug} className={where.ref ? "hidden sm:flex" : undefined} />
        {where.ref && (
          <>
            <span className="hidden text-border-strong sm:inline" aria-hidden>
              /
            </span>
            <ProjectSwitcher slug={where.slug} projectRef={where.ref} name={where.project?.name} />
          </>
        )}
        {where.area && <Breadcrumbs area={where.area} />}
        <div className="ml-auto flex items-center gap-2">
          {where.ref && <ConnectAnywhere project={where.project} />}
          <Button onClick={() => setPalette(true)} className="text-muted max-sm:size-8 max-sm:px-0" aria-label="Search and go to">
            <Search aria-hidden />
            <span className="max-sm:hidden">Go to</span>
            <kbd className="rounded border border-border px-1 font-mono text-xs text-faint max-sm:hidden">{apple ? "⌘K" : "Ctrl K"}</kbd>
          </Button>
          <AccountButton />
        </div>
      </header>
      <div className="flex min-h-0 flex-1">
        {where.area && (
          <aside className="hidden w-52 shrink-0 overflow-y-auto border-r border-border bg-surface md:block">
            <Sidebar area={where.area} />
          </aside>
        )}
        <main id="content" tabIndex={-1} className="relative min-w-0 flex-1 overflow-y-auto outline-none">
          <Outlet />
        </main>
      </div>
      {palette && (
        <Suspense>
          <CommandPalette where={where} onClose={() => setPalette(false)} onShortcuts={() => setShortcuts(true)} />
        </Suspense>
      )}
      {shortcuts && (
        <Suspense>
          <Shortcuts onClose={() => setShortcuts(false)} />
        </Suspense>
      )}
    </div>
  );
}

/** Opens the sidebar on narrow screens, which is loaded with the first opening. */
function MobileSidebar({ where }: { where: ReturnType<typeof useArea> }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button variant="ghost" size="icon" aria-label="Open navigation" aria-haspopup="dialog" aria-expanded={open} onClick={() => setOpen(true)} className="md:hidden">
        <MenuIcon />
      </Button>
      {open && (
        <Suspense>
          <Drawer where={where} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
