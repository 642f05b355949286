import { Link } from "@tanstack/react-router";
import type { Area } from "@/components/navigation";

interface Props {
  area: Area;
  /** Called when a page was chosen, for a sidebar that lies over the page. */
  onChosen?: () => void;
}

export function Sidebar({ area, onChosen }: Props) {
  return (
    <nav aria-label={area.name} className="flex flex-col gap-0.5 p-2">
      <p className="px-2 pt-1.5 pb-1 text-xs text-faint">{area.name}</p>
      {area.entries.map(({ name, href, icon: Icon, exact }) => (
        <Link
          key={href}
          to={href}
          onClick={onChosen}
          activeOptions={{ exact, includeSearch: false }}
          activeProps={{ className: "bg-hover text-foreground font-medium [&_svg]:text-accent", "aria-current": "page" }}
          inactiveProps={{ className: "text-muted hover:bg-hover hover:text-foreground" }}
          className="flex h-8 items-center gap-2.5 rounded-md px-2 text-sm"
        >
          <Icon className="size-4 shrink-0" aria-hidden />
          {name}
        </Link>
      ))}
    </nav>
  );
}
