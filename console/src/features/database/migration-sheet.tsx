import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { CodeEditor } from "@/components/code-editor";
import { CopyButton } from "@/components/copy-button";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Sheet } from "@/components/ui/dialog";
import { useWho } from "@/features/database/members";
import { fileName, fileText, folder, save, timeOf } from "@/features/database/migration-files";
import { Gone, Waiting } from "@/features/schema-edit/facts";
import type { Migration } from "@/lib/catalog";
import { counted } from "@/lib/format";
import { useHere } from "@/lib/project-data";

const route = getRouteApi("/app/projects/$ref/database/migrations/$version");

/** What one migration ran, beside the list. */
export function MigrationSheet() {
  const { ref, version } = route.useParams();
  const search = route.useSearch();
  const { project, meta } = useHere();
  const navigate = useNavigate();
  const list = useQuery({
    queryKey: ["catalog", project.ref, "migrations", "one", version],
    // The search looks at more than versions.
    queryFn: async ({ signal }) => (await meta.all("migrations", { search: version }, signal)).find((each) => each.version === version) ?? null,
    staleTime: 60_000,
  });
  const migration = list.data;
  return (
    <Sheet
      open
      onOpenChange={(open) => !open && void navigate({ to: "/projects/$ref/database/migrations", params: { ref }, search })}
      title={migration ? migration.name || `Migration ${version}` : "Migration"}
      description={migration && `Version ${version}`}
      className="max-w-[760px]"
    >
      <Waiting queries={[list]} what="The migration" />
      {migration === null && <Gone what={`migration ${version}`}>It was taken out of the list, or the address is mistyped.</Gone>}
      {migration && <Body migration={migration} />}
    </Sheet>
  );
}

function Body({ migration }: { migration: Migration }) {
  const who = useWho();
  const { statements } = migration;
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <dl className="grid flex-1 grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
          <dt className="text-muted">Ran</dt>
          <dd>
            <Time at={timeOf(migration)} never="not known" />
          </dd>
          <dt className="text-muted">By</dt>
          <dd className="break-all">{migration.created_by ? who(migration.created_by) : "another tool"}</dd>
          <dt className="text-muted">File</dt>
          <dd className="font-mono text-xs break-all">
            {folder}/{fileName(migration)}
          </dd>
        </dl>
        <Button disabled={statements.length === 0} onClick={() => save(fileName(migration), fileText(migration), "application/sql")}>
          <Download aria-hidden /> Download
        </Button>
      </div>
      <h3 className="text-sm font-semibold">{counted(statements.length, "statement")}</h3>
      {statements.length === 0 && <p className="text-sm text-muted">The tool that ran it wrote down no SQL.</p>}
      <ol className="flex flex-col gap-3">
        {statements.map((sql, number) => (
          <li key={number} className="relative">
            <CodeEditor language="sql" readOnly value={sql} minLines={1} maxLines={30} ariaLabel={`Statement ${number + 1}`} />
            <CopyButton value={sql} what={`statement ${number + 1}`} className="absolute top-0.5 right-0.5 bg-background" />
          </li>
        ))}
      </ol>
    </div>
  );
}
