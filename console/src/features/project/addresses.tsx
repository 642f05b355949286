import type { ReactNode } from "react";
import { CopyButton } from "@/components/copy-button";
import { Time } from "@/components/time";
import type { Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { cn } from "@/lib/cn";
import { isolationName } from "@/lib/project";

/** Where the project answers, and what it is. */
export function Addresses({ project }: { project: Project }) {
  return (
    <dl className="grid gap-x-8 gap-y-3 rounded-md border border-border px-4 py-3 text-sm sm:grid-cols-2 lg:grid-cols-4">
      <Item name="URL" value={project.url} what="project URL" wide />
      <Item name="URL by path" value={project.pathUrl} what="project URL by path" wide />
      <Item name="Ref" value={project.ref} what="ref" />
      <Item name="Isolation">{isolationName[project.isolation]}</Item>
      <Item name="Cluster">{project.cluster || "not chosen yet"}</Item>
      <Item name="Created">
        <Time at={project.createTime} />
      </Item>
    </dl>
  );
}

interface ItemProps {
  name: string;
  value?: string;
  what?: string;
  wide?: boolean;
  children?: ReactNode;
}

function Item({ name, value, what, wide, children }: ItemProps) {
  return (
    <div className={cn("min-w-0", wide && "lg:col-span-2")}>
      <dt className="text-xs text-muted">{name}</dt>
      <dd className="flex h-7 min-w-0 items-center gap-1">
        {value ? (
          <>
            <span className="truncate font-mono text-xs" title={value}>
              {value}
            </span>
            <CopyButton value={value} what={what ?? name} />
          </>
        ) : (
          children
        )}
      </dd>
    </div>
  );
}
