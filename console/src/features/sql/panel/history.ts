/** A run that this browser remembers. */
export interface PastRun {
  id: string;
  text: string;
  /** Milliseconds since 1970. */
  at: number;
  took: number;
  /** Of all its results together. */
  rows?: number;
  error?: string;
  as?: string;
}

const most = 500;
/** Longer texts are remembered by their beginning. */
const longest = 20_000;
/** What a browser keeps of all sites is little: the oldest make way before it is full. */
const mostCharacters = 1_000_000;

export function readHistory(written: string | null): PastRun[] {
  let read: unknown;
  try {
    read = JSON.parse(written ?? "[]");
  } catch {
    return [];
  }
  return (Array.isArray(read) ? read : []).filter((each): each is PastRun => typeof each?.id === "string" && typeof each?.text === "string" && typeof each?.at === "number" && typeof each?.took === "number");
}

/** The history with one more run. The same text run again right away stands once. */
export function remembered(history: PastRun[], run: PastRun): PastRun[] {
  const cut = { ...run, text: run.text.slice(0, longest) };
  const [last, ...rest] = history;
  const all = [cut, ...(last?.text === cut.text && last.as === cut.as ? rest : history)].slice(0, most);
  let size = 0;
  return all.filter((each) => (size += each.text.length + 100) <= mostCharacters);
}

/** Those with all words of a search in their text or error. */
export function searched(history: PastRun[], search: string): PastRun[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return history.filter((each) => words.every((word) => each.text.toLowerCase().includes(word) || each.error?.toLowerCase().includes(word)));
}
