import "@xyflow/react/dist/base.css";
import { applyNodeChanges, Background, MiniMap, Panel, Position, ReactFlow, ReactFlowProvider, useReactFlow, type NodeChange } from "@xyflow/react";
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { allColumns, headHeight, sizeOf, width, type Point } from "@/features/diagram/geometry";
import { Highlight, HighlightContext } from "@/features/diagram/highlight";
import { arrange, placed } from "@/features/diagram/layout";
import type { Diagram } from "@/features/diagram/model";
import { forgetPositions, keepPositions, readPositions } from "@/features/diagram/positions";
import { RelationEdge, type RelationEdgeType } from "@/features/diagram/relation-edge";
import { TableNode, type TableNodeType } from "@/features/diagram/table-node";
import { Tools } from "@/features/diagram/tools";
import { Button } from "@/components/ui/button";
import { counted } from "@/lib/format";
import { useDark } from "@/lib/theme";

const nodeTypes = { table: TableNode };
const edgeTypes = { relation: RelationEdge };

/** Known beforehand, so that lines to tables out of sight can be drawn. */
const handles = [
  { type: "target" as const, position: Position.Left, x: 0, y: headHeight / 2, width: 1, height: 1 },
  { type: "source" as const, position: Position.Right, x: width, y: headHeight / 2, width: 1, height: 1 },
];

/** Beneath the tools; the overview is of use where not all is seen at once. */
const fit = { padding: { top: "72px", bottom: "32px", x: "32px" }, maxZoom: 1 } as const;
const fewTables = 12;

interface Props {
  diagram: Diagram;
  /** What the file is called that it is exported to. */
  name: string;
  projectRef: string;
  find: string | undefined;
  chosen: string | undefined;
  onChoose: (id: string | undefined) => void;
  onOpen: (at: { schema: string; name: string }) => void;
  onRefresh: () => void;
}

export default function Canvas(props: Props) {
  return (
    <ReactFlowProvider>
      <Flow {...props} />
    </ReactFlowProvider>
  );
}

function nodesOf(diagram: Diagram, positions: Map<string, Point>): TableNodeType[] {
  return diagram.tables.map((table) => {
    const keys = diagram.relations.filter(({ from }) => from === table.id).length;
    return {
      id: table.id,
      type: "table",
      position: positions.get(table.id) ?? { x: 0, y: 0 },
      data: { table },
      ...sizeOf(table),
      // Without it, only tables that were drawn once count for what fits the screen.
      measured: sizeOf(table),
      handles,
      ariaRole: "button",
      ariaLabel: `${table.title}, ${counted(allColumns(table), "column")}, ${counted(keys, "foreign key")}`,
    };
  });
}

