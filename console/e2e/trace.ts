import type { Browser, CDPSession, Page } from "@playwright/test";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Event {
  name: string;
  ph: string;
  ts: number;
  dur?: number;
  /** Of dur, what the processor worked at it: the rest was waited for other programs. */
  tdur?: number;
  pid: number;
  tid: number;
  id2?: { local?: string };
  args?: { name?: string; frame?: string; data?: Record<string, unknown>; frame_reporter?: Frame; chrome_frame_reporter?: Frame };
}

interface Frame {
  state: string;
  scroll_state: string;
  affects_smoothness?: boolean;
}

/** What a trace of Chromium tells of one page. Times are in milliseconds. */
export interface Traced {
  /** Of tasks of the main thread after the first contentful paint: what each took beyond 50 ms, added up. */
  totalBlockingTime: number;
  longestTask: number;
  /** The most that the processor worked at one task. */
  longestWork: number;
  /** How many tasks took more than 50 ms. */
  longTasks: number;
  frames: Frames;
}

/** Frames that reached the screen; while something was scrolled, only those. */
export interface Frames {
  shown: number;
  /** Those that came too late to be shown. */
  dropped: number;
  /** The longest time between two that were shown. */
  longestGap: number;
}

const categories = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "disabled-by-default-devtools.timeline.frame", "blink.user_timing", "loading"];

/** Traces what happens in a page, on a processor made slower by a factor. */
export async function traced(browser: Browser, page: Page, slower: number, act: () => Promise<void>): Promise<Traced> {
  const path = join(tmpdir(), `fluxbase-trace-${process.pid}-${Date.now()}.json`);
  const session: CDPSession = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: slower });
  await browser.startTracing(page, { path, categories });
  try {
    await act();
  } finally {
    await browser.stopTracing();
    await session.send("Emulation.setCPUThrottlingRate", { rate: 1 });
    await session.detach();
  }
  const { traceEvents } = JSON.parse(await readFile(path, "utf8")) as { traceEvents: Event[] };
  await rm(path);
  return readTrace(traceEvents);
}

export function readTrace(events: Event[]): Traced {
  const paint = events.filter(({ name }) => name === "firstContentfulPaint").at(-1);
  // The page's own process paints; another's tasks are not its.
  const pid = paint?.pid ?? busiest(events);
  const main = events.find(({ name, pid: own, args }) => name === "thread_name" && own === pid && args?.name === "CrRendererMain")?.tid;
  const tasks = outermost(events.filter((event) => event.pid === pid && event.tid === main && event.name.endsWith("RunTask") && event.dur));
  const after = tasks.filter(({ ts }) => ts >= (paint?.ts ?? 0));
  const milliseconds = after.map(({ dur }) => dur! / 1000);
  return {
    totalBlockingTime: milliseconds.reduce((sum, each) => sum + Math.max(0, each - 50), 0),
    longestTask: Math.max(0, ...milliseconds),
    longestWork: Math.max(0, ...after.map(({ tdur }) => (tdur ?? 0) / 1000)),
    longTasks: milliseconds.filter((each) => each > 50).length,
    frames: framesOf(events.filter((event) => event.pid === pid && event.name === "PipelineReporter")),
  };
}

/** Each task once: several parts of Chromium tell of the same one, one within the other. */
function outermost(tasks: Event[]): Event[] {
  let end = -Infinity;
  return tasks
    .toSorted((a, b) => a.ts - b.ts || b.dur! - a.dur!)
    .filter(({ ts, dur }) => {
      if (ts < end) return false;
      end = ts + dur!;
      return true;
    });
}

function framesOf(reports: Event[]): Frames {
  const open = new Map<string, Frame>();
  const all: (Frame & { at: number })[] = [];
  // A frame's report ends when it is shown, or was given up; its id is used again afterwards.
  for (const { ph, id2, ts, args } of reports.toSorted((a, b) => a.ts - b.ts || b.ph.localeCompare(a.ph))) {
    const id = id2?.local ?? "";
    const frame = args?.frame_reporter ?? args?.chrome_frame_reporter ?? open.get(id);
    if (ph === "b" && frame) open.set(id, frame);
    else if (ph === "e" && frame) all.push({ ...frame, at: ts });
  }
  const scrolled = all.filter((frame) => frame.scroll_state !== "SCROLL_NONE");
  const counted = scrolled.length > 0 ? scrolled : all;
  const shown = counted.flatMap(({ state, at }) => (state.startsWith("STATE_PRESENTED") ? [at] : []));
  return {
    shown: shown.length,
    dropped: counted.filter(({ state, affects_smoothness }) => state === "STATE_DROPPED" && affects_smoothness).length,
    longestGap: Math.max(0, ...shown.slice(1).map((at, index) => (at - shown[index]!) / 1000)),
  };
}

function busiest(events: Event[]): number {
  const by = new Map<number, number>();
  const renderers = new Set(events.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain").map(({ pid }) => pid));
  for (const { pid, dur } of events) if (renderers.has(pid)) by.set(pid, (by.get(pid) ?? 0) + (dur ?? 0));
  return [...by].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}
