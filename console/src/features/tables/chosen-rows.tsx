import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { ShownColumn } from "@/components/data-grid/arrangement";
import { tsv } from "@/components/data-grid/copy";
import { Confirm } from "@/components/confirm";
import { copy as copyText } from "@/components/copy-button";
import { useToast } from "@/components/ui/toast";
import { deleteShown } from "@/features/tables/change";
import type { Asked, Relation, Row } from "@/features/tables/read";
import type { Changes } from "@/features/tables/use-changes";
import type { Total } from "@/features/tables/use-rows";
import { useSelection } from "@/features/tables/use-selection";
import type { TableInfo } from "@/features/tables/use-table";
import type { Constraint } from "@/lib/catalog";
import { counted } from "@/lib/format";
import { listed, useCatalog } from "@/lib/project-data";

interface Props {
  rows: (index: number) => Row | undefined;
  total: Total | undefined;
  relation: Relation;
  asked: Asked;
  changes: Changes;
  columns: ShownColumn[];
  info: TableInfo;
}

/** As many rows are brought back by Undo; more are asked about before they go. */
const undoable = 500;

/** The rows that are chosen, and what is done with them together. */
export function useChosenRows({ rows, total, relation, asked, changes, columns, info }: Props) {
  const { selection, chosen, count, clear } = useSelection(rows, total?.rows ?? 0);
  const [asking, setAsking] = useState<Row[] | "shown">();
  const toast = useToast();
  const others = useCatalog("constraints", {}, { enabled: info.rights.delete });
  // Rows of other tables that go, or lose their key, with a row of this one: Undo does not bring those back.
  const follows = (each: Constraint) => each.foreign_schema === relation.schema && each.foreign_table === relation.table && ["cascade", "set null", "set default"].includes(each.on_delete ?? "");
  const following = (others.data ?? []).filter(follows);

  const remove = useMutation({
    mutationFn: async (what: Row[] | "shown") => {
      if (what !== "shown") return changes.remove(what);
      const { count: gone } = await changes.run(deleteShown(relation, asked.filter, [...chosen.rows.keys()]));
      await changes.changed();
      toast(`${counted(gone, "row")} deleted.`);
    },
    onSuccess: () => {
      setAsking(undefined);
      clear();
    },
    onError: (_, what) => setAsking(what),
  });

  async function askDelete(some?: Row[]) {
    const what = some ?? (chosen.all ? "shown" : [...chosen.rows.values()]);
    remove.reset();
    // What goes with the rows must be known before they go; where it cannot be had, it is asked.
    const known = await listed(others);
    if (what !== "shown" && what.length <= undoable && known && !known.some(follows)) remove.mutate(what);
    else setAsking(what);
  }

  async function copy() {
    const list: Row[] = chosen.all ? [] : [...chosen.rows.values()];
    for (let at = 0; chosen.all && at < (total?.rows ?? 0); at += 1) {
      const row = rows(at);
      if (row && selection.has(at)) list.push(row);
      if (at > 100_000) break;
    }
    const head = columns.map(({ column }) => column.name);
    await copyText(tsv([head, ...list.map((row) => columns.map(({ index }) => row.values[index]))]));
    toast(list.length < count ? `${counted(list.length, "row")} that were loaded are copied: export takes all.` : `${counted(list.length, "row")} copied.`);
  }

  const number = asking === "shown" ? count : (asking?.length ?? 0);
  const whole = asking === "shown" && !asked.filter && chosen.rows.size === 0;
  const dialog = (
    <Confirm
      open={asking !== undefined}
      onOpenChange={(open) => !open && setAsking(undefined)}
      title={`Delete ${whole ? "all rows" : counted(number, "row")}`}
      verb={`Delete ${whole ? "all rows" : counted(number, "row")}`}
      name={whole ? relation.table : undefined}
      busy={remove.isPending}
      error={remove.error ?? undefined}
      onConfirm={() => asking && remove.mutate(asking)}
    >
      <p>
        {whole ? `Every row of ${relation.table} is deleted.` : `${asking === "shown" && !total?.exact ? "About " : ""}${counted(number, "row")} of ${relation.table} ${number === 1 ? "is" : "are"} deleted.`}
        {(asking === "shown" || number > undoable) && " This cannot be undone."}
      </p>
      {others.isError && <p>Whether rows of other tables go with them could not be read.</p>}
      {following.map((each) => (
        <p key={`${each.schema}.${each.table}.${each.name}`} className="mt-1">
          {each.on_delete === "cascade" ? `Rows of ${each.table} that refer to ${number === 1 ? "it" : "them"} are deleted too, and Undo does not bring them back.` : `Rows of ${each.table} that refer to ${number === 1 ? "it" : "them"} lose their ${each.columns.join(", ")}.`}
        </p>
      ))}
    </Confirm>
  );
  return { selection, chosen, count, clear, askDelete: (some?: Row[]) => void askDelete(some), copy, dialog };
}
