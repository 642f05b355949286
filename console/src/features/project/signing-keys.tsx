import { useMutation, useQuery } from "@connectrpc/connect-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { Confirm } from "@/components/confirm";
import { ErrorState } from "@/components/error-state";
import { Page } from "@/components/page";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useToast } from "@/components/ui/toast";
import { Tooltip } from "@/components/ui/tooltip";
import { CreateSigningKeyDialog } from "@/features/project/signing-key-create";
import { SigningKeysTable, type Deed } from "@/features/project/signing-key-table";
import { SigningKeyService, type SigningKey } from "@/gen/fluxbase/controlplane/v1/signing_key_pb";
import { useProject, useRefusal } from "@/lib/organization";
import { useInvalidate } from "@/lib/queries";

const { listSigningKeys, rotateSigningKey, revokeSigningKey, deleteSigningKey } = SigningKeyService.method;
const route = getRouteApi("/app/projects/$ref/auth/signing-keys");

/** What is asked before each deed, and said after it. */
const words: Record<Deed, { title: string; verb: string; text: string; done: string; danger: boolean }> = {
  rotate: {
    title: "Sign with this key",
    verb: "Rotate",
    text: "From now on, new tokens are signed with it. Tokens of the key that is in use now go on until they expire. Servers that verify tokens themselves must have fetched the new key: they do so within ten minutes of its creation.",
    done: "New tokens are signed with the key.",
    danger: false,
  },
  revoke: {
    title: "Revoke signing key",
    verb: "Revoke key",
    text: "Every access token that it signed is refused within two seconds. Users get a new one by their refresh token; other services that hold such tokens are shut out. This cannot be taken back.",
    done: "The key was revoked.",
    danger: true,
  },
  delete: { title: "Delete signing key", verb: "Delete key", text: "It is revoked already; it is only taken off the list.", done: "The key was deleted.", danger: true },
};

export function SigningKeysPage() {
  const { ref } = route.useParams();
  const { create } = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref/auth/signing-keys" });
  const project = useProject(ref);
  const refused = useRefusal(project.data?.organization, "manage_projects");
  const keys = useQuery(listSigningKeys, { ref });
  const [asked, setAsked] = useState<{ deed: Deed; key: SigningKey }>();
  const invalidate = useInvalidate();
  const toast = useToast();
  const options = (deed: Deed) => ({
    onSuccess: async () => {
      setAsked(undefined);
      await invalidate(listSigningKeys);
      toast(words[deed].done);
    },
  });
  const deeds = {
    rotate: useMutation(rotateSigningKey, options("rotate")),
    revoke: useMutation(revokeSigningKey, options("revoke")),
    delete: useMutation(deleteSigningKey, options("delete")),
  };
  const doing = asked && deeds[asked.deed];
  const showCreate = (open: boolean) => void navigate({ search: { create: open || undefined } });
  return (
    <Page
      title="Signing keys"
      about="They sign the access tokens of the app's users. A new key stands by, is put in use, and lets the old one go."
      action={
        <Tooltip text={refused}>
          <Button variant="primary" aria-disabled={Boolean(refused)} onClick={() => !refused && showCreate(true)}>
            <Plus aria-hidden /> Create signing key
          </Button>
        </Tooltip>
      }
    >
      {keys.isPending && <SkeletonRows rows={2} label="Loading signing keys" />}
      {keys.isError && <ErrorState error={keys.error} what="The signing keys could not be loaded" onRetry={() => void keys.refetch()} retrying={keys.isFetching} />}
      {keys.data && <SigningKeysTable keys={keys.data.signingKeys} refused={refused} onAsk={(deed, key) => setAsked({ deed, key })} />}
      <p className="max-w-prose text-sm text-muted">
        Public halves are at <code className="font-mono text-xs break-all">{project.data?.url}/auth/v1/.well-known/jwks.json</code>. Private halves and secrets are never shown.
      </p>
      <CreateSigningKeyDialog projectRef={ref} open={Boolean(create) && !refused} onOpenChange={showCreate} />
      <Confirm
        open={Boolean(asked)}
        onOpenChange={(open) => {
          doing?.reset();
          if (!open) setAsked(undefined);
        }}
        title={asked ? words[asked.deed].title : ""}
        verb={asked ? words[asked.deed].verb : ""}
        danger={asked ? words[asked.deed].danger : false}
        busy={doing?.isPending}
        error={doing?.error}
        onConfirm={() => asked && doing?.mutate({ ref, signingKeyId: asked.key.id })}
      >
        {asked && words[asked.deed].text}
      </Confirm>
    </Page>
  );
}
