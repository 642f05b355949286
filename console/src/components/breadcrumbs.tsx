import { Link, useLocation } from "@tanstack/react-router";
import type { Area } from "@/components/navigation";
import { shorten } from "@/lib/format";

interface Crumb {
  name: string;
  href?: string;
}

/** The way from the project or organisation down to the page, after the switchers. */
export function Breadcrumbs({ area }: { area: Area }) {
  const { pathname } = useLocation();
  const crumbs = crumbsOf(area, pathname);
  if (crumbs.length === 0) return null;
  return (
    <nav aria-label="Breadcrumbs" className="hidden min-w-0 md:block">
      <ol className="flex min-w-0 items-center gap-2 text-sm">
        {crumbs.map((crumb, index) => (
          <li key={index} className="flex min-w-0 items-center gap-2">
            <span className="text-border-strong" aria-hidden>
              /
            </span>
            {crumb.href && index < crumbs.length - 1 ? (
              <Link to={crumb.href} className="truncate text-muted hover:text-foreground">
                {crumb.name}
              </Link>
            ) : (
              <span aria-current={index === crumbs.length - 1 ? "page" : undefined} className={index === crumbs.length - 1 ? "truncate" : "truncate text-muted"}>
                {crumb.name}
              </span>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}

/** The entry that the path lies under, its page, and what the rest of the path names. */
export function crumbsOf(area: Area, pathname: string): Crumb[] {
  const path = pathname.replace(/\/$/, "");
  const under = (href: string) => path === href || path.startsWith(`${href}/`);
  const entry = area.entries.filter(({ href, exact }) => (exact ? path === href : under(href))).toSorted((a, b) => b.href.length - a.href.length)[0];
  if (!entry || entry.exact) return entry ? [{ name: entry.name }] : [];
  const page = entry.pages?.filter(({ href }) => under(href)).toSorted((a, b) => b.href.length - a.href.length)[0];
  const base = page?.href ?? entry.href;
  const rest = path.slice(base.length).split("/").filter(Boolean).map(decoded);
  const crumbs: Crumb[] = [{ name: entry.name, href: entry.href }];
  if (page) crumbs.push({ name: page.name, href: page.href });
  if (rest.length > 0) crumbs.push({ name: path === `${entry.href}/new` ? "New" : (qualified.test(entry.href) ? rest : rest.slice(-1)).map(readable).join(".") });
  return crumbs;
}

/** Where the path goes on with a schema and a name, which belong together. */
const qualified = /\/(tables|database)$/;

/** Ids are shortened; names stand whole. */
const readable = (part: string): string => (/^[0-9a-f-]{32,}$/.test(part) ? shorten(part) : part);

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
