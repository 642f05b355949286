import { useQuery as useMethod } from "@connectrpc/connect-query";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import { CopyButton } from "@/components/copy-button";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Select } from "@/components/ui/input";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Switch } from "@/components/ui/switch";
import { loginOf, masked, type Login } from "@/features/project/connect/database";
import { groups, type File, type Way } from "@/features/project/connect/values";
import { ways } from "@/features/project/connect/ways";
import { keyToUse } from "@/features/project/key-choice";
import { KeyService, KeyType } from "@/gen/fluxbase/controlplane/v1/key_pb";
import { Isolation, ProjectService, ProjectStatus, type Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { cn } from "@/lib/cn";
import { useMeta } from "@/lib/meta";
import { useProject, useRefusal } from "@/lib/organization";
import { byPath } from "@/lib/project";

const route = getRouteApi("/app/projects/$ref");

/** How to connect to the project with its real values, above any of its pages: the URL says which way. */
export function ConnectDialog() {
  const { ref } = route.useParams();
  const navigate = useNavigate();
  const project = useProject(ref);
  const close = () => void navigate({ to: ".", search: (old) => ({ ...old, connect: undefined, by: undefined }), resetScroll: false });
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && close()}
      title="Connect"
      description="With this project's own values, ready to paste."
      className="top-[max(5vh,12px)] max-h-[88vh] max-w-[960px]"
    >
      {project.data && <Ways project={project.data} />}
      {project.isPending && <SkeletonRows rows={6} label="Loading the project" />}
      {project.isError && <ErrorState error={project.error} what="The project could not be loaded" onRetry={() => void project.refetch()} retrying={project.isFetching} />}
    </Dialog>
  );
}

function Ways({ project }: { project: Project }) {
  const { connect, by } = route.useSearch();
  const navigate = useNavigate();
  const refused = useRefusal(project.organization, "run_projects");
  const keys = useMethod(KeyService.method.listKeys, { ref: project.ref, pageSize: 200 });
  const info = useMethod(ProjectService.method.getConnectionInfo, { ref: project.ref }, { enabled: !refused, staleTime: 60_000 });
  const table = useFirstTable(project, !refused);
  const failed = keys.error ?? info.error;
  if (failed) return <ErrorState error={failed} what="The project's values could not be loaded" onRetry={() => void Promise.all([keys.refetch(), info.refetch()])} retrying={keys.isFetching || info.isFetching} />;
  if (keys.isPending || (!refused && info.isPending)) return <SkeletonRows rows={6} label="Loading the project's values" />;
  const login = loginOf(info.data?.databaseUrl ?? "");
  const key = keyToUse(keys.data?.keys, KeyType.PUBLISHABLE)?.display ?? "YOUR_PUBLISHABLE_KEY";
  const path = by ? by === "path" : byPath(project);
  const all = ways({ url: path ? project.pathUrl : project.url, key, table, login });
  const chosen = all.find(({ id }) => id === connect) ?? all.find(({ id }) => id === "supabase-js")!;
  const choose = (id: string) => void navigate({ to: ".", search: (old) => ({ ...old, connect: id }), replace: true, resetScroll: false });
  return (
    <div className="grid gap-x-6 gap-y-4 md:grid-cols-[11rem_minmax(0,1fr)]">
      <Choice all={all} chosen={chosen} onChoose={choose} />
      <div className="flex min-w-0 flex-col gap-3">
        <Shown key={chosen.id} way={chosen} login={login} />
        {!["Database", "ORMs"].includes(chosen.group) && (
          <label htmlFor="url-by-path" className="flex items-center gap-2 text-sm text-muted">
            <Switch
              id="url-by-path"
              checked={path}
              onCheckedChange={(on) => void navigate({ to: ".", search: (old) => ({ ...old, by: on ? ("path" as const) : ("host" as const) }), replace: true, resetScroll: false })}
            />
            URL by path
            <span className="text-xs">for machines that cannot resolve the project&rsquo;s own host</span>
          </label>
        )}
        <Notes project={project} refused={refused} />
      </div>
    </div>
  );
}

