import type { ReactNode } from "react";
import { TimeChart, type Series, type Unit } from "@/components/chart";
import { zone } from "@/components/chart/series";
import { pointsOf } from "@/features/project/activity/measures";
import { filled, sum, type Span } from "@/features/project/activity/range";
import { Metric, type GetMetricsResponse } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { bytes, count, took } from "@/lib/format";

interface Props {
  answer: GetMetricsResponse | undefined;
  span: Span;
  now: number;
  loading: boolean;
  /** The one that is looked at; none for all of the app. */
  service?: string;
}

/** Six charts that point to the same time together. */
export function Charts({ answer, span, now, loading, service }: Props) {
  const points = (metric: Metric) => pointsOf(answer, metric);
  const counts = (metric: Metric, name: string, kind: Series["kind"]): Series => ({ name, kind, points: filled(points(metric), span, now, 0) });
  const measures = (metric: Metric, name: string, kind: Series["kind"]): Series => ({ name, kind, points: filled(points(metric), span, now, null) });
  const total = (metric: Metric) => sum(points(metric));
  const last = (metric: Metric) => points(metric).at(-1)?.value;
  const quiet = (...metrics: Metric[]) => metrics.every((metric) => points(metric).length === 0);
  const failed = total(Metric.SERVER_ERRORS) + total(Metric.CLIENT_ERRORS);
  const slowest = points(Metric.LATENCY_P95).reduce((most, { value }) => Math.max(most, value), 0);
  const size = last(Metric.DATABASE_BYTES);
  const connections = last(Metric.CONNECTIONS);
  const common = { span, loading };
  const nothing = "No requests in this time";
  return (
    <>
      <div className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3">
        <Card {...common} name="Requests" value={count(total(Metric.REQUESTS))} series={quiet(Metric.REQUESTS) ? [] : [counts(Metric.REQUESTS, "Requests", "area")]} empty={nothing} />
        <Card
          {...common}
          name="Errors"
          value={count(failed)}
          about={total(Metric.SERVER_ERRORS) > 0 ? `${count(total(Metric.SERVER_ERRORS))} of the server` : undefined}
          series={quiet(Metric.SERVER_ERRORS, Metric.CLIENT_ERRORS) ? [] : [counts(Metric.SERVER_ERRORS, "Server, 5xx", "area"), counts(Metric.CLIENT_ERRORS, "Client, 4xx", "line")]}
          empty={quiet(Metric.REQUESTS) ? nothing : "No errors in this time"}
        />
        <Card
          {...common}
          name="Latency"
          unit="ms"
          value={slowest > 0 ? took(slowest) : "—"}
          about={slowest > 0 ? "highest p95" : undefined}
          series={quiet(Metric.LATENCY_P95) ? [] : [measures(Metric.LATENCY_P50, "p50", "line"), measures(Metric.LATENCY_P95, "p95", "line")]}
          empty={nothing}
        />
        <Card {...common} name="Egress" unit="bytes" value={bytes(total(Metric.EGRESS_BYTES))} series={quiet(Metric.EGRESS_BYTES) ? [] : [counts(Metric.EGRESS_BYTES, "Sent", "area")]} empty={nothing} />
        <Card
          {...common}
          name="Database size"
          unit="bytes"
          value={size === undefined ? "—" : bytes(size)}
          about={service ? "of all services" : undefined}
          series={quiet(Metric.DATABASE_BYTES) ? [] : [measures(Metric.DATABASE_BYTES, "Size", "area")]}
          empty="Measured within a minute of its creation"
        />
        <Card
          {...common}
          name="Connections"
          value={connections === undefined ? "—" : count(connections)}
          about={service ? "of all services" : undefined}
          series={quiet(Metric.CONNECTIONS) ? [] : [measures(Metric.CONNECTIONS, "Connections", "line")]}
          empty="Counted within a minute"
        />
      </div>
      <p className="text-xs text-muted">Times are of the zone {zone}.</p>
    </>
  );
}

interface CardProps {
  name: string;
  value: string;
  about?: string;
  series: Series[];
  unit?: Unit;
  span: Span;
  loading: boolean;
  empty: ReactNode;
}

function Card({ name, value, about, series, unit, span, loading, empty }: CardProps) {
  return (
    <div className="flex min-w-0 flex-col gap-2 rounded-md border border-border px-3 pt-2.5 pb-1.5">
      <div>
        <h3 className="text-xs text-muted">{name}</h3>
        <p className="text-lg leading-7 font-semibold tabular-nums" data-testid={`total-${name}`}>
          {loading ? " " : value} {!loading && about && <span className="text-xs font-normal text-muted">{about}</span>}
        </p>
      </div>
      <TimeChart className="mt-auto" label={name} series={series} unit={unit} range={{ from: span.from, to: span.to }} sync="project" height={132} loading={loading} empty={empty} />
    </div>
  );
}
