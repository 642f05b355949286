import { LoaderCircle } from "lucide-react";
import { Badge } from "@/components/ui/badge";
import type { ProjectStatus } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { statusOf } from "@/lib/project";

export function StatusBadge({ status }: { status: ProjectStatus }) {
  const { name, tone, moving } = statusOf(status);
  return (
    <Badge tone={tone}>
      {moving && <LoaderCircle className="turn size-3" aria-hidden />}
      {name}
    </Badge>
  );
}
