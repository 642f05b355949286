import { QueryObserver } from "@tanstack/react-query";
import { expect, it, vi } from "vitest";
import type { Row } from "@/features/tables/read";
import { putInPlace } from "@/features/tables/shown-rows";
import { rowsKey } from "@/features/tables/use-rows";
import { createQueries } from "@/lib/queries";

const note = (body: string): Row => ({ values: ["1", body], key: "id.1", version: body, cut: new Set() });

it("keeps a row that was just written where an older reading of it comes later", async () => {
  const queries = createQueries();
  const readings: ((rows: Row[]) => void)[] = [];
  const observer = new QueryObserver<Row[]>(queries, {
    queryKey: [...rowsKey("abc", "public", "notes"), {}, "block", 0],
    queryFn: () => new Promise<Row[]>((answer) => readings.push(answer)),
  });
  const unsubscribe = observer.subscribe(() => {});
  readings[0]!([note("old")]);
  await vi.waitFor(() => expect(observer.getCurrentResult().data).toEqual([note("old")]));

  const again = observer.refetch();
  putInPlace(queries, ["abc", "public", "notes"], note("old"), note("new"));
  expect(observer.getCurrentResult().data).toEqual([note("new")]);
  readings[1]!([note("old")]); // as it was before it was written
  await vi.waitFor(() => expect(readings).toHaveLength(3));
  expect(observer.getCurrentResult().data).toEqual([note("new")]);
  readings[2]!([note("new")]);
  await again;
  await vi.waitFor(() => expect(observer.getCurrentResult().fetchStatus).toBe("idle"));
  expect(observer.getCurrentResult().data).toEqual([note("new")]);
  unsubscribe();
  queries.clear();
});
