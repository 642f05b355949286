import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { FilterInput } from "@/components/filter-input";
import { NumberedPager } from "@/components/numbered-pager";
import { Page } from "@/components/page";
import { Time } from "@/components/time";
import { Sheet } from "@/components/ui/dialog";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { OfProject, useServed } from "@/features/project-auth/project";
import type { AuditEntry } from "@/lib/auth-admin";
import { exactly } from "@/lib/format";
import { moveByArrows } from "@/lib/rows";

const route = getRouteApi("/app/projects/$ref/auth/audit");
const pageSize = 50;

export function AuthAuditPage() {
  const { ref } = route.useParams();
  return (
    <Page title="Audit log" about="What this project's users did in auth, and what was done to them.">
      <OfProject projectRef={ref}>
        <Entries />
      </OfProject>
    </Page>
  );
}

function Entries() {
  const { project, admin } = useServed();
  const { filter = "", page = 1, event } = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref/auth/audit" });
  const entries = useQuery({
    queryKey: ["auth", project.ref, "audit", page, filter],
    queryFn: ({ signal }) => admin.audit(page, pageSize, filter, signal),
    placeholderData: keepPreviousData,
  });
  const setFilter = useCallback((text: string) => void navigate({ search: (old) => ({ ...old, filter: text || undefined, page: undefined }), replace: true }), [navigate]);
  const list = entries.data?.items;
  const open = (id: string | undefined) => void navigate({ search: (old) => ({ ...old, event: id }) });
  return (
    <>
      <FilterInput value={filter} onChange={setFilter} label="Action, user or address" />
      {entries.isPending && <SkeletonRows rows={8} label="Loading entries" />}
      {entries.isError && <ErrorState error={entries.error} what="The audit log could not be loaded" onRetry={() => void entries.refetch()} retrying={entries.isFetching} />}
      {list?.length === 0 && <EmptyState title={filter ? "No entry matches" : "Nothing happened yet"}>{!filter && "Sign-ups, sign-ins and changes stand here, newest first."}</EmptyState>}
      {list && list.length > 0 && <EntriesTable entries={list} open={open} />}
      {entries.data && (
        <NumberedPager page={page} size={pageSize} shown={entries.data.items.length} total={entries.data.total} what="entry" many="entries" go={(next) => void navigate({ search: { filter: filter || undefined, page: next > 1 ? next : undefined } })} />
      )}
      <EntrySheet entry={list?.find((each) => each.id === event)} onClose={() => open(undefined)} />
    </>
  );
}

const word = (entry: AuditEntry, name: string): string => {
  const value = entry.payload[name];
  return typeof value === "string" ? value : "";
};

/** Whom it was done to, where that is somebody else than who did it. */
const whom = ({ payload: { traits, actor_id: actor } }: AuditEntry): string => {
  if (typeof traits !== "object" || traits === null) return "";
  const of = traits as Record<string, unknown>;
  if (of.user_id === actor) return "";
  const names = [of.user_email, of.user_phone, of.user_id];
  return names.find((name): name is string => typeof name === "string" && name !== "") ?? "";
};

function EntriesTable({ entries, open }: { entries: AuditEntry[]; open: (id: string) => void }) {
  return (
    <Table onKeyDown={moveByArrows}>
      <thead>
        <tr>
          <Th>When</Th>
          <Th>Action</Th>
          <Th>Who</Th>
          <Th>Whom</Th>
          <Th>From</Th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <Tr key={entry.id} className="relative">
            <Td className="w-36 text-muted">
              <Time at={entry.created_at} />
            </Td>
            <Td>
              <button type="button" data-row className="font-mono text-xs whitespace-nowrap text-accent after:absolute after:inset-0" onClick={() => open(entry.id)}>
                {word(entry, "action")}
              </button>
            </Td>
            <Td className="max-w-64 truncate">{word(entry, "actor_username") || word(entry, "actor_id") || <span className="text-faint">—</span>}</Td>
            <Td className="max-w-64 truncate">{whom(entry) || <span className="text-faint">—</span>}</Td>
            <Td className="font-mono text-xs text-muted">{entry.ip_address}</Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}

function EntrySheet({ entry, onClose }: { entry: AuditEntry | undefined; onClose: () => void }) {
  return (
    <Sheet open={Boolean(entry)} onOpenChange={(open) => !open && onClose()} title={entry ? word(entry, "action") : ""} description={entry && exactly(new Date(entry.created_at))}>
      {entry && (
        <div className="flex flex-col gap-3 text-sm">
          {entry.ip_address && (
            <p>
              <span className="text-muted">From</span> <span className="font-mono text-xs">{entry.ip_address}</span>
            </p>
          )}
          <pre className="overflow-x-auto rounded-md border border-border bg-surface p-3 font-mono text-xs">{JSON.stringify(entry.payload, null, 2)}</pre>
        </div>
      )}
    </Sheet>
  );
}
