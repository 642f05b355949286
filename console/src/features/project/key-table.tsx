import { useState } from "react";
import { CopyButton } from "@/components/copy-button";
import { Time } from "@/components/time";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { live } from "@/features/project/key-choice";
import { RevealSecret } from "@/features/project/reveal";
import { KeyType, type Key } from "@/gen/fluxbase/controlplane/v1/key_pb";
import { cn } from "@/lib/cn";

interface Props {
  projectRef: string;
  keys: Key[];
  refused: string | undefined;
  onRotate: (key: Key) => void;
  onRevoke: (key: Key) => void;
}

export function KeysTable({ projectRef, keys, refused, onRotate, onRevoke }: Props) {
  const [revealing, setRevealing] = useState<string>();
  const shown = keys.find((key) => key.id === revealing);
  return (
    <>
      <Table>
        <thead>
          <tr>
            <Th>Name</Th>
            <Th>Type</Th>
            <Th>Key</Th>
            <Th>May do</Th>
            <Th>Last used</Th>
            <Th>Created</Th>
            <Th>State</Th>
            <Th>
              <span className="sr-only">Actions</span>
            </Th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <Tr key={key.id} className={cn(key.revokeTime && "text-muted")}>
              <Td className="font-medium">{key.name}</Td>
              <Td>
                <Badge tone={key.type === KeyType.SECRET ? "warning" : "neutral"}>{key.type === KeyType.SECRET ? "secret" : "publishable"}</Badge>
              </Td>
              <Td>
                <span className="flex items-center gap-1">
                  <code className="max-w-48 truncate font-mono text-xs">
                    {key.display}
                  </code>
                  {key.type === KeyType.PUBLISHABLE && <CopyButton value={key.display} what="key" />}
                </span>
              </Td>
              <Td className="text-muted">
                <Bounds of={key} />
              </Td>
              <Td className="text-muted">
                <Time at={key.lastUseTime} />
              </Td>
              <Td className="text-muted">
                <Time at={key.createTime} />
              </Td>
              <Td>
                <State of={key} />
              </Td>
              <Td className="text-right whitespace-nowrap">
                {key.type === KeyType.SECRET && key.revealable && !key.revokeTime && (
                  <Button size="small" variant="ghost" disabled={Boolean(refused)} onClick={() => setRevealing(key.id)}>
                    Reveal once
                  </Button>
                )}
                {live(key) && !key.successorId && (
                  <Button size="small" variant="ghost" disabled={Boolean(refused)} onClick={() => onRotate(key)}>
                    Rotate
                  </Button>
                )}
                {!key.revokeTime && (
                  <Button size="small" variant="ghost" disabled={Boolean(refused)} onClick={() => onRevoke(key)}>
                    Revoke
                  </Button>
                )}
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      <Dialog open={Boolean(shown)} onOpenChange={() => setRevealing(undefined)} title={shown?.name ?? "Key"}>
        {shown && <RevealSecret projectRef={projectRef} secret={shown} refused={refused} />}
      </Dialog>
    </>
  );
}

/** What a key may do, and how often. */
function Bounds({ of: key }: { of: Key }) {
  return (
    <span className="flex max-w-64 flex-wrap gap-x-1.5 py-1.5 text-xs">
      {key.scopes.length === 0 && "everything"}
      {key.scopes.map((each) => (
        <code key={each} className="font-mono">
          {each}
        </code>
      ))}
      {key.requestsPerSecond > 0 && <span>{key.requestsPerSecond} requests/s</span>}
    </span>
  );
}

function State({ of: key }: { of: Key }) {
  if (key.revokeTime) return <Badge tone="danger">revoked</Badge>;
  if (!live(key)) return <Badge tone="danger">expired</Badge>;
  if (key.expireTime) {
    return (
      <span className="text-muted">
        ends <Time at={key.expireTime} />
      </span>
    );
  }
  return <Badge tone="success">active</Badge>;
}
