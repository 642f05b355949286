import { ChevronDown, Copy, Download, Maximize, Minus, Plus, RefreshCw, Workflow } from "lucide-react";
import { copy } from "@/components/copy-button";
import { Button } from "@/components/ui/button";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/components/ui/menu";
import { useToast } from "@/components/ui/toast";
import { Tooltip } from "@/components/ui/tooltip";
import { save } from "@/features/database/migration-files";
import type { Point } from "@/features/diagram/geometry";
import type { Diagram } from "@/features/diagram/model";
import { svgOf } from "@/features/diagram/svg";
import { dbmlOf, mermaidOf } from "@/features/diagram/text";

interface Props {
  diagram: Diagram;
  positions: () => Map<string, Point>;
  name: string;
  onZoom: (by: 1 | -1) => void;
  onFit: () => void;
  onAnew: () => void;
  onRefresh: () => void;
}

/** What can be done with the diagram. */
export function Tools({ diagram, positions, name, onZoom, onFit, onAnew, onRefresh }: Props) {
  const toast = useToast();
  const copied = (what: string, text: string) =>
    void copy(text).then(
      () => toast(`${what} was copied.`),
      () => toast("Not copied: the browser refused."),
    );
  const file = `${name.replaceAll(/[^\p{L}\p{N}]+/gu, "-").replaceAll(/^-|-$/g, "") || "schema"}.svg`;
  return (
    <div className="flex gap-1 rounded-md border border-border bg-raised p-1" role="toolbar" aria-label="Diagram">
      <Tool name="Zoom out (-)" icon={<Minus />} onClick={() => onZoom(-1)} />
      <Tool name="Zoom in (+)" icon={<Plus />} onClick={() => onZoom(1)} />
      <Tool name="Show all (0)" icon={<Maximize />} onClick={onFit} />
      <Tool name="Arrange anew" icon={<Workflow />} onClick={onAnew} />
      <Tool name="Read the schema anew" icon={<RefreshCw />} onClick={onRefresh} />
      <Menu>
        <MenuTrigger asChild>
          <Button size="small" variant="ghost">
            <Download aria-hidden /> Export <ChevronDown aria-hidden />
          </Button>
        </MenuTrigger>
        <MenuContent align="end">
          <MenuItem onSelect={() => save(file, svgOf(diagram, positions(), name), "image/svg+xml")}>
            <Download aria-hidden /> Download as SVG
          </MenuItem>
          <MenuItem onSelect={() => copied("Mermaid", mermaidOf(diagram))}>
            <Copy aria-hidden /> Copy as Mermaid
          </MenuItem>
          <MenuItem onSelect={() => copied("DBML", dbmlOf(diagram))}>
            <Copy aria-hidden /> Copy as DBML
          </MenuItem>
        </MenuContent>
      </Menu>
    </div>
  );
}

function Tool({ name, icon, onClick }: { name: string; icon: React.ReactNode; onClick: () => void }) {
  return (
    <Tooltip text={name}>
      <Button variant="ghost" size="small-icon" aria-label={name} onClick={onClick}>
        {icon}
      </Button>
    </Tooltip>
  );
}
