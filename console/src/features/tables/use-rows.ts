import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { formatFilter } from "@/features/tables/filter";
import { countRows, cutRows, estimated, estimateRows, readRows, rowsOf, type Asked, type Relation, type Row } from "@/features/tables/read";
import { formatSort } from "@/features/tables/sort";
import { SqlError, type As } from "@/lib/meta";
import { useHere, useSchemaChanged } from "@/lib/project-data";

/** Rows come in blocks of this many. */
export const blockSize = 100;
/** So many rows are counted; of more, the planner's guess is shown. */
const counted = 50_000;
/** How long the view must rest before rows are asked for, so that those scrolled past are not. */
const rest = 80;

/** What Postgres says when a column, table, function, type or schema that was asked for is no more. */
const outdated = new Set(["42703", "42P01", "42883", "42704", "3F000"]);

/** The key under which all that is read of a table's rows is kept. */
export const rowsKey = (ref: string, schema: string, table: string) => ["rows", ref, schema, table] as const;

export interface Total {
  rows: number;
  exact: boolean;
}

/** The rows of a table: only the blocks in view are asked for, and one scrolled past before it came is cancelled. */
export function useRows(relation: Relation, asked: Asked, as: As | undefined, guess: number) {
  const { project, meta } = useHere();
  const queries = useQueryClient();
  const { schema, table } = relation;
  const who = as ? `${as.role} ${String(as.claims?.sub ?? "")}` : "owner";
  const shape = relation.columns.map((each) => `${each.name} ${each.type}`).join();
  const [filter, sort] = [formatFilter(asked.filter ?? { join: "and", parts: [] }), formatSort(asked.sort)];
  const base = useMemo(() => [...rowsKey(project.ref, schema, table), { who, filter, sort, shape }] as const, [project.ref, schema, table, who, filter, sort, shape]);
  const counting = useMemo(() => [...rowsKey(project.ref, schema, table), { who, filter }, "count"] as const, [project.ref, schema, table, who, filter]);
  const [blocks, setBlocks] = useState<number[]>([0]);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const onVisible = useCallback((first: number, last: number) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      const next: number[] = [];
      for (let block = Math.floor(first / blockSize); block * blockSize < Math.max(last, 1); block += 1) next.push(block);
      setBlocks((old) => (old.join() === next.join() ? old : next));
    }, rest);
  }, []);
  useEffect(() => () => clearTimeout(timer.current), []);

  const answers = useQueries({
    queries: blocks.map((block) => ({
      queryKey: [...base, "block", block],
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const { query, params } = readRows(relation, asked, blockSize, block * blockSize);
        const [result] = await meta.query(query, signal, { params, text: true, as, limit: blockSize, readOnly: true });
        return cutRows(rowsOf(relation, result!.rows));
      },
      staleTime: 30_000,
      gcTime: 120_000,
      retry: (failures: number, error: Error) => failures < 1 && !(error instanceof SqlError),
    })),
  });

  const [exactly, setExactly] = useState<string>();
  const wanted = exactly === `${who} ${filter}`;
  const count = useQuery({
    queryKey: [...counting, wanted],
    queryFn: async ({ signal }): Promise<Total> => {
      const ask = async ({ query, params }: { query: string; params: (string | null)[] }) => (await meta.query(query, signal, { params, as, readOnly: true }))[0]!.rows[0]?.[0];
      const known = Number(await ask(countRows(relation, asked.filter, wanted ? undefined : counted)));
      if (wanted || known <= counted) return { rows: known, exact: true };
      if (!asked.filter && guess > counted) return { rows: guess, exact: false };
      return { rows: Math.max(known, estimated(await ask(estimateRows(relation, asked.filter))) ?? 0), exact: false };
    },
    staleTime: 30_000,
    // Rows are there first; counting them may take longer, and fail, by itself.
    enabled: answers.some((each) => each.isSuccess),
    retry: false,
  });

  // Where the guess was too high, rows are missing at the end: only counting tells where it is.
  const beyond = answers.some((each, at) => each.data?.length === 0 && blocks[at]! > 0);
  if (beyond && !wanted && !(count.data?.exact ?? false)) setExactly(`${who} ${filter}`);

  const blockOf = useCallback((block: number) => queries.getQueryData<Row[]>([...base, "block", block]), [queries, base]);
  const total = totalOf(blocks, answers.map((each) => each.data), count.data, guess, asked);
  const failed = answers.find((each) => each.isError);
  const fault = failed?.error;
  const schemaChanged = useSchemaChanged();
  // Somebody else changed the table: what is known of it is asked for anew.
  useEffect(() => {
    if (fault instanceof SqlError && outdated.has(fault.code ?? "")) void schemaChanged();
  }, [fault, schemaChanged]);
  // What is on screen follows from these; rows of blocks out of view are found in the cache.
  const seen = answers.map((each) => each.dataUpdatedAt).join();
  // oxlint-disable-next-line react-hooks/exhaustive-deps -- it answers anew when a block came.
  const row = useCallback((index: number) => blockOf(Math.floor(index / blockSize))?.[index % blockSize], [blockOf, seen]);

  return {
    row,
    onVisible,
    total,
    base,
    loading: answers.some((each) => each.isPending),
    first: answers[0]?.isPending && blocks[0] === 0,
    fetching: answers.some((each) => each.isFetching),
    error: fault,
    counting: count.isFetching,
    countExactly: () => setExactly(`${who} ${filter}`),
    refresh: () => Promise.all([schemaChanged(), queries.invalidateQueries({ queryKey: rowsKey(project.ref, schema, table) })]),
  };
}

/** How many rows there are, as far as is known: a block that is not full is the last. */
function totalOf(blocks: number[], answers: (Row[] | undefined)[], count: Total | undefined, guess: number, asked: Asked): Total | undefined {
  let least = 0;
  for (const [at, rows] of answers.entries()) {
    if (!rows) continue;
    const end = blocks[at]! * blockSize + rows.length;
    if (rows.length < blockSize && (rows.length > 0 || blocks[at] === 0)) return { rows: end, exact: true };
    least = Math.max(least, rows.length === blockSize ? end + 1 : end);
  }
  if (count) return count.exact && count.rows >= least - 1 ? count : { rows: Math.max(count.rows, least), exact: false };
  if (least === 0) return undefined;
  return { rows: asked.filter ? least : Math.max(guess, least), exact: false };
}
