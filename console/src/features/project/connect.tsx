import { useQuery } from "@connectrpc/connect-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Eye, EyeOff } from "lucide-react";
import { Tabs } from "radix-ui";
import { useState } from "react";
import { CopyButton } from "@/components/copy-button";
import { Section } from "@/components/page";
import { Button } from "@/components/ui/button";
import { Skeleton } from "@/components/ui/skeleton";
import { Switch } from "@/components/ui/switch";
import { keyToUse } from "@/features/project/key-choice";
import { snippets } from "@/features/project/snippets";
import { KeyService, KeyType } from "@/gen/fluxbase/controlplane/v1/key_pb";
import { Isolation, ProjectService, type Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useRefusal } from "@/lib/organization";

const route = getRouteApi("/app/projects/$ref/");

/** Snippets with the project's real values. */
export function Connect({ project }: { project: Project }) {
  const { snippet, by } = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref" });
  const [shown, setShown] = useState(false);
  const refused = useRefusal(project.organization, "run_projects");
  const keys = useQuery(KeyService.method.listKeys, { ref: project.ref, pageSize: 200 });
  const info = useQuery(ProjectService.method.getConnectionInfo, { ref: project.ref }, { enabled: !refused, staleTime: 60_000 });
  const key = keyToUse(keys.data?.keys, KeyType.PUBLISHABLE)?.display ?? "YOUR_PUBLISHABLE_KEY";
  const all = snippets({ url: by === "path" ? project.pathUrl : project.url, key, databaseUrl: info.data?.databaseUrl ?? "" });
  const current = all.find((each) => each.id === snippet) ?? all[0]!;
  const masked = current.id === "psql" && !shown;
  return (
    <Section
      title="Connect"
      about="With this project's own values. Where a machine cannot resolve the project's host, use the URL by path."
      action={
        <label htmlFor="url-by-path" className="flex items-center gap-2 text-sm text-muted">
          <Switch
            id="url-by-path"
            checked={by === "path"}
            onCheckedChange={(on) => void navigate({ search: (old) => ({ ...old, by: on ? ("path" as const) : undefined }), replace: true })}
          />
          URL by path
        </label>
      }
    >
      {keys.isPending ? (
        <Skeleton className="delayed h-40" />
      ) : (
        <Tabs.Root
          value={current.id}
          onValueChange={(id) => void navigate({ search: (old) => ({ ...old, snippet: id }), replace: true })}
          className="rounded-md border border-border"
        >
          <div className="flex items-center border-b border-border bg-surface pr-1">
            <Tabs.List aria-label="Client" className="flex flex-1 overflow-x-auto">
              {all.map((each) => (
                <Tabs.Trigger
                  key={each.id}
                  value={each.id}
                  className="h-9 border-b-2 border-transparent px-3 text-sm text-muted hover:text-foreground focus-visible:-outline-offset-2 data-[state=active]:border-accent data-[state=active]:text-foreground"
                >
                  {each.name}
                </Tabs.Trigger>
              ))}
            </Tabs.List>
            {current.id === "psql" && (
              <Button variant="ghost" size="small" onClick={() => setShown(!shown)}>
                {shown ? <EyeOff aria-hidden /> : <Eye aria-hidden />}
                {shown ? "Hide" : "Show"}
              </Button>
            )}
            <CopyButton value={current.code} what="snippet" label="Copy" />
          </div>
          <Tabs.Content value={current.id} className="outline-none">
            <pre className="overflow-x-auto px-4 py-3 font-mono text-xs leading-5" data-testid="snippet">
              {masked ? current.code.replace(/(:\/\/[^:]+:)[^@]+@/, "$1••••••••@") : current.code}
            </pre>
            <p className="border-t border-border px-4 py-2 text-xs text-muted">{current.note}</p>
          </Tabs.Content>
        </Tabs.Root>
      )}
      {project.isolation === Isolation.SCHEMA && (
        <p className="text-xs text-muted">A project in a shared database has no database login of its own, hence no psql. The SQL editor works.</p>
      )}
    </Section>
  );
}
