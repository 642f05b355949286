import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Confirm } from "@/components/confirm";
import { Section } from "@/components/page";
import { Time } from "@/components/time";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { useToast } from "@/components/ui/toast";
import { useServed } from "@/features/project-auth/project";
import type { User } from "@/lib/auth-admin";

const kinds: Record<string, string> = { totp: "Authenticator app", phone: "Phone", webauthn: "Security key" };

type Factor = NonNullable<User["factors"]>[number];

export function Factors({ user, onChanged }: { user: User; onChanged: () => Promise<unknown> }) {
  const { admin } = useServed();
  const toast = useToast();
  const [removing, setRemoving] = useState<Factor>();
  const remove = useMutation({
    mutationFn: (factor: string) => admin.deleteFactor(user.id, factor),
    onSuccess: async () => {
      setRemoving(undefined);
      await onChanged();
      toast("The factor was removed.");
    },
  });
  const factors = user.factors ?? [];
  return (
    <Section title="Second factors">
      {factors.length === 0 ? (
        <p className="text-sm text-muted">None added.</p>
      ) : (
        <ul className="divide-y divide-border rounded-md border border-border">
          {factors.map((factor) => (
            <li key={factor.id} className="flex items-center gap-3 px-3 py-2">
              <span className="min-w-0 flex-1">
                <span className="text-sm font-medium">{factor.friendly_name || kinds[factor.factor_type] || factor.factor_type}</span>
                <span className="block text-xs text-muted">
                  {kinds[factor.factor_type] ?? factor.factor_type}, added <Time at={factor.created_at} />
                </span>
              </span>
              <Badge tone={factor.status === "verified" ? "success" : "warning"}>{factor.status}</Badge>
              <Button size="small" variant="ghost" onClick={() => setRemoving(factor)}>
                Remove
              </Button>
            </li>
          ))}
        </ul>
      )}
      <Confirm
        open={Boolean(removing)}
        onOpenChange={(open) => {
          remove.reset();
          if (!open) setRemoving(undefined);
        }}
        title="Remove second factor"
        verb="Remove factor"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => removing && remove.mutate(removing.id)}
      >
        The user signs in without it from now on. For who lost a phone or key: make sure that it is really them who asks.
      </Confirm>
    </Section>
  );
}

export function Identities({ user }: { user: User }) {
  const identities = user.identities ?? [];
  return (
    <Section title="Identities" about="Accounts by which the user signs in.">
      {identities.length === 0 ? (
        <p className="text-sm text-muted">None.</p>
      ) : (
        <ul className="divide-y divide-border rounded-md border border-border">
          {identities.map((identity) => (
            <li key={identity.identity_id ?? identity.id} className="px-3 py-2">
              <span className="text-sm font-medium">{identity.provider}</span>
              <span className="ml-2 text-sm break-all text-muted">{String(identity.identity_data?.email ?? identity.identity_data?.phone ?? identity.id)}</span>
              <span className="block text-xs text-muted">
                linked <Time at={identity.created_at} />, last used <Time at={identity.last_sign_in_at} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
