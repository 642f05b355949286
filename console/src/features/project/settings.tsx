import { useMutation, useQuery } from "@connectrpc/connect-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { ErrorState } from "@/components/error-state";
import { FilterInput } from "@/components/filter-input";
import { LeaveGuard } from "@/components/leave-guard";
import { Page, Section } from "@/components/page";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useToast } from "@/components/ui/toast";
import { ProjectName } from "@/features/project/name";
import { SettingRow } from "@/features/project/setting-row";
import { pageOf } from "@/lib/auth-pages";
import { ProjectService, type Setting } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { counted } from "@/lib/format";
import { useProject, useRefusal } from "@/lib/organization";
import { useInvalidate } from "@/lib/queries";

const { getSettings, updateSettings } = ProjectService.method;
const route = getRouteApi("/app/projects/$ref/settings");

const services: Record<string, string> = { api: "API", rest: "REST", auth: "Auth", storage: "Storage", realtime: "Realtime", functions: "Functions", graphql: "GraphQL" };

export function ProjectSettingsPage() {
  const { ref } = route.useParams();
  const { filter = "" } = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref/settings" });
  const project = useProject(ref);
  const refused = useRefusal(project.data?.organization, "manage_projects");
  const settings = useQuery(getSettings, { ref });
  // What was changed and not saved yet: key to JSON.
  const [changed, setChanged] = useState<Record<string, string>>({});
  const invalidate = useInvalidate();
  const toast = useToast();
  const save = useMutation(updateSettings, {
    onSuccess: async (_, { values }) => {
      await invalidate(getSettings);
      setChanged({});
      toast(`${counted(Object.keys(values ?? {}).length, "setting")} saved. Workers use it within two seconds.`);
    },
  });
  const groups = useMemo(() => grouped(settings.data?.settings ?? [], filter), [settings.data, filter]);
  const change = useCallback((setting: Setting, value: string | undefined) => {
    setChanged((old) => {
      const next = { ...old };
      if (value === undefined || value === setting.value) delete next[setting.key];
      else next[setting.key] = value;
      return next;
    });
  }, []);
  const setFilter = useCallback((text: string) => void navigate({ search: { filter: text || undefined }, replace: true }), [navigate]);
  const pending = Object.keys(changed).length;
  return (
    <Page title="Settings" about="What the project's services do. A setting in bold differs from its default.">
      {project.data && <ProjectName key={project.data.name} project={project.data} refused={refused} />}
      <FilterInput value={filter} onChange={setFilter} label="Filter settings" />
      {refused && <p className="text-sm text-muted">{refused}</p>}
      {settings.isPending && <SkeletonRows rows={8} label="Loading settings" />}
      {settings.isError && (
        <ErrorState error={settings.error} what="The settings could not be loaded" onRetry={() => void settings.refetch()} retrying={settings.isFetching} />
      )}
      {groups.map(([service, list]) => (
        <Section key={service} title={services[service] ?? service}>
          <div className="divide-y divide-border rounded-md border border-border">
            {list.map((setting) => (
              <SettingRow key={setting.key} setting={setting} changed={changed[setting.key]} disabled={Boolean(refused) || save.isPending} onChange={change} />
            ))}
          </div>
        </Section>
      ))}
      {settings.data && <Elsewhere projectRef={ref} settings={settings.data.settings} filter={filter} />}
      {settings.data && groups.length === 0 && !found(settings.data.settings, filter).some(elsewhere) && <p className="text-sm text-muted">No setting matches the filter.</p>}
      <LeaveGuard when={pending > 0 && !save.isPending} />
      {(pending > 0 || save.isError) && (
        <div className="sticky bottom-0 -mx-4 flex flex-col gap-3 border-t border-border bg-background px-4 py-3 md:-mx-8 md:px-8">
          {save.isError && <ErrorState error={save.error} what="Nothing was saved" />}
          <div className="flex items-center gap-2">
            <p className="flex-1 text-sm text-muted" role="status">
              {counted(pending, "change")} not saved
            </p>
            <Button
              onClick={() => {
                save.reset();
                setChanged({});
              }}
            >
              Discard
            </Button>
            <Button variant="primary" busy={save.isPending} disabled={pending === 0} onClick={() => save.mutate({ ref, values: changed })}>
              Save
            </Button>
          </div>
        </div>
      )}
    </Page>
  );
}

function found(settings: Setting[], filter: string): Setting[] {
  const text = filter.trim().toLowerCase();
  return settings.filter((setting) => `${setting.key} ${setting.description}`.toLowerCase().includes(text));
}

/** Whether a setting stands on a page of its own service. */
const elsewhere = (setting: Setting): boolean => pageOf(setting.key) !== undefined;

function grouped(settings: Setting[], filter: string): [string, Setting[]][] {
  const out = new Map<string, Setting[]>();
  for (const setting of found(settings, filter)) {
    if (elsewhere(setting)) continue;
    const service = setting.key.split(".", 1)[0]!;
    out.set(service, [...(out.get(service) ?? []), setting]);
  }
  return [...out];
}

/** How many of the other pages' settings are named. */
const mostLinks = 12;

/** Leads to the pages of auth, whose settings are too many for here. A filter finds them too. */
function Elsewhere({ projectRef, settings, filter }: { projectRef: string; settings: Setting[]; filter: string }) {
  const matches = filter.trim() ? found(settings, filter).filter(elsewhere) : [];
  if (filter.trim() && matches.length === 0) return null;
  return (
    <Section title="Auth" about={matches.length === 0 && "Users, sign-in, mails and tokens have pages of their own."}>
      {matches.length === 0 ? (
        <Link to="/projects/$ref/auth/$page" params={{ ref: projectRef, page: "methods" }} className="w-fit text-sm text-accent underline underline-offset-2">
          Go to Auth
        </Link>
      ) : (
        <ul className="divide-y divide-border rounded-md border border-border">
          {matches.slice(0, mostLinks).map((setting) => (
            <li key={setting.key} className="relative px-4 py-2 hover:bg-hover/60">
              <Link
                to="/projects/$ref/auth/$page"
                params={{ ref: projectRef, page: pageOf(setting.key)!.path }}
                hash={setting.key}
                className="font-mono text-xs text-accent after:absolute after:inset-0"
              >
                {setting.key}
              </Link>
              <p className="text-xs text-muted">{setting.description}</p>
            </li>
          ))}
          {matches.length > mostLinks && <li className="px-4 py-2 text-xs text-muted">and {counted(matches.length - mostLinks, "more", "more")}</li>}
        </ul>
      )}
    </Section>
  );
}
