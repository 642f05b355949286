import type { Browser, CDPSession, Page } from "@playwright/test";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Event {
  name: string;
  ph: string;
  ts: number;
  dur?: number;
  pid: number;
  tid: number;
  args?: { name?: string; frame?: string; data?: Record<string, unknown> };
}

/** What a trace of Chromium tells of one page. Times are in milliseconds. */
export interface Traced {
  firstContentfulPaint: number;
  /** Of tasks of the main thread after the first contentful paint: what each took beyond 50 ms, added up. */
  totalBlockingTime: number;
  longestTask: number;
}

const categories = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing", "loading"];

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
  const start = events.filter(({ name, ts }) => name === "navigationStart" && (!paint || ts <= paint.ts)).at(-1);
  // The page's own process paints; another's tasks are not its.
  const pid = paint?.pid ?? busiest(events);
  const main = events.find(({ name, pid: own, args }) => name === "thread_name" && own === pid && args?.name === "CrRendererMain")?.tid;
  const tasks = events.filter((event) => event.pid === pid && event.tid === main && event.name.endsWith("RunTask") && event.dur);
  const after = tasks.filter(({ ts }) => ts >= (paint?.ts ?? 0));
  const milliseconds = after.map(({ dur }) => dur! / 1000);
  return {
    firstContentfulPaint: paint && start ? (paint.ts - start.ts) / 1000 : Number.NaN,
    totalBlockingTime: milliseconds.reduce((sum, each) => sum + Math.max(0, each - 50), 0),
    longestTask: Math.max(0, ...milliseconds),
  };
}

function busiest(events: Event[]): number {
  const by = new Map<number, number>();
  const renderers = new Set(events.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain").map(({ pid }) => pid));
  for (const { pid, dur } of events) if (renderers.has(pid)) by.set(pid, (by.get(pid) ?? 0) + (dur ?? 0));
  return [...by].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}
