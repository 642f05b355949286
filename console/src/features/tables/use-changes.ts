import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useRef, useState } from "react";
import type { RowMarks } from "@/components/data-grid/row";
import { useToast } from "@/components/ui/toast";
import { asDefault, copyOf, deleteRows, insertRows, updateRow, writable, type NewValue, type Values } from "@/features/tables/change";
import { cutRows, readRow, rowsOf, type Relation, type Row, type Statement } from "@/features/tables/read";
import { parseKey } from "@/features/tables/row-key";
import { idOf, putInPlace } from "@/features/tables/shown-rows";
import { rowsKey } from "@/features/tables/use-rows";
import { counted } from "@/lib/format";
import type { As } from "@/lib/meta";
import { useHere } from "@/lib/project-data";

/** A value that is on its way, or was refused and is kept for another try. */
export interface Draft {
  row: Row;
  column: string;
  value: NewValue;
  error?: unknown;
}

/** Lays what is being written over rows, and says how their cells are marked: the same answer for the same row. */
function overlay(drafts: ReadonlyMap<string, Draft>, relation: Relation) {
  const byRow = new Map<string, Draft[]>();
  for (const draft of drafts.values()) byRow.set(idOf(draft.row), [...(byRow.get(idOf(draft.row)) ?? []), draft]);
  const known = new WeakMap<Row, { values: readonly (string | null)[]; marks: RowMarks | undefined }>();
  return (row: Row) => {
    const found = known.get(row);
    if (found) return found;
    const mine = byRow.size > 0 ? byRow.get(idOf(row)) : undefined;
    const values = [...row.values];
    for (const { column, value } of mine ?? []) values[relation.columns.findIndex((each) => each.name === column)] = value === asDefault ? "default" : value;
    const next = { values: mine ? values : row.values, marks: mine && Object.fromEntries(mine.map(({ column, error }) => [column, error ? ("refused" as const) : ("saving" as const)])) };
    known.set(row, next);
    return next;
  };
}

/** Lets changes of one row wait for each other: each begins with what the one before made of the row. */
class Lines {
  private readonly last = new Map<string, Promise<unknown>>();
  private readonly next = new WeakMap<Row, Row>();

  followed(old: Row, by: Row): void {
    if (old !== by) this.next.set(old, by);
  }

  newest(row: Row): Row {
    let out = row;
    for (let after = this.next.get(out); after; after = this.next.get(out)) out = after;
    return out;
  }

  busy(id: string): boolean {
    return this.last.has(id);
  }

  /** Waits for what is being written of a row, however that ends. */
  async settled(id: string): Promise<void> {
    await this.last.get(id)?.catch(() => {});
  }

  async after<T>(id: string, run: () => Promise<T>): Promise<T> {
    const before = this.last.get(id) ?? Promise.resolve();
    const mine = before.then(run, run);
    this.last.set(id, mine);
    try {
      return await mine;
    } finally {
      if (this.last.get(id) === mine) this.last.delete(id);
    }
  }
}

/** What was refused because of others: shown with a way to go on. */
export class Conflict extends Error {
  readonly title = "Not saved";
  readonly code: "changed" | "gone" | "refused";

  constructor(code: "changed" | "gone" | "refused", message: string) {
    super(message);
    this.code = code;
  }
}

const draftId = (row: Row, column: string) => `${idOf(row)}\0${column}`;

