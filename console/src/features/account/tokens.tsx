import { useMutation, useQuery } from "@connectrpc/connect-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { Confirm } from "@/components/confirm";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { CreateTokenDialog } from "@/features/account/token-create";
import { AccountService, type AccessToken } from "@/gen/fluxbase/controlplane/v1/account_pb";
import { useInvalidate } from "@/lib/queries";

const { listAccessTokens, revokeAccessToken } = AccountService.method;
const route = getRouteApi("/app/account/tokens");

export function TokensPage() {
  const { create, after } = route.useSearch();
  const navigate = useNavigate({ from: "/account/tokens" });
  const invalidate = useInvalidate();
  const tokens = useQuery(listAccessTokens, { pageSize: 50, pageToken: after ?? "" });
  const [ending, setEnding] = useState<AccessToken>();
  const revoke = useMutation(revokeAccessToken, {
    onSuccess: async () => {
      setEnding(undefined);
      await invalidate(listAccessTokens);
    },
  });
  const showCreate = (open: boolean) => void navigate({ search: (old) => ({ ...old, create: open || undefined }) });
  const button = (
    <Button variant="primary" onClick={() => showCreate(true)}>
      <Plus aria-hidden /> Create token
    </Button>
  );
  return (
    <Page title="Access tokens" about="For scripts and the command line: each acts as you, with all that you may do." action={button}>
      {tokens.isPending && <SkeletonRows rows={3} label="Loading tokens" />}
      {tokens.isError && <ErrorState error={tokens.error} what="The tokens could not be loaded" onRetry={() => void tokens.refetch()} retrying={tokens.isFetching} />}
      {tokens.data?.accessTokens.length === 0 && (
        <EmptyState title="No access tokens" action={button}>
          Create one, and set it as <code className="font-mono text-xs">FLUXBASE_ACCESS_TOKEN</code> where a script runs <code className="font-mono text-xs">fluxbase</code>.
        </EmptyState>
      )}
      {tokens.data && tokens.data.accessTokens.length > 0 && (
        <Table>
          <thead>
            <tr>
              <Th>Name</Th>
              <Th>Token</Th>
              <Th>Last used</Th>
              <Th>Expires</Th>
              <Th>Created</Th>
              <Th>
                <span className="sr-only">Actions</span>
              </Th>
            </tr>
          </thead>
          <tbody>
            {tokens.data.accessTokens.map((token) => (
              <Tr key={token.id}>
                <Td className="font-medium">{token.name}</Td>
                <Td className="font-mono text-xs text-muted">{token.display}</Td>
                <Td className="text-muted">
                  <Time at={token.lastUseTime} />
                </Td>
                <Td className="text-muted">
                  <Time at={token.expireTime} />
                </Td>
                <Td className="text-muted">
                  <Time at={token.createTime} />
                </Td>
                <Td className="text-right">
                  <Button size="small" variant="ghost" onClick={() => setEnding(token)}>
                    Revoke
                  </Button>
                </Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
      {tokens.data && <Pager token={after} next={tokens.data.nextPageToken} go={(token) => void navigate({ search: (old) => ({ ...old, after: token }) })} />}
      <CreateTokenDialog open={Boolean(create)} onOpenChange={showCreate} />
      <Confirm
        open={Boolean(ending)}
        onOpenChange={(open) => {
          revoke.reset();
          if (!open) setEnding(undefined);
        }}
        title={`Revoke ${ending?.name ?? ""}`}
        verb="Revoke token"
        busy={revoke.isPending}
        error={revoke.error}
        onConfirm={() => ending && revoke.mutate({ accessTokenId: ending.id })}
      >
        Scripts that use it are refused from now on. This cannot be taken back.
      </Confirm>
    </Page>
  );
}
