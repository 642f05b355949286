import { useQuery } from "@connectrpc/connect-query";
import { useNavigate } from "@tanstack/react-router";
import { ChevronsUpDown, Plus } from "lucide-react";
import { Menu, MenuContent, MenuItem, MenuLabel, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { ProjectService } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { cn } from "@/lib/cn";
import { useOrganizations } from "@/lib/organization";

const trigger = "flex h-8 min-w-0 items-center gap-1.5 rounded-md px-2 text-sm font-medium hover:bg-hover data-[state=open]:bg-hover [&_svg]:size-3.5 [&_svg]:shrink-0 [&_svg]:text-faint";

/** Names the organisation, and leads to the others. */
export function OrganizationSwitcher({ slug, className }: { slug: string | undefined; className?: string }) {
  const organizations = useOrganizations();
  const navigate = useNavigate();
  const current = organizations.data?.find((each) => each.slug === slug);
  return (
    <Menu>
      <MenuTrigger className={cn(trigger, className)} aria-label="Switch organisation">
        <span className="truncate">{current?.name ?? slug ?? "Organisations"}</span>
        <ChevronsUpDown aria-hidden />
      </MenuTrigger>
      <MenuContent>
        <MenuLabel>Organisations</MenuLabel>
        {organizations.data?.map((each) => (
          <MenuItem key={each.id} onSelect={() => void navigate({ to: "/orgs/$slug/projects", params: { slug: each.slug } })}>
            <span className={cn("truncate", each.slug === slug && "font-medium text-accent")}>{each.name}</span>
          </MenuItem>
        ))}
        <MenuSeparator />
        <MenuItem onSelect={() => void navigate({ to: "/orgs" })}>All organisations</MenuItem>
        <MenuItem onSelect={() => void navigate({ to: "/orgs/new" })}>
          <Plus aria-hidden /> Create organisation
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}

/** Names the project, and leads to the organisation's others. */
export function ProjectSwitcher({ slug, projectRef, name }: { slug: string | undefined; projectRef: string; name: string | undefined }) {
  const navigate = useNavigate();
  const projects = useQuery(ProjectService.method.listProjects, { organization: slug, pageSize: 50 }, { enabled: Boolean(slug) });
  return (
    <Menu>
      <MenuTrigger className={trigger} aria-label="Switch project">
        <span className="truncate">{name ?? projectRef}</span>
        <ChevronsUpDown aria-hidden />
      </MenuTrigger>
      <MenuContent>
        <MenuLabel>Projects</MenuLabel>
        {projects.data?.projects.map((each) => (
          <MenuItem key={each.id} onSelect={() => void navigate({ to: "/projects/$ref", params: { ref: each.ref } })}>
            <span className={cn("truncate", each.ref === projectRef && "font-medium text-accent")}>{each.name}</span>
          </MenuItem>
        ))}
        <MenuSeparator />
        <MenuItem disabled={!slug} onSelect={() => slug && void navigate({ to: "/orgs/$slug/projects", params: { slug } })}>
          All projects
        </MenuItem>
        <MenuItem disabled={!slug} onSelect={() => slug && void navigate({ to: "/orgs/$slug/projects/new", params: { slug } })}>
          <Plus aria-hidden /> Create project
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}
