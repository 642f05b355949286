import { useQuery } from "@connectrpc/connect-query";
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { CopyButton } from "@/components/copy-button";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { FilterInput } from "@/components/filter-input";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Sheet } from "@/components/ui/dialog";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { AuditService, type AuditEvent } from "@/gen/fluxbase/controlplane/v1/audit_pb";
import { dateOf, exactly } from "@/lib/format";

export interface AuditSearch {
  action?: string;
  actor?: string;
  after?: string;
  /** The event whose details are open. */
  event?: string;
}

interface Props {
  /** The organisation's slug; empty for the platform's own events. */
  organization: string;
  search: AuditSearch;
  /** Changes what is named. */
  onSearch: (search: AuditSearch, replace?: boolean) => void;
}

export function AuditPage({ organization, search, onSearch }: Props) {
  const { action = "", actor = "", after = "", event } = search;
  const events = useQuery(
    AuditService.method.listAuditEvents,
    { organization, action, actor, pageSize: 50, pageToken: after },
    { placeholderData: keepPreviousData },
  );
  const list = events.data?.events;
  const filtered = Boolean(action || actor);
  return (
    <Page
      title="Audit log"
      about={organization ? "Who did what in this organisation. Each entry is written together with the change it records." : "What operators did, and what concerns no single organisation."}
    >
      <div className="flex flex-wrap gap-2">
        <FilterInput value={action} onChange={(text) => onSearch({ action: text || undefined, after: undefined }, true)} label="Action, for example project" />
        <FilterInput first={false} value={actor} onChange={(text) => onSearch({ actor: text || undefined, after: undefined }, true)} label="Email of who did it" />
        {filtered && <Button onClick={() => onSearch({ action: undefined, actor: undefined, after: undefined })}>Clear</Button>}
      </div>
      {events.isPending && <SkeletonRows rows={8} label="Loading events" />}
      {events.isError && (
        <ErrorState error={events.error} what="The audit log could not be loaded" onRetry={() => void events.refetch()} retrying={events.isFetching} />
      )}
      {list?.length === 0 && <EmptyState title={filtered ? "No event matches" : "Nothing happened yet"}>{filtered ? "The action must match whole, or by its first part." : "Changes stand here, newest first."}</EmptyState>}
      {list && list.length > 0 && <EventsTable events={list} open={(id) => onSearch({ event: id })} />}
      {events.data && <Pager token={after || undefined} next={events.data.nextPageToken} go={(token) => onSearch({ after: token, event: undefined })} />}
      <EventSheet event={list?.find((each) => each.id === event)} onClose={() => onSearch({ event: undefined })} />
    </Page>
  );
}

function EventsTable({ events, open }: { events: AuditEvent[]; open: (id: string) => void }) {
  return (
    <Table>
      <thead>
        <tr>
          <Th>When</Th>
          <Th>Action</Th>
          <Th>What</Th>
          <Th>Who</Th>
        </tr>
      </thead>
      <tbody>
        {events.map((event) => (
          <Tr key={event.id} className="relative">
            <Td className="w-36 text-muted">
              <Time at={event.createTime} />
            </Td>
            <Td>
              <button type="button" className="font-mono text-xs whitespace-nowrap text-accent after:absolute after:inset-0" onClick={() => open(event.id)}>
                {event.action}
              </button>
            </Td>
            <Td className="max-w-64 truncate font-mono text-xs text-muted">{event.target}</Td>
            <Td className="whitespace-nowrap">{event.actorEmail || <span className="text-faint">Fluxbase</span>}</Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}

function EventSheet({ event, onClose }: { event: AuditEvent | undefined; onClose: () => void }) {
  const date = dateOf(event?.createTime);
  return (
    <Sheet open={Boolean(event)} onOpenChange={(open) => !open && onClose()} title={event?.action ?? ""} description={date && exactly(date)}>
      {event && (
        <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2 text-sm">
          <Entry name="Who">{event.actorEmail || "Fluxbase"}</Entry>
          <Entry name="What" copy={event.target}>
            {event.target}
          </Entry>
          {event.formerOrganization && <Entry name="Organisation">{event.formerOrganization}, deleted since</Entry>}
          {event.ipAddress && <Entry name="From">{event.ipAddress}</Entry>}
          {event.requestId && (
            <Entry name="Request" copy={event.requestId}>
              {event.requestId}
            </Entry>
          )}
          {event.details && event.details !== "{}" && (
            <div className="col-span-2">
              <dt className="mb-1 text-muted">Details</dt>
              <dd>
                <pre className="overflow-x-auto rounded-md border border-border bg-surface p-3 font-mono text-xs">{pretty(event.details)}</pre>
              </dd>
            </div>
          )}
        </dl>
      )}
    </Sheet>
  );
}

function Entry({ name, copy, children }: { name: string; copy?: string; children: ReactNode }) {
  return (
    <>
      <dt className="leading-7 text-muted">{name}</dt>
      <dd className="flex min-w-0 items-center gap-1 font-mono text-xs">
        <span className="min-w-0 break-all">{children}</span>
        {copy && <CopyButton value={copy} what={name.toLowerCase()} />}
      </dd>
    </>
  );
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
