import { describe, expect, it, vi } from "vitest";
import { isUnsaved, readTabs, TabStore, titleOf } from "@/features/sql/tabs/store";

function storage(kept: Record<string, string> = {}) {
  return { getItem: (key: string) => kept[key] ?? null, setItem: (key: string, value: string) => void (kept[key] = value), kept };
}

describe("tabs", () => {
  it("are opened, moved, closed and kept", () => {
    const place = storage();
    const store = new TabStore("k", place);
    const first = store.get().tabs[0]!;
    const told = vi.fn();
    store.subscribe(told);
    const second = store.add({ text: "select 2" });
    const third = store.add({ text: "select 3" });
    expect(store.get()).toMatchObject({ open: third.id, tabs: [{ id: first.id }, { id: second.id }, { id: third.id }] });
    store.move(third.id, -1);
    store.move(third.id, -1);
    store.move(third.id, -1);
    store.change(second.id, { title: "Two" });
    expect(store.get().tabs.map(({ id }) => id)).toEqual([third.id, first.id, second.id]);
    expect(store.close(third.id).id).toBe(first.id);
    expect(store.close(second.id).id).toBe(first.id);
    store.reopen(second, 0);
    store.flush();
    expect(told).toHaveBeenCalled();
    expect(new TabStore("k", place).get()).toEqual(store.get());
    store.close(second.id);
    expect(store.close(first.id)).toMatchObject({ text: "", title: "" });
    expect(store.get().tabs).toHaveLength(1);
  });

  it("follow another window, and stay where they are open", () => {
    const here = new TabStore("k", storage());
    const mine = here.add({ text: "a" });
    here.adopt(JSON.stringify({ tabs: [{ id: "x", text: "b" }, mine], open: "x" }));
    expect(here.get()).toMatchObject({ open: mine.id, tabs: [{ id: "x" }, { id: mine.id }] });
    here.adopt(JSON.stringify({ tabs: [{ id: "x", text: "b" }], open: "x" }));
    expect(here.get().open).toBe("x");
    expect(here.changesOutside()).toBe(2);
  });

  it("say when the browser keeps no more", () => {
    const store = new TabStore("k", {
      getItem: () => null,
      setItem: () => {
        throw new Error("full");
      },
    });
    store.add({});
    store.flush();
    expect(store.isKept()).toBe(false);
  });

  it("are read from whatever is kept", () => {
    for (const written of [null, "", "{", "null", "[]", '{"tabs":1}', '{"tabs":[null,{"id":1},{"id":"../x","text":""}]}']) expect(readTabs(written).tabs).toHaveLength(1);
    const read = readTabs(JSON.stringify({ tabs: [{ id: "a", text: "t", title: 1, snippet: { id: 1 }, chart: { kind: "pie" } }, { id: "a", text: "again" }], open: "b" }));
    expect(read).toEqual({ tabs: [{ id: "a", text: "t", title: "" }], open: "a" });
  });
});

it("are named, and known to be saved or not", () => {
  const tab = { id: "a", title: "", text: "" };
  const snippet = { id: "s", etag: "r1", name: "Slow", text: "select 1" };
  expect([titleOf(tab), titleOf({ ...tab, text: "\n -- All notes\nselect" }), titleOf({ ...tab, snippet }), titleOf({ ...tab, snippet, title: "Mine" })]).toEqual(["New query", "All notes", "Slow", "Mine"]);
  expect([isUnsaved(tab), isUnsaved({ ...tab, text: "x" }), isUnsaved({ ...tab, snippet, text: "select 1" }), isUnsaved({ ...tab, snippet, text: "x" })]).toEqual([false, true, false, true]);
});
