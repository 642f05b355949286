import { QueryObserver } from "@tanstack/react-query";
import { describe, expect, it, vi } from "vitest";
import { createQueries } from "@/lib/queries";

/** A list that somebody looks at. Each reading waits to be answered with what it saw. */
function watched() {
  const queries = createQueries();
  const readings: ((seen: string[]) => void)[] = [];
  const observer = new QueryObserver(queries, { queryKey: ["users"], queryFn: () => new Promise<string[]>((answer) => readings.push(answer)) });
  const unsubscribe = observer.subscribe(() => {});
  return { queries, readings, observer, unsubscribe };
}

describe("What a change made old", () => {
  it("is read again where the first reading was still under way, since that may not have seen the change", async () => {
    const { queries, readings, observer, unsubscribe } = watched();
    const invalidated = queries.invalidateQueries({ queryKey: ["users"] });
    readings[0]?.([]);
    await vi.waitFor(() => expect(readings).toHaveLength(2));
    readings[1]?.(["ada"]);
    await invalidated;
    expect(observer.getCurrentResult()).toMatchObject({ status: "success", data: ["ada"], isFetching: false });
    unsubscribe();
  });

  it("is read once where nothing was under way, and what else is under way is left alone", async () => {
    const { queries, readings, observer, unsubscribe } = watched();
    await queries.invalidateQueries({ queryKey: ["projects"] });
    await queries.invalidateQueries({ queryKey: ["users"], predicate: () => false });
    readings[0]?.([]);
    await vi.waitFor(() => expect(observer.getCurrentResult().data).toEqual([]));
    const invalidated = queries.invalidateQueries({ queryKey: ["users"] });
    readings[1]?.(["ada"]);
    await invalidated;
    expect(observer.getCurrentResult()).toMatchObject({ data: ["ada"], isStale: false });
    expect(readings).toHaveLength(2);
    unsubscribe();
  });
});
