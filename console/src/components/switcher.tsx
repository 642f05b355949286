import { ChevronsUpDown } from "lucide-react";
import { lazy, Suspense, useRef, useState, type ReactNode, type RefObject } from "react";
import { cn } from "@/lib/cn";
import { useOrganizations } from "@/lib/organization";

const load = () => import("@/components/switcher-lists");
const OrganizationChoice = lazy(async () => ({ default: (await load()).OrganizationChoice }));
const ProjectChoice = lazy(async () => ({ default: (await load()).ProjectChoice }));

/** Names the organisation, and leads to the others. */
export function OrganizationSwitcher({ slug, className }: { slug: string | undefined; className?: string }) {
  const organizations = useOrganizations();
  const current = organizations.data?.find((each) => each.slug === slug);
  return (
    <Switcher label="Switch organisation" name={current?.name ?? slug ?? "Organisations"} className={className}>
      {(anchor, close) => <OrganizationChoice slug={slug} anchor={anchor} onClose={close} />}
    </Switcher>
  );
}

/** Names the project, and leads to the organisation's others. */
export function ProjectSwitcher({ slug, projectRef, name }: { slug: string | undefined; projectRef: string; name: string | undefined }) {
  return (
    <Switcher label="Switch project" name={name ?? projectRef}>
      {(anchor, close) => <ProjectChoice slug={slug} projectRef={projectRef} anchor={anchor} onClose={close} />}
    </Switcher>
  );
}

interface Props {
  label: string;
  name: string;
  className?: string;
  children: (anchor: RefObject<HTMLButtonElement | null>, close: () => void) => ReactNode;
}

/** The button; what it opens is loaded as soon as it may be wanted. */
function Switcher({ label, name, className, children }: Props) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    <>
      <button
        ref={button}
        type="button"
        aria-label={`${label}: ${name}`}
        aria-haspopup="dialog"
        aria-expanded={open}
        onPointerEnter={() => void load()}
        onFocus={() => void load()}
        onClick={() => setOpen(!open)}
        className={cn(
          "flex h-8 min-w-0 items-center gap-1.5 rounded-md px-2 text-sm font-medium hover:bg-hover aria-expanded:bg-hover [&_svg]:size-3.5 [&_svg]:shrink-0 [&_svg]:text-faint",
          className,
        )}
      >
        <span className="truncate">{name}</span>
        <ChevronsUpDown aria-hidden />
      </button>
      {open && <Suspense>{children(button, () => setOpen(false))}</Suspense>}
    </>
  );
}
