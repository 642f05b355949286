import { Link, useLocation } from "@tanstack/react-router";
import type { Area } from "@/components/navigation";
import { cn } from "@/lib/cn";

interface Props {
  area: Area;
  /** Called when a page was chosen, for a sidebar that lies over the page. */
  onChosen?: () => void;
}

export function Sidebar({ area, onChosen }: Props) {
  const { pathname } = useLocation();
  return (
    <nav aria-label={area.name} className="flex flex-col gap-0.5 p-2">
      <p className="px-2 pt-1.5 pb-1 text-xs text-faint">{area.name}</p>
      {area.entries.map(({ name, href, icon: Icon, exact, pages }) => (
        <div key={href} className="flex flex-col gap-0.5">
          <Link
            to={href}
            onClick={onChosen}
            activeOptions={{ exact, includeSearch: false }}
            activeProps={{ className: cn("text-foreground font-medium [&_svg]:text-accent", !pages && "bg-hover"), "aria-current": pages ? undefined : "page" }}
            inactiveProps={{ className: "text-muted hover:bg-hover hover:text-foreground" }}
            className="flex h-8 items-center gap-2.5 rounded-md px-2 text-sm"
          >
            <Icon className="size-4 shrink-0" aria-hidden />
            {name}
          </Link>
          {pages && `${pathname}/`.startsWith(`${href}/`) && (
            <ul className="mb-1 ml-4 flex flex-col gap-0.5 border-l border-border pl-2.5" aria-label={`Pages of ${name}`}>
              {pages.map((page) => (
                <li key={page.href}>
                  <Link
                    to={page.href}
                    onClick={onChosen}
                    activeOptions={{ includeSearch: false }}
                    activeProps={{ className: "bg-hover text-foreground font-medium", "aria-current": "page" }}
                    inactiveProps={{ className: "text-muted hover:bg-hover hover:text-foreground" }}
                    className="flex h-7 items-center rounded-md px-2 text-sm"
                  >
                    {page.name}
                  </Link>
                </li>
              ))}
            </ul>
          )}
        </div>
      ))}
    </nav>
  );
}
