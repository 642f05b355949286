import { useQuery } from "@connectrpc/connect-query";
import { useLocation } from "@tanstack/react-router";
import { useEffect, useMemo, type ReactNode } from "react";
import { ErrorState } from "@/components/error-state";
import { Page } from "@/components/page";
import { SettingsForm } from "@/components/settings/form";
import { SkeletonRows } from "@/components/ui/skeleton";
import { groupsOf, pages } from "@/lib/auth-pages";
import { ProjectService, type Setting } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useProject, useRefusal } from "@/lib/organization";

export function useSettings(ref: string) {
  return useQuery(ProjectService.method.getSettings, { ref }, { select: (answer) => answer.settings });
}

/** Why the caller may not change a project's settings. */
export function useSettingsRefusal(ref: string): string | undefined {
  return useRefusal(useProject(ref).data?.organization, "manage_projects");
}

interface Props {
  projectRef: string;
  path: string;
  action?: ReactNode;
  children?: ReactNode;
}

/** A page of auth's settings, and what stands below them. */
export function AuthSettingsPage({ projectRef, path, action, children }: Props) {
  const plan = pages.find((each) => each.path === path)!;
  return (
    <Page title={plan.title} about={plan.about} action={action}>
      <SettingsLoaded projectRef={projectRef}>{(settings) => <PageForm projectRef={projectRef} path={path} settings={settings} />}</SettingsLoaded>
      {children}
    </Page>
  );
}

/** Shows what takes the settings once they are there, and says so when they are not. */
export function SettingsLoaded({ projectRef, children }: { projectRef: string; children: (settings: Setting[]) => ReactNode }) {
  const settings = useSettings(projectRef);
  if (settings.data) return children(settings.data);
  if (settings.isError) {
    return <ErrorState error={settings.error} what="The settings could not be loaded" onRetry={() => void settings.refetch()} retrying={settings.isFetching} />;
  }
  return <SkeletonRows rows={6} label="Loading settings" />;
}

export function PageForm({ projectRef, path, settings }: { projectRef: string; path: string; settings: Setting[] }) {
  const refused = useSettingsRefusal(projectRef);
  const groups = useMemo(() => groupsOf(path, settings), [path, settings]);
  useHash();
  return <SettingsForm key={path} projectRef={projectRef} groups={groups} refused={refused} />;
}

/** Scrolls to the setting that the address names. */
function useHash() {
  const { hash } = useLocation();
  useEffect(() => {
    if (hash) document.getElementById(hash)?.scrollIntoView({ block: "center" });
  }, [hash]);
}
