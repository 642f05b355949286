import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { EmptyState } from "@/components/empty-state";
import { FilterInput } from "@/components/filter-input";
import { NumberedPager } from "@/components/numbered-pager";
import { Page } from "@/components/page";
import { ProjectData } from "@/components/project-page";
import { Badge } from "@/components/ui/badge";
import { Select } from "@/components/ui/input";
import { Switch } from "@/components/ui/switch";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import { DisableExtension, EnableExtension } from "@/features/database/extension-dialogs";
import { Waiting } from "@/features/schema-edit/facts";
import { Isolation } from "@/gen/fluxbase/controlplane/v1/project_pb";
import type { Extension } from "@/lib/catalog";
import { useCatalog, useHere } from "@/lib/project-data";
import { moveByArrows } from "@/lib/rows";

const route = getRouteApi("/app/projects/$ref/database/extensions");

const pageSize = 50;

export function ExtensionsPage() {
  return (
    <ProjectData title="Extensions">
      <Extensions />
    </ProjectData>
  );
}

function Extensions() {
  const { project } = useHere();
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref/database/extensions" });
  const extensions = useCatalog("extensions", { search: search.filter });
  const change = useCallback((next: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, page: undefined, ...next }), replace: true }), [navigate]);
  const filter = useCallback((text: string) => change({ filter: text || undefined }), [change]);
  const open = (extension: string | undefined) => void navigate({ search: (old) => ({ ...old, extension }) });
  // What is enabled stands first.
  const all = (extensions.data ?? []).filter((each) => search.show !== "enabled" || each.installed_version).toSorted((one, other) => Number(Boolean(other.installed_version)) - Number(Boolean(one.installed_version)));
  const page = search.page ?? 1;
  const items = all.slice((page - 1) * pageSize, page * pageSize);
  const chosen = all.find((each) => each.name === search.extension);
  const shared = project.isolation === Isolation.SCHEMA;
  return (
    <Page title="Extensions" about="Functions and types that others wrote for Postgres.">
      <div className="flex flex-wrap gap-2">
        <FilterInput value={search.filter ?? ""} onChange={filter} label="Filter by name or purpose" />
        <Select aria-label="Show" className="w-44 max-sm:w-full" value={search.show ?? ""} onChange={(event) => change({ show: event.target.value === "enabled" ? "enabled" : undefined })}>
          <option value="">Available and enabled</option>
          <option value="enabled">Enabled</option>
        </Select>
      </div>
      {shared && <p className="rounded-md border border-border bg-surface px-3 py-2 text-sm text-muted">This project shares its database with others, where only the operator enables extensions. A project with a database of its own can enable those that are trusted.</p>}
      <Waiting queries={[extensions]} what="The extensions" rows={8} />
      {extensions.data && all.length === 0 && <EmptyState title={search.filter ? "No extension matches" : "No extension is enabled"}>{search.filter ? "The filter looks at names and what they are for." : "Choose “Available and enabled” to see which can be."}</EmptyState>}
      {items.length > 0 && (
        <Table onKeyDown={moveByArrows}>
          <thead>
            <tr>
              <Th>Enabled</Th>
              <Th>Name</Th>
              <Th>Version</Th>
              <Th>Schema</Th>
              <Th>What it is</Th>
            </tr>
          </thead>
          <tbody>
            {items.map((each) => (
              <Tr key={each.name}>
                <Td className="w-20">
                  <Toggle extension={each} shared={shared} onToggle={() => open(each.name)} />
                </Td>
                <Td className="font-mono text-xs font-medium whitespace-nowrap">{each.name}</Td>
                <Td className="font-mono text-xs whitespace-nowrap">
                  {each.installed_version ?? <span className="text-muted">{each.default_version}</span>}
                  {each.installed_version && each.installed_version !== each.default_version && (
                    <Tooltip text={`Version ${each.default_version} is there`}>
                      <span className="ml-2">
                        <Badge>older</Badge>
                      </span>
                    </Tooltip>
                  )}
                </Td>
                <Td className="font-mono text-xs">{each.schema}</Td>
                <Td className="min-w-64 text-muted">{each.comment}</Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
      {all.length > pageSize && <NumberedPager page={page} size={pageSize} shown={items.length} total={all.length} what="extension" go={(next) => change({ page: next > 1 ? next : undefined })} />}
      {chosen && !chosen.installed_version && chosen.allowed && <EnableExtension extension={chosen} onClose={() => open(undefined)} />}
      {chosen && chosen.installed_version && chosen.owned && <DisableExtension extension={chosen} onClose={() => open(undefined)} />}
    </Page>
  );
}

/** Why it cannot be switched; undefined when it can. */
export function refusalOf(extension: Extension, shared: boolean): string | undefined {
  if (extension.installed_version) return extension.owned ? undefined : "It was enabled by the operator, who alone can disable it.";
  if (extension.allowed) return undefined;
  return shared ? "In a shared database only the operator enables extensions." : "It is not trusted: it could reach the server's files or other projects. Only the operator can enable it.";
}

function Toggle({ extension, shared, onToggle }: { extension: Extension; shared: boolean; onToggle: () => void }) {
  const refused = refusalOf(extension, shared);
  return (
    <Tooltip text={refused}>
      <span className="inline-flex" title={undefined}>
        <Switch
          data-row
          aria-label={`${extension.name}${refused ? `: ${refused}` : ""}`}
          checked={Boolean(extension.installed_version)}
          aria-disabled={Boolean(refused)}
          className={refused ? "cursor-not-allowed opacity-50" : undefined}
          onCheckedChange={() => !refused && onToggle()}
        />
      </span>
    </Tooltip>
  );
}
