import { Badge } from "@/components/ui/badge";

export function StatusOf({ status }: { status: number }) {
  return <Badge tone={status >= 500 ? "danger" : "warning"}>{status}</Badge>;
}
