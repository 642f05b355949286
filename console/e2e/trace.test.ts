import { expect, it } from "vitest";
import { readTrace } from "./trace";

it("counts a task once of which several parts of Chromium tell", () => {
  const here = { pid: 1, tid: 2 };
  const traced = readTrace([
    { ...here, name: "thread_name", ph: "M", ts: 0, args: { name: "CrRendererMain" } },
    { ...here, name: "firstContentfulPaint", ph: "I", ts: 1000 },
    { ...here, name: "RunTask", ph: "X", ts: 2000, dur: 120_000, tdur: 90_000 },
    { ...here, name: "ThreadControllerImpl::RunTask", ph: "X", ts: 2010, dur: 119_000, tdur: 89_000 },
    { ...here, name: "RunTask", ph: "X", ts: 200_000, dur: 60_000, tdur: 10_000 },
  ]);
  expect(traced).toMatchObject({ totalBlockingTime: 80, longTasks: 2, longestTask: 120, longestWork: 90 });
});
