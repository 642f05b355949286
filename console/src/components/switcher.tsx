import { ChevronsUpDown } from "lucide-react";
import { Popover } from "radix-ui";
import { lazy, Suspense, useState, type ReactNode } from "react";
import { cn } from "@/lib/cn";
import { useOrganizations } from "@/lib/organization";

const OrganizationChoice = lazy(async () => ({ default: (await import("@/components/switcher-lists")).OrganizationChoice }));
const ProjectChoice = lazy(async () => ({ default: (await import("@/components/switcher-lists")).ProjectChoice }));

/** Names the organisation, and leads to the others. */
export function OrganizationSwitcher({ slug, className }: { slug: string | undefined; className?: string }) {
  const organizations = useOrganizations();
  const current = organizations.data?.find((each) => each.slug === slug);
  return (
    <Switcher label="Switch organisation" name={current?.name ?? slug ?? "Organisations"} className={className}>
      {(close) => <OrganizationChoice slug={slug} onChosen={close} />}
    </Switcher>
  );
}

/** Names the project, and leads to the organisation's others. */
export function ProjectSwitcher({ slug, projectRef, name }: { slug: string | undefined; projectRef: string; name: string | undefined }) {
  return (
    <Switcher label="Switch project" name={name ?? projectRef}>
      {(close) => <ProjectChoice slug={slug} projectRef={projectRef} onChosen={close} />}
    </Switcher>
  );
}

function Switcher({ label, name, className, children }: { label: string; name: string; className?: string; children: (close: () => void) => ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger
        aria-label={label}
        className={cn(
          "flex h-8 min-w-0 items-center gap-1.5 rounded-md px-2 text-sm font-medium hover:bg-hover data-[state=open]:bg-hover [&_svg]:size-3.5 [&_svg]:shrink-0 [&_svg]:text-faint",
          className,
        )}
      >
        <span className="truncate">{name}</span>
        <ChevronsUpDown aria-hidden />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content align="start" sideOffset={4} collisionPadding={8} aria-label={label} className="enter z-50 w-72 rounded-md border border-border bg-raised">
          <Suspense>{children(() => setOpen(false))}</Suspense>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
