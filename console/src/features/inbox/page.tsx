import { useQuery } from "@connectrpc/connect-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { RotateCw } from "lucide-react";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Sheet } from "@/components/ui/dialog";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { InboxService } from "@/gen/fluxbase/controlplane/v1/inbox_pb";
import { dateOf, exactly } from "@/lib/format";

const route = getRouteApi("/app/operator/inbox");

export function InboxPage() {
  const { after, message } = route.useSearch();
  const navigate = useNavigate({ from: "/operator/inbox" });
  const messages = useQuery(InboxService.method.listMessages, { pageSize: 50, pageToken: after ?? "" }, { refetchInterval: 5000 });
  const open = (id?: string) => void navigate({ search: (old) => ({ ...old, message: id }) });
  const shown = messages.data?.messages.find((each) => each.id === message);
  const date = dateOf(shown?.createTime);
  return (
    <Page
      title="Mail inbox"
      about="In development mail is kept here instead of being sent."
      action={
        <Button busy={messages.isFetching} onClick={() => void messages.refetch()}>
          {!messages.isFetching && <RotateCw aria-hidden />} Look again
        </Button>
      }
    >
      {messages.isPending && <SkeletonRows rows={4} label="Loading mail" />}
      {messages.isError && <ErrorState error={messages.error} what="The mail could not be loaded" onRetry={() => void messages.refetch()} />}
      {messages.data?.messages.length === 0 && <EmptyState title="No mail yet">Invite a member to an organisation: the invitation comes here.</EmptyState>}
      {messages.data && messages.data.messages.length > 0 && (
        <Table>
          <thead>
            <tr>
              <Th>Subject</Th>
              <Th>To</Th>
              <Th>Project</Th>
              <Th>When</Th>
            </tr>
          </thead>
          <tbody>
            {messages.data.messages.map((each) => (
              <Tr key={each.id} className="relative">
                <Td className="min-w-40">
                  <button type="button" className="text-left font-medium after:absolute after:inset-0" onClick={() => open(each.id)}>
                    {each.subject}
                  </button>
                </Td>
                <Td className="text-muted">{each.to.join(", ")}</Td>
                <Td className="text-muted">{each.projectRef}</Td>
                <Td className="text-muted">
                  <Time at={each.createTime} />
                </Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
      {messages.data && <Pager token={after} next={messages.data.nextPageToken} go={(token) => void navigate({ search: { after: token } })} />}
      <Sheet open={Boolean(shown)} onOpenChange={() => open()} title={shown?.subject ?? ""} description={date && exactly(date)}>
        <p className="mb-3 text-sm text-muted">
          From {shown?.from} to {shown?.to.join(", ")}
          {shown?.projectRef && `, by project ${shown.projectRef}`}
        </p>
        <pre className="text-sm break-words whitespace-pre-wrap">{shown && <Linked text={shown.text} />}</pre>
      </Sheet>
    </Page>
  );
}

/** Text whose web addresses are links. */
function Linked({ text }: { text: string }) {
  return text.split(/(https?:\/\/[^\s<>"]+)/).map((part, index) =>
    index % 2 ? (
      <a key={index} href={part} className="text-accent underline" rel="noreferrer">
        {part}
      </a>
    ) : (
      part
    ),
  );
}
