import type { SQLNamespace } from "@codemirror/lang-sql";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { Play, Square } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Page, useTitle } from "@/components/page";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { SqlEditor, type Editor } from "@/features/sql/editor";
import { example } from "@/features/sql/example";
import { Results } from "@/features/sql/results";
import { useRun } from "@/features/sql/run";
import { ProjectStatus, type Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import type { CatalogColumn } from "@/lib/catalog";
import { SqlError, useMeta } from "@/lib/meta";
import { useProject, useRefusal } from "@/lib/organization";

const route = getRouteApi("/app/projects/$ref/sql");
const apple = /Mac|iPhone|iPad/.test(navigator.platform);

export function SqlPage() {
  const { ref } = route.useParams();
  const project = useProject(ref);
  const refused = useRefusal(project.data?.organization, "run_projects");
  if (project.data?.status === ProjectStatus.ACTIVE && !refused) return <Workbench key={ref} project={project.data} />;
  return (
    <Page title="SQL editor">
      {project.isPending && <SkeletonRows rows={6} label="Loading the project" />}
      {project.isError && <ErrorState error={project.error} what="The project could not be loaded" onRetry={() => void project.refetch()} />}
      {project.data && (
        <EmptyState
          title={refused ? "Not allowed" : "The project is not active"}
          action={
            <Button asChild>
              <Link to="/projects/$ref" params={{ ref }}>
                Project home
              </Link>
            </Button>
          }
        >
          {refused ?? "SQL runs when it is. Its home page shows what it is doing."}
        </EmptyState>
      )}
    </Page>
  );
}

function Workbench({ project }: { project: Project }) {
  useTitle(`SQL editor · ${project.name}`);
  const { result } = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref/sql" });
  const draft = `fluxbase-sql-${project.ref}`;
  const [initial] = useState(() => localStorage.getItem(draft) ?? "");
  const [empty, setEmpty] = useState(!initial.trim());
  const [selected, setSelected] = useState(false);
  const editor = useRef<Editor>(null);
  const meta = useMeta(project.ref, project.pathUrl);
  const { run, start, cancel } = useRun(meta);
  const queries = useQueryClient();
  const columns = useQuery({ queryKey: ["catalog", project.ref], queryFn: ({ signal }) => meta.columns(signal), staleTime: 30_000 });
  const catalog = useMemo(() => (columns.isPending ? undefined : namespace(columns.data ?? [])), [columns.isPending, columns.data]);
  const refreshCatalog = useCallback(async () => {
    const queryKey = ["catalog", project.ref];
    // An answer still under way may be older than what was just run; a first one would otherwise be waited for, and kept.
    await queries.cancelQueries({ queryKey });
    await queries.refetchQueries({ queryKey });
  }, [queries, project.ref]);

  const runChosen = useCallback(async () => {
    const { text, from } = editor.current!.chosen();
    if (!text.trim()) return;
    editor.current!.unmark();
    void navigate({ search: {}, replace: true });
    const next = await start(text);
    if (next.state === "failed" && next.error instanceof SqlError && next.error.offset !== undefined) {
      editor.current?.mark(from + codeUnits(text, next.error.offset), next.error.message);
    }
    if (next.state === "done" && next.results.some((each) => /^(create|alter|drop|comment)/i.test(each.command))) void refreshCatalog();
  }, [navigate, start, refreshCatalog]);

  const change = useCallback(
    (text: string) => {
      localStorage.setItem(draft, text);
      setEmpty(!text.trim());
    },
    [draft],
  );
  useEffect(() => cancel, [cancel]);

  const running = run.state === "running";
  return (
    <div className="flex h-full min-h-[480px] flex-col">
      <div className="flex min-h-12 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-border px-4 py-2">
        <h1 className="text-base font-semibold">SQL editor</h1>
        <p className="min-w-0 flex-1 truncate text-xs text-muted max-sm:hidden">Runs as the project&rsquo;s owner: row level security does not apply to it.</p>
        {empty && (
          <Button
            onClick={() => {
              editor.current?.replace(example);
              editor.current?.focus();
            }}
            className="max-sm:ml-auto"
          >
            Insert an example
          </Button>
        )}
        {running ? (
          <Button onClick={cancel} variant="danger" className="max-sm:ml-auto">
            <Square aria-hidden /> Cancel
          </Button>
        ) : (
          <Button variant="primary" disabled={empty} onClick={() => void runChosen()} className={empty ? undefined : "max-sm:ml-auto"}>
            <Play aria-hidden /> {selected ? "Run selection" : "Run"}
            <kbd className="ml-1 font-mono text-xs opacity-75 max-sm:hidden">{apple ? "⌘↵" : "Ctrl ↵"}</kbd>
          </Button>
        )}
      </div>
      <div className="h-[45%] min-h-40 shrink-0 resize-y overflow-hidden border-b border-border">
        <SqlEditor ref={editor} initial={initial} catalog={catalog} onChange={change} onSelection={setSelected} onRun={() => void runChosen()} />
      </div>
      <div className="min-h-0 flex-1">
        <Results
          run={run}
          shown={result}
          onShow={(index) => void navigate({ search: { result: index }, replace: true })}
          onRetry={() => void runChosen()}
        />
      </div>
    </div>
  );
}

/** Postgres counts characters; the editor counts UTF-16 units. */
function codeUnits(text: string, characters: number): number {
  return Array.from(text).slice(0, characters).join("").length;
}

function namespace(columns: CatalogColumn[]): SQLNamespace {
  const out: Record<string, Record<string, { label: string; detail: string; type: string }[]>> = {};
  for (const { schema, table, name, type } of columns) {
    const tables = (out[schema] ??= {});
    (tables[table] ??= []).push({ label: name, detail: type, type: "property" });
  }
  return out;
}
