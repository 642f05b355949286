import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Ellipsis, Plus, RefreshCw, Trash2 } from "lucide-react";
import { useCallback, useState } from "react";
import { EmptyState } from "@/components/empty-state";
import { Page } from "@/components/page";
import { ProjectData } from "@/components/project-page";
import { SqlPreview, SqlReview } from "@/components/sql-preview";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Menu, MenuContent, MenuItem, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import { IndexName } from "@/features/database/index-name";
import { reindex, unused } from "@/features/database/indexes";
import { NewIndex } from "@/features/database/new-index";
import { Waiting } from "@/features/schema-edit/facts";
import { DropIndex } from "@/features/schema-edit/indexes-sheet";
import { ListBar, ListPager, useListPage, type ListSearch } from "@/features/schema-edit/list";
import type { Index } from "@/lib/catalog";
import { bytes, count } from "@/lib/format";
import type { Names } from "@/lib/pg";
import { useNames } from "@/lib/project-data";
import { moveByArrows } from "@/lib/rows";

const route = getRouteApi("/app/projects/$ref/database/indexes");

export function IndexesPage() {
  return (
    <ProjectData title="Indexes">
      <Indexes />
    </ProjectData>
  );
}

function Indexes() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref/database/indexes" });
  const page = useListPage("indexes", search);
  const { names, schemas } = useNames();
  const [asked, setAsked] = useState<{ index: Index; deed: "drop" | "reindex" }>();
  const change = useCallback((next: ListSearch) => void navigate({ search: (old) => ({ ...old, ...next }), replace: true }), [navigate]);
  const make = (create: boolean) => void navigate({ search: (old) => ({ ...old, create: create || undefined, in: undefined, on: undefined }) });
  const items = page.data?.items;
  const everywhere = search.schema === "*";
  return (
    <Page
      title="Indexes"
      about="What makes reads fast, how large it is, and whether it is used."
      action={
        <Button variant="primary" onClick={() => make(true)}>
          <Plus aria-hidden /> Create index
        </Button>
      }
    >
      <ListBar search={search} onChange={change} label="Filter indexes" />
      <Waiting queries={[page, schemas]} what="The indexes" rows={8} />
      {items?.length === 0 && (
        <EmptyState title={search.page ? "No more indexes" : search.filter ? "No index matches" : `No index in ${everywhere ? "any schema" : (search.schema ?? "public")}`}>
          {search.filter ? "The filter looks at names, in the chosen schema." : <Teach />}
        </EmptyState>
      )}
      {items && names && items.length > 0 && (
        <Table onKeyDown={moveByArrows}>
          <thead>
            <tr>
              <Th>Name</Th>
              <Th>Table</Th>
              <Th>Columns</Th>
              <Th className="text-right">Scans</Th>
              <Th className="text-right">Size</Th>
              <Th>
                <span className="sr-only">Actions</span>
              </Th>
            </tr>
          </thead>
          <tbody>
            {items.map((index) => (
              <Row key={`${index.schema}.${index.name}`} index={index} everywhere={everywhere} onAsk={(deed) => setAsked({ index, deed })} />
            ))}
          </tbody>
        </Table>
      )}
      {items && items.length > 0 && <ListPager search={search} shown={items.length} more={page.data?.next !== undefined} onChange={change} what="index" many="indexes" />}
      {asked && names && <Deed {...asked} names={names} onClose={() => setAsked(undefined)} />}
      {search.create && (
        <NewIndex
          schema={search.in ?? (everywhere ? undefined : (search.schema ?? "public"))}
          table={search.on}
          onTable={(at) => void navigate({ search: (old) => ({ ...old, in: at?.schema, on: at?.name }), replace: true })}
          onClose={() => make(false)}
        />
      )}
    </Page>
  );
}

function Row({ index, everywhere, onAsk }: { index: Index; everywhere: boolean; onAsk: (deed: "drop" | "reindex") => void }) {
  return (
    <Tr>
      <Td className="max-w-80">
        <IndexName index={index} everywhere={everywhere} />
      </Td>
      <Td className="max-w-52 truncate font-mono text-xs">{index.table}</Td>
      <Td className="max-w-72 truncate font-mono text-xs text-muted">
        {index.method !== "btree" && `${index.method} · `}
        {index.columns.join(", ")}
        {index.predicate && ` where ${index.predicate}`}
      </Td>
      <Td className="text-right whitespace-nowrap tabular-nums">
        {unused(index) ? (
          <Tooltip text="Not since the statistics began, and no key needs it">
            <span>
              <Badge tone="warning">unused</Badge>
            </span>
          </Tooltip>
        ) : (
          count(index.scans)
        )}
      </Td>
      <Td className="text-right whitespace-nowrap tabular-nums">{bytes(index.bytes)}</Td>
      <Td className="w-10 text-right">
        <Menu>
          <MenuTrigger asChild>
            <Button variant="ghost" size="small-icon" aria-label={`Actions of ${index.name}`} data-row>
              <Ellipsis />
            </Button>
          </MenuTrigger>
          <MenuContent align="end">
            <MenuItem onSelect={() => onAsk("reindex")}>
              <RefreshCw aria-hidden /> Build anew
            </MenuItem>
            <MenuSeparator />
            <MenuItem danger onSelect={() => onAsk("drop")}>
              <Trash2 aria-hidden /> {index.constraint ? "Drop constraint" : "Drop index"}
            </MenuItem>
          </MenuContent>
        </Menu>
      </Td>
    </Tr>
  );
}

function Deed({ index, deed, names, onClose }: { index: Index; deed: "drop" | "reindex"; names: Names; onClose: () => void }) {
  if (deed === "drop") return <DropIndex index={index} names={names} onDone={onClose} onClose={onClose} />;
  return (
    <SqlReview
      open
      title={`Build ${index.name} anew`}
      sql={reindex(index, names)}
      name={`reindex ${index.name}`}
      about={index.constraint && !index.unique ? "Rows of the table cannot be written meanwhile." : "Rows of the table can be read and written meanwhile."}
      verb="Build anew"
      done={`${index.name} was built anew.`}
      unrecorded
      onDone={onClose}
      onClose={onClose}
    />
  );
}

function Teach() {
  return (
    <>
      <p className="mb-3">Primary and unique keys bring an index with them. Add one for what queries filter, sort and join by:</p>
      <SqlPreview className="text-left" label="Example" sql="create index on notes (user_id, created_at desc);" />
    </>
  );
}
