import { useQuery } from "@connectrpc/connect-query";
import { keepPreviousData } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { Check, Plus } from "lucide-react";
import { Popover } from "radix-ui";
import { useDeferredValue, useState, type ReactNode, type RefObject } from "react";
import { match } from "@/components/command-match";
import { ErrorState } from "@/components/error-state";
import { ProjectService } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { shorten } from "@/lib/format";
import { useOrganizations } from "@/lib/organization";

interface Opened {
  /** The button that they are opened from. */
  anchor: RefObject<HTMLButtonElement | null>;
  onClose: () => void;
}

interface Chosen extends Opened {
  slug: string | undefined;
}

/** The caller's organisations, to choose from. */
export function OrganizationChoice({ slug, anchor, onClose }: Chosen) {
  const organizations = useOrganizations();
  const navigate = useNavigate();
  const go = (act: () => Promise<void>) => {
    onClose();
    void act();
  };
  return (
    <Choice
      anchor={anchor}
      onClose={onClose}
      label="Switch organisation"
      placeholder="Find an organisation"
      failed={organizations.isError && <ErrorState error={organizations.error} what="The organisations could not be loaded" onRetry={() => void organizations.refetch()} />}
    >
      <Command.Group>
        {organizations.data?.map((each) => (
          <Item key={each.id} value={`${each.name} ${each.slug}`} current={each.slug === slug} onSelect={() => go(() => navigate({ to: "/orgs/$slug/projects", params: { slug: each.slug } }))}>
            {each.name}
          </Item>
        ))}
      </Command.Group>
      <Last>
        <Item value="all organisations" onSelect={() => go(() => navigate({ to: "/orgs" }))}>
          All organisations
        </Item>
        <Item value="create organisation" onSelect={() => go(() => navigate({ to: "/orgs/new" }))}>
          <Plus aria-hidden /> Create organisation
        </Item>
      </Last>
    </Choice>
  );
}

/** The organisation's projects, to choose from: the server searches, as there may be thousands. */
export function ProjectChoice({ slug, projectRef, anchor, onClose }: Chosen & { projectRef: string }) {
  const [text, setText] = useState("");
  const search = useDeferredValue(text.trim());
  const projects = useQuery(ProjectService.method.listProjects, { organization: slug, pageSize: 50, search: search.slice(0, 80) }, { enabled: Boolean(slug), placeholderData: keepPreviousData });
  const navigate = useNavigate();
  const go = (act: () => Promise<void>) => {
    onClose();
    void act();
  };
  return (
    <Choice
      anchor={anchor}
      onClose={onClose}
      label="Switch project"
      placeholder="Find a project"
      text={text}
      onText={setText}
      failed={projects.isError && <ErrorState error={projects.error} what="The projects could not be loaded" onRetry={() => void projects.refetch()} />}
    >
      <Command.Group>
        {projects.data?.projects.map((each) => (
          <Item
            key={each.id}
            value={`${each.name} ${each.ref}`}
            current={each.ref === projectRef}
            onSelect={() => go(() => navigate({ to: "/projects/$ref", params: { ref: each.ref } }))}
          >
            <span className="min-w-0 flex-1 truncate">{each.name}</span>
            <span className="font-mono text-xs text-faint">{shorten(each.ref)}</span>
          </Item>
        ))}
      </Command.Group>
      {slug && (
        <Last>
          <Item value="all projects" onSelect={() => go(() => navigate({ to: "/orgs/$slug/projects", params: { slug } }))}>
            All projects
          </Item>
          <Item value="create project" onSelect={() => go(() => navigate({ to: "/orgs/$slug/projects/new", params: { slug } }))}>
            <Plus aria-hidden /> Create project
          </Item>
        </Last>
      )}
    </Choice>
  );
}

interface ChoiceProps extends Opened {
  label: string;
  placeholder: string;
  text?: string;
  onText?: (text: string) => void;
  failed: ReactNode;
  children: ReactNode;
}

function Choice({ anchor, onClose, label, placeholder, text, onText, failed, children }: ChoiceProps) {
  return (
    <Popover.Root open onOpenChange={(open) => !open && onClose()}>
      <Popover.Anchor virtualRef={anchor as RefObject<HTMLButtonElement>} />
      <Popover.Portal>
        <Popover.Content
          align="start"
          sideOffset={4}
          collisionPadding={8}
          aria-label={label}
          // The button closes by its own click, and gets the focus back.
          onInteractOutside={(event) => anchor.current?.contains(event.target as Node) && event.preventDefault()}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            anchor.current?.focus();
          }}
          className="enter z-50 w-72 rounded-md border border-border bg-raised"
        >
          <Command loop label={placeholder} filter={match}>
            <Command.Input
              autoFocus
              value={text}
              onValueChange={onText}
              placeholder={placeholder}
              className="h-9 w-full border-b border-border bg-transparent px-3 text-sm outline-none"
            />
            {failed && <div className="p-2">{failed}</div>}
            <Command.List className="max-h-[min(360px,60vh)] overflow-y-auto p-1">
              <Command.Empty className="px-2 py-4 text-sm text-muted">Nothing has that name.</Command.Empty>
              {children}
            </Command.List>
          </Command>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function Last({ children }: { children: ReactNode }) {
  return <Command.Group className="mt-1 border-t border-border pt-1">{children}</Command.Group>;
}

function Item({ value, current, onSelect, children }: { value: string; current?: boolean; onSelect: () => void; children: ReactNode }) {
  return (
    <Command.Item
      value={value}
      onSelect={onSelect}
      aria-current={current || undefined}
      className="flex h-8 items-center gap-2 rounded px-2 text-sm data-[selected=true]:bg-hover [&_svg]:size-4 [&_svg]:text-faint"
    >
      {children}
      {current && <Check aria-label="the one that is open" className="ml-auto" />}
    </Command.Item>
  );
}
