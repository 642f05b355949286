import { EdgeLabelRenderer, useInternalNode, type Edge, type EdgeProps } from "@xyflow/react";
import { memo } from "react";
import { lineOf } from "@/features/diagram/geometry";
import { useLineLook } from "@/features/diagram/highlight";
import type { Relation } from "@/features/diagram/model";
import type { TableNodeType } from "@/features/diagram/table-node";
import { cn } from "@/lib/cn";

export type RelationEdgeType = Edge<{ relation: Relation }, "relation">;

/** A foreign key: from its column to the one that it refers to. */
export const RelationEdge = memo(function RelationEdge({ source, target, data }: EdgeProps<RelationEdgeType>) {
  const from = useInternalNode<TableNodeType>(source);
  const to = useInternalNode<TableNodeType>(target);
  const look = useLineLook(source, target);
  if (!from || !to || !data) return null;
  const { relation } = data;
  const { path, ends, ring, middle } = lineOf(relation, from.data.table, to.data.table, from.internals.positionAbsolute, to.internals.positionAbsolute);
  const lit = look === "related";
  return (
    <>
      <g className={cn("fill-none transition-opacity", lit ? "stroke-accent" : "stroke-border-strong", look === "dim" && "opacity-30")} strokeWidth={lit ? 2 : 1.25}>
        <path d={path} />
        <path d={ends} />
        {ring && <circle cx={ring.x} cy={ring.y} r={3.5} className="fill-background" />}
        <path d={path} strokeWidth={14} stroke="transparent">
          <title>{`${relation.name}: ${relation.definition}`}</title>
        </path>
      </g>
      {lit && (
        <EdgeLabelRenderer>
          <div className="pointer-events-none absolute top-0 left-0 rounded border border-border bg-raised px-1 font-mono text-[10px] leading-4 text-muted" style={{ transform: `translate(-50%, -50%) translate(${middle.x}px, ${middle.y}px)` }}>
            {relation.columns.join(", ")}: {relation.many ? "n" : "1"} to {relation.optional ? "0..1" : "1"}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
});