function Flow({ diagram, name, projectRef, find, chosen, onChoose, onOpen, onRefresh }: Props) {
  const dark = useDark();
  const flow = useReactFlow<TableNodeType, RelationEdgeType>();
  const [highlight] = useState(() => new Highlight(diagram));
  const [seen, setSeen] = useState(diagram);
  const [nodes, setNodes] = useState(() => nodesOf(diagram, placed(diagram, readPositions(projectRef))));
  if (seen !== diagram) {
    const kept = Object.fromEntries(nodes.map(({ id, position }) => [id, position]));
    setSeen(diagram);
    setNodes(nodesOf(diagram, placed(diagram, { ...readPositions(projectRef), ...kept })));
  }
  const edges = useMemo<RelationEdgeType[]>(() => diagram.relations.map((relation) => ({ id: relation.id, type: "relation", source: relation.from, target: relation.to, data: { relation }, selectable: false })), [diagram]);
  const found = useMemo(() => (find ? diagram.tables.filter((each) => each.title.toLowerCase().includes(find.toLowerCase())).map(({ id }) => id) : undefined), [diagram, find]);
  useEffect(() => highlight.set({ diagram, chosen: chosen ?? null, found: found ? new Set(found) : null }), [highlight, diagram, chosen, found]);

  const onNodesChange = useCallback(
    (changes: NodeChange<TableNodeType>[]) =>
      setNodes((old) => {
        const next = applyNodeChanges(changes, old);
        // Put somewhere by hand: by the mouse once it is let go, or by the arrows.
        if (changes.some((each) => each.type === "position" && !each.dragging && each.position)) keepPositions(projectRef, new Map(next.map(({ id, position }) => [id, position])));
        return next;
      }),
    [projectRef],
  );

  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const duration = still ? 0 : 250;
  const show = useCallback(
    (id: string) => {
      const node = flow.getNode(id);
      if (!node) return;
      const { height } = sizeOf(node.data.table);
      void flow.setCenter(node.position.x + width / 2, node.position.y + height / 2, { zoom: Math.max(0.8, Math.min(1, flow.getZoom())), duration });
    },
    [flow, duration],
  );
  const first = found?.[0];
  const [at, setAt] = useState(0);
  const looked = useRef<string>(undefined);
  useEffect(() => {
    if (looked.current === find) return;
    looked.current = find;
    setAt(0);
    if (first) requestAnimationFrame(() => show(first));
  }, [find, first, show]);

  const anew = () => {
    forgetPositions(projectRef, diagram.tables.map(({ id }) => id));
    setNodes(nodesOf(diagram, arrange(diagram)));
    requestAnimationFrame(() => void flow.fitView({ ...fit, duration }));
  };
  const tableOf = (id: string | null | undefined) => diagram.tables.find((each) => each.id === id);
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.target as HTMLElement).closest("input, textarea, select, [role=menu]")) return;
    const focused = tableOf((event.target as HTMLElement).closest(".react-flow__node")?.getAttribute("data-id"));
    const deeds: Record<string, (() => void) | undefined> = {
      "+": () => void flow.zoomIn({ duration }),
      "=": () => void flow.zoomIn({ duration }),
      "-": () => void flow.zoomOut({ duration }),
      "0": () => void flow.fitView({ ...fit, duration }),
      Enter: focused && (() => onOpen(focused)),
      " ": focused && (() => onChoose(focused.id)),
      Escape: () => onChoose(undefined),
    };
    const deed = deeds[event.key];
    if (!deed) return;
    if (event.key !== "Escape") event.preventDefault();
    deed();
  };
  const positions = () => new Map(nodes.map(({ id, position }) => [id, position]));
  return (
    <HighlightContext value={highlight}>
      {/* oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- keys of what is focused within */}
      <div className="absolute inset-0 [--xy-attribution-background-color:transparent] [--xy-background-color:var(--background)] [&_.react-flow\_\_attribution_a]:text-muted! [&_.react-flow\_\_node]:rounded-md [&_.react-flow\_\_node:focus-visible]:outline-2! [&_.react-flow\_\_node:focus-visible]:outline-accent!" onKeyDown={onKeyDown}>
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={nodeTypes}
          edgeTypes={edgeTypes}
          onNodesChange={onNodesChange}
          onNodeClick={(_, node) => onChoose(node.id === chosen ? undefined : node.id)}
          onNodeDoubleClick={(_, node) => onOpen(node.data.table)}
          onNodeMouseEnter={(_, node) => highlight.set({ hovered: node.id })}
          onNodeMouseLeave={() => highlight.set({ hovered: null })}
          onPaneClick={() => onChoose(undefined)}
          onlyRenderVisibleElements
          nodesConnectable={false}
          edgesFocusable={false}
          deleteKeyCode={null}
          zoomOnDoubleClick={false}
          minZoom={0.03}
          maxZoom={2}
          colorMode={dark ? "dark" : "light"}
          fitView
          fitViewOptions={fit}
          aria-label="Tables and their foreign keys"
        >
          <Background gap={24} />
          {diagram.tables.length > fewTables && <MiniMap pannable zoomable ariaLabel="Overview of the diagram" className="max-sm:hidden" bgColor="var(--surface)" nodeColor="var(--border-strong)" maskColor="color-mix(in srgb, var(--background) 70%, transparent)" />}
          <Panel position="top-right">
            <Tools diagram={diagram} positions={positions} name={name} onZoom={(by) => void (by > 0 ? flow.zoomIn({ duration }) : flow.zoomOut({ duration }))} onFit={() => void flow.fitView({ ...fit, duration })} onAnew={anew} onRefresh={onRefresh} />
          </Panel>
          {found && (
            <Panel position="top-left">
              <div className="flex items-center gap-2 rounded-md border border-border bg-raised px-3 py-1.5 text-sm" role="status">
                {found.length === 0 ? "No table matches" : `${at + 1} of ${counted(found.length, "match", "matches")}`}
                {found.length > 1 && (
                  <Button
                    size="small"
                    onClick={() => {
                      const next = (at + 1) % found.length;
                      setAt(next);
                      show(found[next]!);
                    }}
                  >
                    Next
                  </Button>
                )}
              </div>
            </Panel>
          )}
        </ReactFlow>
      </div>
    </HighlightContext>
  );
}
