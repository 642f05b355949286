import { useQuery as useMethod } from "@connectrpc/connect-query";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ClipboardCopy, Eye, Plug, Plus, Table2, Terminal } from "lucide-react";
import { Group, Item } from "@/components/command-items";
import { useToast } from "@/components/ui/toast";
import { keyToUse } from "@/features/project/key-choice";
import { KeyService, KeyType } from "@/gen/fluxbase/controlplane/v1/key_pb";
import type { Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useMeta } from "@/lib/meta";
import { useRefusal } from "@/lib/organization";

interface Props {
  project: Project;
  go: (href: string) => void;
}

/** The project's tables and views, found by the server: there may be thousands. */
export function TableItems({ project, search, go }: Props & { search: string }) {
  const meta = useMeta(project.ref, project.pathUrl);
  const refused = useRefusal(project.organization, "run_projects");
  const tables = useQuery({
    queryKey: ["catalog", project.ref, "tables", "found", search],
    queryFn: ({ signal }) => meta.page("tables", { search }, 50, 0, signal),
    enabled: !refused,
    staleTime: 30_000,
    placeholderData: keepPreviousData,
  });
  if (!tables.data || tables.data.items.length === 0) return null;
  return (
    <Group name="Tables and views">
      {tables.data.items.map(({ schema, name, kind }) => (
        <Item
          key={`${schema}.${name}`}
          icon={kind.endsWith("view") ? Eye : Table2}
          value={`table ${schema}.${name}`}
          onSelect={() => go(`/projects/${project.ref}/tables/${encodeURIComponent(schema)}/${encodeURIComponent(name)}`)}
        >
          <span className="truncate">
            <span className="text-faint">{schema}.</span>
            {name}
          </span>
        </Item>
      ))}
    </Group>
  );
}

/** What can be done with the project from anywhere. */
export function ProjectActions({ project, go, onDone }: Props & { onDone: () => void }) {
  const toast = useToast();
  const refused = useRefusal(project.organization, "run_projects");
  const keys = useMethod(KeyService.method.listKeys, { ref: project.ref, pageSize: 200 });
  const key = keyToUse(keys.data?.keys, KeyType.PUBLISHABLE)?.display;
  const base = `/projects/${project.ref}`;
  async function copy(what: string, value: string) {
    onDone();
    await navigator.clipboard.writeText(value).then(
      () => toast(`${what} copied`),
      () => toast(`The browser did not let it be copied: ${value}`),
    );
  }
  return (
    <Group name="Actions">
      {!refused && (
        <>
          <Item icon={Plus} value="create new table" onSelect={() => go(`${base}/tables?edit=new-table`)}>
            Create table
          </Item>
          <Item icon={Terminal} value="new query sql" onSelect={() => go(`${base}/sql`)}>
            Write a query
          </Item>
        </>
      )}
      <Item icon={Plug} value="connect snippets psql supabase-js" onSelect={() => go(`${base}?connect=supabase-js`)}>
        Connect an app
      </Item>
      <Item icon={ClipboardCopy} value="copy project url" onSelect={() => void copy("The project's URL is", project.url)}>
        Copy the project&rsquo;s URL
      </Item>
      {key && (
        <Item icon={ClipboardCopy} value="copy publishable key" onSelect={() => void copy("The publishable key is", key)}>
          Copy the publishable key
        </Item>
      )}
      <Item icon={ClipboardCopy} value="copy project ref" onSelect={() => void copy("The ref is", project.ref)}>
        Copy the project&rsquo;s ref
      </Item>
    </Group>
  );
}
