import { CopyButton } from "@/components/copy-button";
import { Time } from "@/components/time";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { algorithmName } from "@/features/project/signing-algorithms";
import { SigningKeyStatus, type SigningKey } from "@/gen/fluxbase/controlplane/v1/signing_key_pb";
import { cn } from "@/lib/cn";

export type Deed = "rotate" | "revoke" | "delete";

const { UNSPECIFIED, STANDBY, IN_USE, PREVIOUSLY_USED, REVOKED } = SigningKeyStatus;

const states: Record<SigningKeyStatus, { name: string; tone: Tone; deeds: Deed[] }> = {
  [UNSPECIFIED]: { name: "unknown", tone: "neutral", deeds: [] },
  [STANDBY]: { name: "standby", tone: "accent", deeds: ["rotate", "revoke"] },
  [IN_USE]: { name: "in use", tone: "success", deeds: [] },
  [PREVIOUSLY_USED]: { name: "previously used", tone: "neutral", deeds: ["revoke"] },
  [REVOKED]: { name: "revoked", tone: "danger", deeds: ["delete"] },
};

const verbs: Record<Deed, string> = { rotate: "Rotate", revoke: "Revoke", delete: "Delete" };

interface Props {
  keys: SigningKey[];
  refused: string | undefined;
  onAsk: (deed: Deed, key: SigningKey) => void;
}

export function SigningKeysTable({ keys, refused, onAsk }: Props) {
  return (
    <Table>
      <thead>
        <tr>
          <Th>Key id</Th>
          <Th>Algorithm</Th>
          <Th>Status</Th>
          <Th>Public key</Th>
          <Th>Since</Th>
          <Th>Created</Th>
          <Th>
            <span className="sr-only">Actions</span>
          </Th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <Tr key={key.id} className={cn(key.status === REVOKED && "text-muted")}>
            <Td>
              <span className="flex items-center gap-1">
                <code className="font-mono text-xs">
                  {key.id.slice(0, 8)}…{key.id.slice(-4)}
                </code>
                <CopyButton value={key.id} what="key id" />
              </span>
            </Td>
            <Td>{algorithmName(key.algorithm)}</Td>
            <Td>
              <Badge tone={states[key.status].tone}>{states[key.status].name}</Badge>
            </Td>
            <Td className="text-muted">
              {key.publicJwk ? (
                <span className="flex items-center gap-1">
                  JWK <CopyButton value={key.publicJwk} what="public key" />
                </span>
              ) : (
                "none"
              )}
            </Td>
            <Td className="text-muted">
              <Time at={key.statusTime} never="—" />
            </Td>
            <Td className="text-muted">
              <Time at={key.createTime} never="with the project" />
            </Td>
            <Td className="text-right whitespace-nowrap">
              {states[key.status].deeds.map((deed) => (
                <Button key={deed} size="small" variant="ghost" disabled={Boolean(refused)} onClick={() => onAsk(deed, key)}>
                  {verbs[deed]}
                </Button>
              ))}
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
