import { useMutation, useQuery } from "@connectrpc/connect-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { Confirm } from "@/components/confirm";
import { EmptyState } from "@/components/empty-state";
import { ErrorState } from "@/components/error-state";
import { Page } from "@/components/page";
import { Pager } from "@/components/pager";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useToast } from "@/components/ui/toast";
import { Tooltip } from "@/components/ui/tooltip";
import { CreateKeyDialog } from "@/features/project/key-create";
import { RotateKeyDialog } from "@/features/project/key-rotate";
import { KeysTable } from "@/features/project/key-table";
import { KeyService, KeyType, type Key } from "@/gen/fluxbase/controlplane/v1/key_pb";
import { useProject, useRefusal } from "@/lib/organization";
import { useInvalidate } from "@/lib/queries";

const { listKeys, revokeKey } = KeyService.method;
const route = getRouteApi("/app/projects/$ref/keys");

export function KeysPage() {
  const { ref } = route.useParams();
  const { create, after } = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref/keys" });
  const project = useProject(ref);
  const refused = useRefusal(project.data?.organization, "run_projects");
  const keys = useQuery(listKeys, { ref, pageSize: 50, pageToken: after ?? "" });
  const [ending, setEnding] = useState<Key>();
  const [rotating, setRotating] = useState<Key>();
  const invalidate = useInvalidate();
  const toast = useToast();
  const revoke = useMutation(revokeKey, {
    onSuccess: async () => {
      setEnding(undefined);
      await invalidate(listKeys);
      toast("The key was revoked.");
    },
  });
  const showCreate = (open: boolean) => void navigate({ search: (old) => ({ ...old, create: open || undefined }) });
  const button = (
    <Tooltip text={refused}>
      <Button variant="primary" aria-disabled={Boolean(refused)} onClick={() => !refused && showCreate(true)}>
        <Plus aria-hidden /> Create key
      </Button>
    </Tooltip>
  );
  return (
    <Page title="API keys" about="A request names one in its header apikey. A revoked key stops working within two seconds." action={button}>
      {keys.isPending && <SkeletonRows rows={3} label="Loading keys" />}
      {keys.isError && <ErrorState error={keys.error} what="The keys could not be loaded" onRetry={() => void keys.refetch()} retrying={keys.isFetching} />}
      {keys.data?.keys.length === 0 && !after && (
        <EmptyState title="No keys" action={button}>
          Without a key no client reaches the project.
        </EmptyState>
      )}
      {keys.data && keys.data.keys.length > 0 && <KeysTable projectRef={ref} keys={keys.data.keys} refused={refused} onRotate={setRotating} onRevoke={setEnding} />}
      {keys.data && <Pager token={after} next={keys.data.nextPageToken} go={(token) => void navigate({ search: (old) => ({ ...old, after: token }) })} />}
      <CreateKeyDialog projectRef={ref} open={Boolean(create) && !refused} onOpenChange={showCreate} />
      <RotateKeyDialog projectRef={ref} of={rotating} onClose={() => setRotating(undefined)} />
      <Confirm
        open={Boolean(ending)}
        onOpenChange={(open) => {
          revoke.reset();
          if (!open) setEnding(undefined);
        }}
        title={`Revoke ${ending?.name || "key"}`}
        verb="Revoke key"
        busy={revoke.isPending}
        error={revoke.error}
        onConfirm={() => ending && revoke.mutate({ ref, keyId: ending.id })}
      >
        Every {ending?.type === KeyType.SECRET ? "server" : "app"} that sends <code className="font-mono text-xs text-foreground">{ending?.display.slice(0, 16)}…</code> is refused from now on. This cannot be taken
        back.
      </Confirm>
    </Page>
  );
}
