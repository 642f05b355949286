import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { keepPreviousData } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { spanOf, type RangeId, type Span } from "@/features/project/activity/range";
import { Metric, ProjectService, type GetMetricsResponse } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { dateOf } from "@/lib/format";

/** What the project's app does: everything but SQL of developers, of which the console's own is most. */
export const appServices = ["rest", "api", "graphql", "auth", "storage", "realtime", "functions"];

export const serviceName: Record<string, string> = {
  rest: "REST",
  api: "Fluxbase API",
  graphql: "GraphQL",
  auth: "Auth",
  storage: "Storage",
  realtime: "Realtime",
  functions: "Functions",
  meta: "SQL and catalog",
  none: "No service",
};

/** The time now, anew every so many milliseconds. */
export function useNow(every: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** How often what is shown is asked for anew, in milliseconds; longer times change less. */
export const refreshEvery = 30_000;
const often = (span: Span): number => Math.min(Math.max(span.step * 250, 15_000), 300_000);

export function useSpan(range: RangeId): { span: Span; now: number } {
  const now = useNow(15_000);
  return { span: spanOf(range, now), now };
}

/** Every measure of the project over time, kept current while it is looked at. */
export function useMetrics(ref: string, span: Span, services: string[]) {
  return useQuery(
    ProjectService.method.getMetrics,
    { ref, start: timestampFromDate(span.from), end: timestampFromDate(span.to), step: durationFromMs(span.step * 1000), services },
    { refetchInterval: often(span), placeholderData: keepPreviousData },
  );
}

/** What each service did in the whole span. */
export function useByService(ref: string, span: Span) {
  const length = span.to.getTime() - span.from.getTime();
  return useQuery(
    ProjectService.method.getMetrics,
    { ref, start: timestampFromDate(span.from), end: timestampFromDate(span.to), step: durationFromMs(length), byService: true, metrics: counted },
    { refetchInterval: often(span), placeholderData: keepPreviousData },
  );
}

const counted = [Metric.REQUESTS, Metric.SERVER_ERRORS, Metric.CLIENT_ERRORS, Metric.EGRESS_BYTES, Metric.LATENCY_P50, Metric.LATENCY_P95];

/** The points of one measure. */
export function pointsOf(answer: GetMetricsResponse | undefined, metric: Metric, service = ""): { time: Date; value: number }[] {
  const series = answer?.series.find((each) => each.metric === metric && each.service === service);
  return (series?.points ?? []).map((point) => ({ time: dateOf(point.time)!, value: point.value }));
}

export interface ServiceRow {
  service: string;
  requests: number;
  serverErrors: number;
  clientErrors: number;
  egress: number;
  p50?: number;
  p95?: number;
}

/** One row for each service that did something, the busiest first. */
export function rowsOf(answer: GetMetricsResponse): ServiceRow[] {
  const services = [...new Set(answer.series.map((each) => each.service).filter(Boolean))];
  const only = (service: string, metric: Metric) => pointsOf(answer, metric, service)[0]?.value;
  return services
    .map((service) => ({
      service,
      requests: only(service, Metric.REQUESTS) ?? 0,
      serverErrors: only(service, Metric.SERVER_ERRORS) ?? 0,
      clientErrors: only(service, Metric.CLIENT_ERRORS) ?? 0,
      egress: only(service, Metric.EGRESS_BYTES) ?? 0,
      p50: only(service, Metric.LATENCY_P50),
      p95: only(service, Metric.LATENCY_P95),
    }))
    .toSorted((one, other) => other.requests - one.requests || one.service.localeCompare(other.service));
}
