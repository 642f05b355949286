/** A text that is open in the editor. */
export interface Tab {
  id: string;
  /** Given by the person, or else the snippet's; empty for one that is named by its text. */
  title: string;
  text: string;
  /** What it was opened from, and how that was when it was read or saved last. */
  snippet?: { id: string; etag: string; name: string; text: string };
  /** As whom it runs: anon, service_role or user:<id>; the owner when it is not said. */
  as?: string;
  /** The most rows of a result; 1,000 when it is not said. */
  limit?: number;
  chart?: ChartChoice;
}

/** How many rows a result may have. */
export const limits = [100, 1000, 10_000] as const;
export const usualLimit = 1000;

/** How a result is drawn. */
export interface ChartChoice {
  kind: "bar" | "line" | "area" | "scatter";
  x: string;
  y: string[];
  group?: string;
}

export interface Tabs {
  tabs: Tab[];
  /** Which was open last. */
  open: string;
}

/** More are not kept open at once: whoever has so many looks for none of them any more. */
export const mostTabs = 50;

/** What the browser keeps of texts that are open: those of one account in one project. */
export class TabStore {
  private state: Tabs;
  private readonly listeners = new Set<() => void>();
  private timer?: ReturnType<typeof setTimeout>;
  /** Whether the browser kept what was written last. */
  private kept = true;
  /** Grows when another window changed the texts. */
  private outside = 0;

  constructor(
    private readonly key: string,
    private readonly storage: Pick<Storage, "getItem" | "setItem">,
  ) {
    this.state = readTabs(storage.getItem(key));
  }

  readonly get = (): Tabs => this.state;
  readonly isKept = (): boolean => this.kept;
  readonly changesOutside = (): number => this.outside;

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  change(id: string, change: Partial<Tab>) {
    this.set({ ...this.state, tabs: this.state.tabs.map((tab) => (tab.id === id ? { ...tab, ...change } : tab)) });
  }

  /** Opens a tab behind the one that is open. */
  add(tab: Partial<Tab>): Tab {
    const made = { id: newId(), title: "", text: "", ...tab };
    const at = this.state.tabs.findIndex(({ id }) => id === this.state.open) + 1;
    this.set({ tabs: this.state.tabs.toSpliced(at, 0, made), open: made.id });
    return made;
  }

  /** Closes a tab and answers which is open then. The last one leaves an empty one. */
  close(id: string): Tab {
    const at = this.state.tabs.findIndex((tab) => tab.id === id);
    const rest = this.state.tabs.filter((tab) => tab.id !== id);
    const tabs = rest.length > 0 ? rest : [{ id: newId(), title: "", text: "" }];
    const next = id === this.state.open ? tabs[Math.min(Math.max(at, 0), tabs.length - 1)]! : (tabs.find((tab) => tab.id === this.state.open) ?? tabs[0]!);
    this.set({ tabs, open: next.id });
    return next;
  }

  /** Puts a tab back where it was. */
  reopen(tab: Tab, at: number) {
    this.set({ tabs: this.state.tabs.toSpliced(at, 0, tab), open: tab.id });
  }

  move(id: string, step: number) {
    const from = this.state.tabs.findIndex((tab) => tab.id === id);
    const to = from + step;
    if (from < 0 || to < 0 || to >= this.state.tabs.length) return;
    const rest = this.state.tabs.toSpliced(from, 1);
    this.set({ ...this.state, tabs: rest.toSpliced(to, 0, this.state.tabs[from]!) });
  }

  show(id: string) {
    if (id !== this.state.open && this.state.tabs.some((tab) => tab.id === id)) this.set({ ...this.state, open: id });
  }

  /** Another window of this browser wrote. What is open here stays open, if it is still there. */
  adopt(written: string | null) {
    const next = readTabs(written);
    this.state = { ...next, open: next.tabs.some(({ id }) => id === this.state.open) ? this.state.open : next.open };
    this.outside += 1;
    this.tell();
  }

  /** Writes at once what else is written in a moment: before the page goes. */
  readonly flush = () => {
    clearTimeout(this.timer);
    this.timer = undefined;
    let kept = true;
    try {
      this.storage.setItem(this.key, JSON.stringify(this.state));
    } catch {
      kept = false; // the browser gives each site some megabytes only
    }
    if (kept !== this.kept) {
      this.kept = kept;
      this.tell();
    }
  };

  private set(state: Tabs) {
    this.state = state;
    this.timer ??= setTimeout(this.flush, 200);
    this.tell();
  }

  private tell() {
    for (const listener of this.listeners) listener();
  }
}

/** Reads what a browser kept, whoever wrote it there. */
export function readTabs(written: string | null): Tabs {
  let read: unknown;
  try {
    read = JSON.parse(written ?? "null");
  } catch {
    read = undefined;
  }
  const { tabs: list, open } = (read ?? {}) as { tabs?: unknown; open?: unknown };
  const tabs = (Array.isArray(list) ? list : []).map(readTab).filter((tab) => tab !== undefined);
  const seen = new Set<string>();
  const own = tabs.filter(({ id }) => !seen.has(id) && seen.add(id)).slice(0, mostTabs);
  if (own.length === 0) own.push({ id: newId(), title: "", text: "" });
  return { tabs: own, open: own.find(({ id }) => id === open)?.id ?? own[0]!.id };
}

function readTab(value: unknown): Tab | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { id, title, text, snippet, as, limit, chart } = value as Record<string, unknown>;
  if (typeof id !== "string" || !/^[a-z0-9]{1,40}$/.test(id) || typeof text !== "string") return undefined;
  const from = snippet as Tab["snippet"] | undefined;
  const drawn = chart as ChartChoice | undefined;
  return {
    id,
    text,
    title: typeof title === "string" ? title : "",
    snippet: from && [from.id, from.etag, from.name, from.text].every((each) => typeof each === "string") ? from : undefined,
    as: typeof as === "string" ? as : undefined,
    limit: limits.find((each) => each === limit),
    chart: drawn && typeof drawn.x === "string" && Array.isArray(drawn.y) && ["bar", "line", "area", "scatter"].includes(drawn.kind) ? drawn : undefined,
  };
}

/** Whether closing the tab loses what is nowhere else. */
export function isUnsaved(tab: Tab): boolean {
  return tab.snippet ? tab.text !== tab.snippet.text : tab.text.trim() !== "";
}

/** What to call a tab: as it was named, or by how its text begins. */
export function titleOf(tab: Tab): string {
  const given = tab.title || tab.snippet?.name;
  if (given) return given;
  const line = tab.text.split("\n").find((each) => each.trim() !== "") ?? "";
  const words = line.replace(/^\s*--\s*/, "").trim();
  return words.length > 28 ? `${words.slice(0, 27)}…` : words || "New query";
}

/** Begins with a letter, so that no address reads it as a number. */
function newId(): string {
  return "t" + Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => byte.toString(36)).join("");
}
