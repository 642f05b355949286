import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState, type RefObject } from "react";
import type { Editor, Piece } from "@/features/sql/editor";
import { readPlan } from "@/features/sql/explain/plan";
import { explainSql, unexplainable } from "@/features/sql/explain/statement";
import type { PastRun } from "@/features/sql/panel/history";
import { useRuns, type Request } from "@/features/sql/run";
import { usualLimit, type Tab } from "@/features/sql/tabs/store";
import { dangers, type Danger } from "@/features/sql/text/danger";
import { effects } from "@/features/sql/text/effects";
import { statementAt, statements } from "@/features/sql/text/statements";
import type { Mode } from "@/features/sql/toolbar";
import { describe } from "@/lib/errors";
import { SqlError, type As } from "@/lib/meta";
import { useHere } from "@/lib/project-data";

interface Wanted {
  piece: Piece;
  mode: Mode;
}

interface Props {
  tab: Tab;
  who: As | undefined;
  /** Why it cannot run as the chosen user; undefined when it can. */
  refused: string | undefined;
  editor: RefObject<Editor | null>;
  onStart: () => void;
  onSchema: () => void;
  onRan: (run: PastRun) => void;
}

/** Runs what is chosen in the editor: asks before what destroys, marks errors, remembers what ran. */
export function useExecute({ tab, who, refused, editor, onStart, onSchema, onRan }: Props) {
  const { project, meta } = useHere();
  const queries = useQueryClient();
  const runs = useRuns(meta);
  const { start: send } = runs;
  const [asked, setAsked] = useState<Wanted & { dangers: Danger[] }>();
  const [notice, setNotice] = useState<string>();
  const last = useRef<Record<string, Wanted>>({});
  const shown = useRef(tab.id);
  useEffect(() => {
    shown.current = tab.id;
  });

  const start = useCallback(
    async (wanted: Wanted) => {
      const { piece, mode } = wanted;
      const limit = tab.limit ?? usualLimit;
      setAsked(undefined);
      editor.current?.unmark();
      last.current[tab.id] = wanted;
      onStart();
      const { sql, offset } = mode === "rows" ? { sql: piece.text, offset: 0 } : explainSql(piece.text, mode === "analyze");
      const read: Request["read"] = mode === "rows" ? undefined : (results) => ({ plan: results.map((each) => readPlan(each.rows[0]?.[0])).find(Boolean), analyzed: mode === "analyze" });
      const { run, took } = await send(tab.id, { sql, options: { limit, as: who }, texts: statements(piece.text).map(({ text }) => text), read });
      const error = run.state === "failed" ? run.error : undefined;
      if (error instanceof SqlError && error.offset !== undefined) {
        const at = codeUnits(sql, error.offset) - offset;
        if (at >= 0 && shown.current === tab.id) editor.current?.mark(piece.from + Math.min(at, piece.text.length), error.message);
      }
      const rows = run.state === "done" && mode === "rows" ? run.results.reduce((all, each) => all + (each.columns.length > 0 ? each.rows.length : 0), 0) : undefined;
      const words = run.state === "cancelled" ? "Cancelled" : error === undefined ? undefined : describe(error).message;
      onRan({ id: `${Date.now()}${Math.random().toString(36).slice(2, 8)}`, text: piece.text, at: Date.now(), took, rows, error: words, as: tab.as });
      if (run.state !== "done" || mode !== "rows") return;
      const { schema, rows: changed } = effects(piece.text);
      if (schema) onSchema();
      if (changed) void queries.invalidateQueries({ queryKey: ["rows", project.ref] });
    },
    [editor, onRan, onSchema, onStart, project.ref, queries, send, tab.as, tab.id, tab.limit, who],
  );

  const execute = useCallback(
    (piece: "chosen" | "current", mode: Mode) => {
      const whole = { text: tab.text, from: 0 }; // the editor may not have come yet
      const found = piece === "chosen" ? (editor.current?.chosen() ?? whole) : editor.current ? editor.current.current() : statementAt(tab.text, 0);
      setNotice(undefined);
      if (!found?.text.trim()) return;
      if (refused) return setNotice(refused);
      if (mode !== "rows") {
        const list = statements(found.text);
        const why = list.length > 1 ? "A plan is of one statement: select it, or put the cursor into it." : unexplainable(list[0]?.tokens[0]?.text);
        if (why) return setNotice(why);
      }
      const what = mode === "rows" ? dangers(found.text) : [];
      if (what.length > 0) setAsked({ piece: found, mode, dangers: what });
      else void start({ piece: found, mode });
    },
    [editor, refused, start, tab.text],
  );
  const retry = useCallback(() => {
    const wanted = last.current[tab.id];
    if (wanted) void start(wanted);
  }, [start, tab.id]);

  return {
    ...runs,
    run: runs.runOf(tab.id),
    execute,
    retry,
    notice,
    dangers: asked?.dangers ?? [],
    confirm: () => asked && void start(asked),
    dismiss: () => setAsked(undefined),
  };
}

/** Postgres counts characters; the editor counts UTF-16 units. */
function codeUnits(text: string, characters: number): number {
  return Array.from(text).slice(0, characters).join("").length;
}
