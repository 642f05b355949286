import { useQuery } from "@connectrpc/connect-query";
import { keepPreviousData } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { Command } from "cmdk";
import { Keyboard, LogOut, MoonStar, Plus, UserPlus } from "lucide-react";
import { Dialog } from "radix-ui";
import { useDeferredValue, useState } from "react";
import { Group, Item } from "@/components/command-items";
import { match } from "@/components/command-match";
import { ProjectActions, TableItems } from "@/components/command-project";
import { accountArea, icons, operatorArea, organizationArea, projectArea, type Area, type useArea } from "@/components/navigation";
import { useReturnFocus } from "@/components/ui/return-focus";
import { ProjectService, ProjectStatus } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useApp } from "@/lib/app";
import { useOrganizations } from "@/lib/organization";
import { setTheme, useDark } from "@/lib/theme";

interface Props {
  where: ReturnType<typeof useArea>;
  onClose: () => void;
  onShortcuts: () => void;
}

/** The pages of an area, each with its whole name: "Project · Auth · Users". */
const pagesOf = (area: Area) =>
  area.entries.flatMap(({ name, href, icon, pages }) =>
    (pages ? pages.map((page) => ({ href: page.href, value: `${area.name} · ${name} · ${page.name}` })) : [{ href, value: `${area.name} · ${name}` }]).map((page) => ({ ...page, icon })),
  );

/** Leads anywhere from the keyboard. */
export default function CommandPalette({ where, onClose, onShortcuts }: Props) {
  const router = useRouter();
  const { config, accounts } = useApp();
  const dark = useDark();
  const onClosed = useReturnFocus();
  const organizations = useOrganizations();
  const [text, setText] = useState("");
  const search = useDeferredValue(text.trim());
  const projects = useQuery(ProjectService.method.listProjects, { pageSize: 50, search: search.slice(0, 80) }, { placeholderData: keepPreviousData });
  const go = (href: string) => {
    onClose();
    void router.navigate({ href });
  };
  const areas = [where.ref && projectArea(where.ref), where.slug && organizationArea(where.slug), where.operator && operatorArea(config.dev), accountArea].filter((area) => typeof area === "object");
  const pages = areas.flatMap(pagesOf);
  // What the search begins a word of comes first: a table, unless a page is named so too.
  const tablesFirst = search !== "" && !pages.some((page) => match(page.value, search) === 1);
  const tables = where.project?.status === ProjectStatus.ACTIVE && <TableItems key="tables" project={where.project} search={search} go={go} />;
  async function signOut() {
    await accounts.signOut();
    window.location.assign("/sign-in");
  }
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="enter fixed inset-0 z-40 bg-black/40 dark:bg-black/60" />
        <Dialog.Content
          aria-describedby={undefined}
          onCloseAutoFocus={onClosed}
          className="enter fixed top-[max(12vh,16px)] left-1/2 z-50 w-[calc(100vw-24px)] max-w-[560px] -translate-x-1/2 overflow-hidden rounded-md border border-border bg-raised"
        >
          <Dialog.Title className="sr-only">Go to</Dialog.Title>
          <Command loop label="Go to" filter={match}>
            <Command.Input
              value={text}
              onValueChange={setText}
              placeholder="Go to a page, table or project, or do something"
              className="h-11 w-full border-b border-border bg-transparent px-4 text-base outline-none"
            />
            <Command.List className="max-h-[50vh] overflow-y-auto p-1">
              <Command.Empty className="px-3 py-6 text-sm text-muted">Nothing has that name.</Command.Empty>
              {tablesFirst && tables}
              <Group name="Pages">
                {pages.map(({ href, icon, value }) => (
                  <Item key={href} icon={icon} value={value} onSelect={() => go(href)}>
                    {value}
                  </Item>
                ))}
              </Group>
              {!tablesFirst && tables}
              {where.project?.status === ProjectStatus.ACTIVE && <ProjectActions project={where.project} go={go} onDone={onClose} />}
              {projects.data && projects.data.projects.length > 0 && (
                <Group name="Projects">
                  {projects.data.projects.map((each) => (
                    <Item key={each.ref} icon={icons.project} value={`project ${each.name} ${each.ref}`} onSelect={() => go(`/projects/${each.ref}`)}>
                      {each.name} <span className="ml-auto font-mono text-xs text-faint">{each.ref.slice(0, 8)}</span>
                    </Item>
                  ))}
                </Group>
              )}
              <Group name="Organisations">
                {organizations.data?.map((each) => (
                  <Item key={each.id} icon={icons.organization} value={`organisation ${each.name} ${each.slug}`} onSelect={() => go(`/orgs/${each.slug}/projects`)}>
                    {each.name}
                  </Item>
                ))}
                <Item icon={Plus} value="create organisation" onSelect={() => go("/orgs/new")}>
                  Create organisation
                </Item>
                {where.slug && (
                  <>
                    <Item icon={Plus} value="create project" onSelect={() => go(`/orgs/${where.slug}/projects/new`)}>
                      Create project
                    </Item>
                    <Item icon={UserPlus} value="invite member" onSelect={() => go(`/orgs/${where.slug}/members?invite=true`)}>
                      Invite member
                    </Item>
                  </>
                )}
              </Group>
              <Group name="This console">
                <Item
                  icon={MoonStar}
                  value="theme dark light"
                  onSelect={() => {
                    setTheme(dark ? "light" : "dark");
                    onClose();
                  }}
                >
                  {dark ? "Use the light theme" : "Use the dark theme"}
                </Item>
                <Item
                  icon={Keyboard}
                  value="keyboard shortcuts help"
                  onSelect={() => {
                    onClose();
                    onShortcuts();
                  }}
                >
                  Keyboard shortcuts
                </Item>
                <Item icon={LogOut} value="sign out" onSelect={() => void signOut()}>
                  Sign out
                </Item>
              </Group>
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
