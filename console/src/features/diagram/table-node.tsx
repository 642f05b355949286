import { Handle, Position, useStore, type Node, type NodeProps } from "@xyflow/react";
import { KeyRound, Link2, ShieldOff } from "lucide-react";
import { memo } from "react";
import { headHeight, hiddenColumns, rowHeight, shownColumns, sizeOf } from "@/features/diagram/geometry";
import { useTableLook } from "@/features/diagram/highlight";
import type { DrawnTable } from "@/features/diagram/model";
import { cn } from "@/lib/cn";

export type TableNodeType = Node<{ table: DrawnTable }, "table">;

/** From how far away columns cannot be read. */
const far = 0.35;

/** A table and its columns. From far away only its name is drawn, and larger. */
export const TableNode = memo(function TableNode({ data: { table } }: NodeProps<TableNodeType>) {
  const look = useTableLook(table.id);
  const distant = useStore((state) => state.transform[2] < far);
  const more = hiddenColumns(table);
  return (
    <div
      style={sizeOf(table)}
      className={cn(
        "overflow-hidden rounded-md border bg-raised text-foreground transition-opacity",
        look === "chosen" || look === "found" ? "border-accent outline-2 outline-accent/40" : look === "related" ? "border-accent/70" : distant ? "border-2 border-border-strong" : "border-border",
        look === "dim" && "opacity-50",
      )}
    >
      <Handle type="target" position={Position.Left} isConnectable={false} className="pointer-events-none opacity-0" />
      <Handle type="source" position={Position.Right} isConnectable={false} className="pointer-events-none opacity-0" />
      {distant ? (
        <div className="flex h-full items-center justify-center bg-surface p-2">
          <span className="line-clamp-3 text-center font-mono text-2xl leading-7 font-semibold break-all">{table.title}</span>
        </div>
      ) : (
        <>
          <div className="flex items-center gap-1.5 border-b border-border bg-surface px-2.5" style={{ height: headHeight }}>
            <span className="min-w-0 flex-1 truncate font-mono text-xs font-semibold" title={table.title}>
              {table.title}
            </span>
            {table.owned && !table.rls && table.kind !== "foreign_table" && (
              <span title="Row level security is off">
                <ShieldOff className="size-3.5 text-warning" aria-label="Row level security is off" />
              </span>
            )}
          </div>
          {shownColumns(table).map((column) => (
            <div key={column.name} className="flex items-center gap-1.5 px-2.5 font-mono text-xs" style={{ height: rowHeight }}>
              <span className="flex w-3.5 shrink-0 justify-center">
                {column.primary ? <KeyRound className="size-3 text-warning" aria-label="primary key" /> : column.foreign ? <Link2 className="size-3.5 text-accent" aria-label="foreign key" /> : null}
              </span>
              <span className={cn("min-w-0 flex-1 truncate", column.primary && "font-semibold")} title={column.name}>
                {column.name}
              </span>
              <span className="max-w-24 truncate text-[11px] text-muted" title={`${column.type}${column.nullable ? ", may be null" : ""}`}>
                {column.type}
                {column.nullable && "?"}
              </span>
            </div>
          ))}
          {more > 0 && (
            <div className="px-2.5 text-xs text-muted" style={{ height: rowHeight, lineHeight: `${rowHeight}px` }}>
              and {more} more
            </div>
          )}
        </>
      )}
    </div>
  );
});
