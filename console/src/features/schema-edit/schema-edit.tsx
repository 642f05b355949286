import { lazy, Suspense, useState } from "react";
import type { Edit } from "@/features/schema-edit/edits";
import { useCatalog } from "@/lib/project-data";

const NewTableSheet = lazy(() => import("@/features/schema-edit/table-sheet").then((module) => ({ default: module.NewTableSheet })));
const TableSheet = lazy(() => import("@/features/schema-edit/table-sheet").then((module) => ({ default: module.TableSheet })));
const ColumnSheet = lazy(() => import("@/features/schema-edit/column-sheet").then((module) => ({ default: module.ColumnSheet })));
const PoliciesSheet = lazy(() => import("@/features/schema-edit/policies-sheet").then((module) => ({ default: module.PoliciesSheet })));
const IndexesSheet = lazy(() => import("@/features/schema-edit/indexes-sheet").then((module) => ({ default: module.IndexesSheet })));
const NewViewSheet = lazy(() => import("@/features/schema-edit/view-sheet").then((module) => ({ default: module.NewViewSheet })));
const ViewSheet = lazy(() => import("@/features/schema-edit/view-sheet").then((module) => ({ default: module.ViewSheet })));
const DropTable = lazy(() => import("@/features/schema-edit/drop").then((module) => ({ default: module.DropTable })));

export interface SchemaEditProps {
  /** What is open, of the search parameter "edit"; nothing when undefined. */
  edit: Edit | undefined;
  /** Where new things are made, or where the table is. */
  schema: string;
  /** Needed by all but new-table and new-view. */
  table?: string;
  /** Of edit=column: none for a new one. */
  column?: string;
  /** Of policies and indexes: what is open in them. Kept here when the page does not keep it in its URL. */
  item?: string;
  onItem?: (item: string | undefined) => void;
  onClose: () => void;
  /** A table or view was made, or has another name now. Closes when not given. */
  onDone?: (at: { schema: string; table: string }) => void;
  /** The table or view was dropped. Closes when not given. */
  onDropped?: () => void;
}

/** The sheet that changes a part of the schema, beside whatever page is open. */
export function SchemaEdit({ edit, ...props }: SchemaEditProps) {
  if (!edit) return null;
  return (
    <Suspense>
      <Opened key={`${edit} ${props.schema} ${props.table} ${props.column}`} edit={edit} {...props} />
    </Suspense>
  );
}

function Opened({ edit, schema, table = "", column, item, onItem, onClose, onDone, onDropped }: SchemaEditProps & { edit: Edit }) {
  const [kept, setKept] = useState<string>();
  const inner = { item: onItem ? item : kept, onItem: onItem ?? setKept };
  const done = onDone ?? onClose;
  switch (edit) {
    case "new-table":
      return <NewTableSheet schema={schema} onClose={onClose} onDone={done} />;
    case "duplicate":
      return <TableSheet schema={schema} table={table} duplicate onClose={onClose} onDone={done} />;
    case "table":
      return <TableOrView schema={schema} table={table} onClose={onClose} onDone={done} />;
    case "column":
      return <ColumnSheet schema={schema} table={table} column={column} onClose={onClose} />;
    case "policies":
      return <PoliciesSheet schema={schema} table={table} {...inner} onClose={onClose} />;
    case "indexes":
      return <IndexesSheet schema={schema} table={table} {...inner} onClose={onClose} />;
    case "new-view":
      return <NewViewSheet schema={schema} onClose={onClose} onDone={done} />;
    case "view":
      return <ViewSheet schema={schema} table={table} onClose={onClose} onDone={done} />;
    case "drop":
      return <Drop schema={schema} table={table} onClose={onClose} onDone={onDropped ?? onClose} />;
  }
}

/** Views are edited by their query, tables by their columns. */
function TableOrView(props: { schema: string; table: string; onClose: () => void; onDone: (at: { schema: string; table: string }) => void }) {
  const tables = useCatalog("tables", { schema: props.schema, table: props.table });
  const kind = tables.data?.[0]?.kind;
  return kind === "view" || kind === "materialized_view" ? <ViewSheet {...props} /> : <TableSheet {...props} />;
}

function Drop({ schema, table, onClose, onDone }: { schema: string; table: string; onClose: () => void; onDone: () => void }) {
  const tables = useCatalog("tables", { schema, table });
  const found = tables.data?.[0];
  return found ? <DropTable table={found} onClose={onClose} onDone={onDone} /> : null;
}