/** Changes rows as who looks at them; what can be undone is done at once and offers to. */
export function useChanges(relation: Relation, as: As | undefined) {
  const { project, meta } = useHere();
  const queries = useQueryClient();
  const toast = useToast();
  const [drafts, setDrafts] = useState<ReadonlyMap<string, Draft>>(new Map());
  const undo = useRef<() => void>(undefined);
  const [lines] = useState(() => new Lines());
  const { schema, table } = relation;

  const changed = useCallback(() => queries.invalidateQueries({ queryKey: rowsKey(project.ref, schema, table) }), [queries, project.ref, schema, table]);

  const run = useCallback(
    async ({ query, params }: Statement): Promise<{ rows: Row[]; count: number }> => {
      const [result] = await meta.query(query, undefined, { params, text: true, as, limit: 10_000 });
      return { rows: rowsOf(relation, result!.rows), count: result!.rowCount };
    },
    [meta, as, relation],
  );

  /** The whole row as it is now; undefined when it is gone. */
  const whole = useCallback(
    async (row: Row): Promise<Row | undefined> => {
      const key = parseKey(row.key);
      if (!key) return row;
      const answer = (await run(readRow(relation, key))).rows[0];
      return answer && { ...answer, cut: new Set<number>() };
    },
    [run, relation],
  );

  /** Says that it was done, and how to take it back: also by Ctrl-Z until the next change. */
  const offer = useCallback(
    (text: string, back: () => Promise<unknown>) => {
      const once = () => {
        undo.current = undefined;
        back().then(
          () => toast("Undone."),
          (error: unknown) => toast(`It could not be undone: ${error instanceof Error ? error.message : "the change was refused"}`),
        );
      };
      undo.current = once;
      toast(text, once);
    },
    [toast],
  );

  /** Puts a row in place of another wherever it is shown. */
  const replace = useCallback(
    (old: Row, next: Row) => {
      const shown = cutRows([next])[0]!;
      lines.followed(old, shown);
      putInPlace(queries, [project.ref, schema, table], old, shown);
    },
    [queries, lines, project.ref, schema, table],
  );

  /** Changes a row; throws a Conflict when it is not as it was. */
  const update = useCallback(
    async (row: Row, values: Values, whatever = false): Promise<Row> => {
      const { rows, count } = await run(updateRow(relation, row, values, whatever));
      if (rows[0]) return rows[0];
      if (count > 0) return row;
      const present = await whole(row);
      if (!present) throw new Conflict("gone", "The row is gone: it was deleted meanwhile, or is no longer shown to this role.");
      if (row.key && !whatever && present.version !== row.version) throw new Conflict("changed", "The row was changed by someone else since it was read.");
      throw new Conflict("refused", row.key ? "No policy lets this role change the row." : "The row could not be told from others, or was changed meanwhile.");
    },
    [run, whole, relation],
  );

  const setDraft = useCallback((draft: Draft | undefined, id: string) => {
    setDrafts((old) => {
      const next = new Map(old);
      if (draft) next.set(id, draft);
      else next.delete(id);
      return next;
    });
  }, []);

  /** Writes a cell: it shows the new value at once, and keeps it when it was refused. */
  const writeCell = useCallback(
    async (row: Row, column: string, value: NewValue, whatever = false) => {
      const id = draftId(row, column);
      const index = relation.columns.findIndex((each) => each.name === column);
      const before = row.values[index] ?? null;
      if (value === before && !row.cut.has(index) && !lines.busy(idOf(row))) return setDraft(undefined, id);
      setDraft({ row, column, value }, id);
      try {
        const { old, next } = await lines.after(idOf(row), async () => {
          const present = lines.newest(row);
          const whereCut = row.cut.has(index) ? ((await whole(present))?.values[index] ?? null) : before;
          const written = await update(present, { [column]: value }, whatever);
          replace(present, written);
          return { old: whereCut, next: written };
        });
        setDraft(undefined, id);
        // Other values of the row may have been written since, or be on their way.
        offer(`${column} was changed.`, () =>
          lines.after(idOf(next), async () => {
            const present = lines.newest(next);
            replace(present, await update(present, { [column]: old }));
          }),
        );
      } catch (error) {
        setDraft({ row, column, value, error }, id);
      }
    },
    [relation, lines, update, whole, replace, offer, setDraft],
  );

  const insert = useCallback(
    async (values: Values, word = "inserted") => {
      const { rows } = await run(insertRows(relation, [values]));
      await changed();
      const [made] = rows;
      if (made?.key) {
        offer(`A row was ${word}.`, async () => {
          await run(deleteRows(relation, [made]));
          await changed();
        });
      } else toast(`A row was ${word}.`);
      return made;
    },
    [run, relation, changed, offer, toast],
  );

  const remove = useCallback(
    async (rows: Row[]) => {
      const answer = await run(deleteRows(relation, rows));
      await changed();
      if (answer.count === 0) throw new Conflict("refused", "Nothing was deleted: the rows are gone, or no policy lets this role delete them.");
      if (answer.rows.length < answer.count) return toast(`${counted(answer.count, "row")} deleted.`);
      offer(`${counted(answer.count, "row")} deleted.`, async () => {
        const restoring = relation.columns.some((each) => each.identity === "always");
        await run(insertRows(relation, answer.rows.map((each) => writable(relation, each)), restoring));
        await changed();
      });
    },
    [run, relation, changed, offer, toast],
  );

  /** A copy of a row, unless something of it must be chosen by a person: then what it would begin with. */
  const duplicate = useCallback(
    async (row: Row): Promise<Values | undefined> => {
      const { values, complete } = copyOf(relation, (await whole(row)) ?? row);
      if (!complete) return values;
      await insert(values, "duplicated");
      return undefined;
    },
    [relation, whole, insert],
  );

  const refused = useMemo(() => [...drafts.values()].filter((each) => each.error), [drafts]);
  const overlaid = useMemo(() => overlay(drafts, relation), [drafts, relation]);

  return {
    overlaid,
    draftOf: (row: Row, column: string) => drafts.get(draftId(row, column)),
    dropDraft: (draft: Draft) => setDraft(undefined, draftId(draft.row, draft.column)),
    writeCell,
    update,
    replace,
    insert,
    remove,
    duplicate,
    whole,
    settled: (key: string) => lines.settled(key),
    changed,
    offer,
    run,
    undoLast: () => undo.current?.(),
    refused,
  };
}

export type Changes = ReturnType<typeof useChanges>;
