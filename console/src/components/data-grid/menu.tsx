import { ArrowLeft, ArrowRight, EyeOff, MoveHorizontal, Pin, PinOff } from "lucide-react";
import type { ReactNode } from "react";
import { usualWidth, type Arrangement, type GridColumn } from "@/components/data-grid/arrangement";
import type { Spot } from "@/components/data-grid/keys";
import { Menu, MenuContent, MenuItem, MenuSeparator, MenuTrigger } from "@/components/ui/menu";

export interface MenuAt extends Spot {
  /** On the screen. */
  x: number;
  y: number;
}

interface Props {
  at: MenuAt;
  column: GridColumn;
  arrangement: Arrangement;
  /** What a cell's menu has; else it is a header's. */
  cell: ReactNode;
  /** What stands above the arrangement in a header's menu. */
  header: ReactNode;
  onClose: () => void;
  /** Gives the focus back to the cell. */
  onReturn: () => void;
}

/** The menu of a cell or of a column's header, where the pointer is. */
export function GridMenu({ at, column, arrangement, cell, header, onClose, onReturn }: Props) {
  const shown = arrangement.shown.find((each) => each.column.id === column.id);
  return (
    <Menu open onOpenChange={(open) => !open && onClose()} modal={false}>
      <MenuTrigger className="pointer-events-none fixed size-0" style={{ left: at.x, top: at.y }} tabIndex={-1} aria-label={at.row < 0 ? `Menu of column ${column.name}` : "Menu of the cell"} />
      <MenuContent
        className="min-w-56"
        onCloseAutoFocus={(event) => {
          event.preventDefault();
          // What the menu opened may have taken the focus already.
          if (document.activeElement === document.body || !document.activeElement) onReturn();
        }}
      >
        {at.row >= 0 ? (
          cell
        ) : (
          <>
            {header}
            {header && <MenuSeparator />}
            <MenuItem onSelect={() => arrangement.pin(column.id, !shown?.pinned)}>
              {shown?.pinned ? <PinOff aria-hidden /> : <Pin aria-hidden />} {shown?.pinned ? "Unpin" : "Pin to the left"}
            </MenuItem>
            <MenuItem onSelect={() => arrangement.step(column.id, -1)}>
              <ArrowLeft aria-hidden /> Move left
            </MenuItem>
            <MenuItem onSelect={() => arrangement.step(column.id, 1)}>
              <ArrowRight aria-hidden /> Move right
            </MenuItem>
            <MenuItem onSelect={() => arrangement.resize(column.id, (shown?.size ?? usualWidth(column)) * 1.5)}>
              <MoveHorizontal aria-hidden /> Make wider
            </MenuItem>
            <MenuItem onSelect={() => arrangement.resize(column.id, (shown?.size ?? usualWidth(column)) / 1.5)}>
              <MoveHorizontal aria-hidden /> Make narrower
            </MenuItem>
            <MenuItem disabled={arrangement.shown.length < 2} onSelect={() => arrangement.show(column.id, false)}>
              <EyeOff aria-hidden /> Hide column
            </MenuItem>
          </>
        )}
      </MenuContent>
    </Menu>
  );
}
