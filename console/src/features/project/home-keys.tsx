import { useQuery } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ErrorState } from "@/components/error-state";
import { Section } from "@/components/page";
import { SecretValue } from "@/components/secret-value";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { keyToUse } from "@/features/project/key-choice";
import { RevealSecret } from "@/features/project/reveal";
import { KeyService, KeyType } from "@/gen/fluxbase/controlplane/v1/key_pb";
import { ProjectService, type Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useRefusal } from "@/lib/organization";

/** The keys of a new project, and the two long-lived JWTs. */
export function Keys({ project }: { project: Project }) {
  const refused = useRefusal(project.organization, "run_projects");
  const keys = useQuery(KeyService.method.listKeys, { ref: project.ref, pageSize: 200 });
  const info = useQuery(ProjectService.method.getConnectionInfo, { ref: project.ref }, { enabled: !refused, staleTime: 60_000 });
  const failed = keys.error ?? info.error;
  const publishable = keyToUse(keys.data?.keys, KeyType.PUBLISHABLE);
  const secret = keyToUse(keys.data?.keys, KeyType.SECRET);
  return (
    <Section
      title="Keys"
      about="Send one with each request, in the header apikey."
      action={
        <Button asChild size="small">
          <Link to="/projects/$ref/keys" params={{ ref: project.ref }}>
            Manage keys
          </Link>
        </Button>
      }
    >
      {failed && <ErrorState error={failed} what="The keys could not be loaded" onRetry={() => void Promise.all([keys.refetch(), info.refetch()])} />}
      {keys.isPending && <SkeletonRows rows={4} label="Loading keys" />}
      {keys.data && (
        <div className="divide-y divide-border rounded-md border border-border">
          {publishable && (
            <Row name="Publishable key" about="For apps: row level security decides what it reads.">
              <SecretValue value={publishable.display} what="publishable key" open />
            </Row>
          )}
          {secret && (
            <Row name="Secret key" about="For servers only: passes over row level security.">
              <RevealSecret projectRef={project.ref} secret={secret} refused={refused} />
            </Row>
          )}
          {refused && <p className="px-4 py-3 text-sm text-muted">{refused}</p>}
          {info.data?.anonKey && (
            <Row name="JWT anon" about="As the publishable key, for clients that need a JWT.">
              <SecretValue value={info.data.anonKey} what="anon JWT" />
            </Row>
          )}
          {info.data?.serviceRoleKey && (
            <Row name="JWT service_role" about="As a secret key. Keep it on servers.">
              <SecretValue value={info.data.serviceRoleKey} what="service_role JWT" />
            </Row>
          )}
          {info.data?.jwtSecret && (
            <Row name="JWT secret" about="Signs HS256 tokens that the project accepts.">
              <SecretValue value={info.data.jwtSecret} what="JWT secret" />
            </Row>
          )}
        </div>
      )}
    </Section>
  );
}

function Row({ name, about, children }: { name: string; about: string; children: ReactNode }) {
  return (
    <div className="grid items-center gap-x-6 gap-y-2 px-4 py-3 md:grid-cols-[minmax(0,2fr)_minmax(0,3fr)]">
      <div>
        <p className="text-sm font-medium">{name}</p>
        <p className="text-xs text-muted">{about}</p>
      </div>
      {children}
    </div>
  );
}
