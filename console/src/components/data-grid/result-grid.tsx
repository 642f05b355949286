import { useCallback, useMemo, useRef, useState } from "react";
import { useArrangement } from "@/components/data-grid/arrangement";
import { DataGrid, type CellAt, type GridHandle } from "@/components/data-grid/grid";
import { isNumeric } from "@/components/data-grid/value";
import { ValueSheet } from "@/components/data-grid/value-sheet";

interface Props {
  columns: { name: string; type: string }[];
  rows: readonly (readonly unknown[])[];
  /** For screen readers: "Result" unless told. */
  label?: string;
}

/** The rows of a statement, to be read: arrows move, Enter opens the whole value, Ctrl-C copies what is selected. It fills its parent. */
export function ResultGrid({ columns, rows, label = "Result" }: Props) {
  const [open, setOpen] = useState<CellAt>();
  const grid = useRef<GridHandle>(null);
  // Results may have columns of the same name: the place tells them apart.
  const shown = useMemo(() => columns.map(({ name, type }, index) => ({ id: String(index), name, type, numeric: isNumeric(type) })), [columns]);
  const arrangement = useArrangement(shown, undefined);
  const row = useCallback((index: number) => rows[index], [rows]);
  const column = open && columns[open.index];
  return (
    <>
      <DataGrid ref={grid} label={label} columns={shown} arrangement={arrangement} rowCount={rows.length} row={row} numbered onEnter={setOpen} />
      {open && column && (
        <ValueSheet
          name={column.name}
          type={column.type}
          value={rows[open.row]?.[open.index]}
          onClose={() => {
            setOpen(undefined);
            requestAnimationFrame(() => grid.current?.focus());
          }}
        />
      )}
    </>
  );
}