/** A table of the project that snippets can be about. */
function useFirstTable(project: Project, allowed: boolean): string {
  const meta = useMeta(project.ref, project.pathUrl);
  const tables = useQuery({
    queryKey: ["catalog", project.ref, "tables", "first"],
    queryFn: ({ signal }) => meta.page("tables", { schema: "public" }, 1, 0, signal),
    enabled: allowed && project.status === ProjectStatus.ACTIVE,
    staleTime: 30_000,
  });
  return tables.data?.items[0]?.name ?? "notes";
}

interface ChoiceProps {
  all: Way[];
  chosen: Way;
  onChoose: (id: string) => void;
}

function Choice({ all, chosen, onChoose }: ChoiceProps) {
  const of = (group: string) => all.filter((way) => way.group === group);
  return (
    <>
      <Select aria-label="Way to connect" className="md:hidden" value={chosen.id} onChange={(event) => onChoose(event.target.value)}>
        {groups.filter((group) => of(group).length > 0).map((group) => (
          <optgroup key={group} label={group}>
            {of(group).map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </optgroup>
        ))}
      </Select>
      <nav aria-label="Ways to connect" className="hidden flex-col gap-3 md:flex">
        {groups.filter((group) => of(group).length > 0).map((group) => (
          <div key={group}>
            <p className="px-2 pb-1 text-xs text-muted">{group}</p>
            {of(group).map(({ id, name }) => (
              <button
                key={id}
                type="button"
                aria-current={id === chosen.id}
                onClick={() => onChoose(id)}
                className={cn("flex h-7 w-full items-center rounded px-2 text-left text-sm hover:bg-hover", id === chosen.id ? "bg-hover font-medium" : "text-muted")}
              >
                {name}
              </button>
            ))}
          </div>
        ))}
      </nav>
    </>
  );
}

function Shown({ way, login }: { way: Way; login: Login | undefined }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <div className="flex flex-wrap items-start gap-x-4 gap-y-2">
        <div className="min-w-0 flex-1 basis-60">
          <h3 className="font-medium">{way.name}</h3>
          <p className="text-sm text-muted">{way.about}</p>
        </div>
        {way.secret && (
          <Button size="small" onClick={() => setOpen(!open)}>
            {open ? <EyeOff aria-hidden /> : <Eye aria-hidden />}
            {open ? "Hide the password" : "Show the password"}
          </Button>
        )}
      </div>
      <div className="flex flex-col gap-3" data-testid="snippet">
        {way.files.map((file) => (
          <Code key={file.name} file={file} shown={open ? file.code : masked(file.code, login)} />
        ))}
      </div>
    </>
  );
}

function Code({ file, shown }: { file: File; shown: string }) {
  return (
    <div className="overflow-hidden rounded-md border border-border">
      <div className="flex h-8 items-center border-b border-border bg-surface pr-0.5 pl-3">
        <span className="min-w-0 flex-1 truncate font-mono text-xs text-muted">{file.name}</span>
        <CopyButton value={file.code} what={file.name === "Shell" ? "commands" : file.name} label="Copy" />
      </div>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls sideways must be reached by the keyboard */}
      <pre className="overflow-x-auto px-3 py-2.5 font-mono text-xs leading-5 focus-visible:-outline-offset-2" role="region" aria-label={file.name} tabIndex={0}>
        {shown}
      </pre>
    </div>
  );
}

function Notes({ project, refused }: { project: Project; refused: string | undefined }) {
  return (
    <div className="flex flex-col gap-1 text-xs text-muted">
      <p>
        The publishable key may be in any app: row level security decides what it reads. Secret keys are under{" "}
        <Link to="/projects/$ref/keys" params={{ ref: project.ref }} className="text-accent underline underline-offset-2">
          API keys
        </Link>
        .
      </p>
      {project.isolation === Isolation.SCHEMA && <p>A project in a shared database has no database login of its own, hence no psql and no ORMs. The SQL editor works.</p>}
      {refused && <p>The database&rsquo;s login is not shown. {refused}</p>}
    </div>
  );
}
