package metric

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/controlplane/store"
)

// latencyBounds part answers by how many milliseconds they took, as directory.v1 tells; a bucket more is beyond the last.
var latencyBounds = []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000}

// LatencyBuckets is how many numbers a histogram of latencies has at most.
const LatencyBuckets = 13

// counter is a measure that is made of what workers counted.
type counter struct {
	metric string
	value  func(store.UsageSeriesRow) float64
	// timed has a value only where there were requests.
	timed bool
}

var counted = []counter{
	{metric: Requests, value: func(r store.UsageSeriesRow) float64 { return float64(r.Requests) }},
	{metric: ServerErrors, value: func(r store.UsageSeriesRow) float64 { return float64(r.Errors) }},
	{metric: ClientErrors, value: func(r store.UsageSeriesRow) float64 { return float64(r.ClientErrors) }},
	{metric: EgressBytes, value: func(r store.UsageSeriesRow) float64 { return float64(r.EgressBytes) }},
	{metric: LatencyP50, value: func(r store.UsageSeriesRow) float64 { return percentile(r.Latency, 0.50) }, timed: true},
	{metric: LatencyP95, value: func(r store.UsageSeriesRow) float64 { return percentile(r.Latency, 0.95) }, timed: true},
	{metric: LatencyP99, value: func(r store.UsageSeriesRow) float64 { return percentile(r.Latency, 0.99) }, timed: true},
}

// counted reads the measures that workers count.
func (s *Service) counted(ctx context.Context, queries *store.Queries, id uuid.UUID, q Query) ([]Series, error) {
	services := q.Services
	if services == nil {
		services = []string{} // null would match nothing
	}
	rows, err := queries.UsageSeries(ctx, store.UsageSeriesParams{
		ProjectID: id, StepSeconds: q.Step.Seconds(), Starting: q.Start, MinutesFrom: q.minutesFrom(), Ending: q.End, ByService: q.ByService, Services: services,
	})
	if err != nil {
		return nil, fmt.Errorf("read usage by time: %w", err)
	}
	names := []string{""}
	if q.ByService {
		names = nil
		for _, r := range rows {
			if !slices.Contains(names, r.Service) {
				names = append(names, r.Service)
			}
		}
		slices.Sort(names)
	}
	var out []Series
	for _, c := range counted {
		if !q.wants(c.metric) {
			continue
		}
		for _, name := range names {
			series := Series{Metric: c.metric, Service: name}
			for _, r := range rows {
				if r.Service != name {
					continue
				}
				if value := c.value(r); value != 0 && (!c.timed || total(r.Latency) > 0) {
					series.Points = append(series.Points, Point{r.At, value})
				}
			}
			out = append(out, series)
		}
	}
	return out, nil
}

func total(latency []int64) int64 {
	sum := int64(0)
	for _, n := range latency {
		sum += n
	}
	return sum
}

// percentile is within how many milliseconds a part of the answers came. Within a bucket they are taken to be spread evenly; beyond the last
// bound nothing is known but that.
func percentile(latency []int64, part float64) float64 {
	rank, before, low := part*float64(total(latency)), 0.0, 0.0
	for i, n := range latency {
		if i == len(latencyBounds) {
			break
		}
		if n > 0 && before+float64(n) >= rank {
			return math.Round(1000*(low+(latencyBounds[i]-low)*(rank-before)/float64(n))) / 1000
		}
		before += float64(n)
		low = latencyBounds[i]
	}
	return low
}

// gauge is a measure that is taken from the clusters.
type gauge struct {
	metric string
	// most tells that the most within a step counts, and not the last.
	most bool
}

var gauges = []gauge{{metric: DatabaseBytes}, {metric: Connections, most: true}}

// gauge reads what a gauge showed. What it showed last holds until it changes, or until now.
func (s *Service) gauge(ctx context.Context, queries *store.Queries, id uuid.UUID, g gauge, q Query) ([]Point, error) {
	value, err := queries.GaugeBefore(ctx, store.GaugeBeforeParams{ProjectID: id, Gauge: g.metric, Starting: q.Start})
	known := err == nil
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("read %s: %w", g.metric, err)
	}
	changes, err := queries.GaugeChanges(ctx, store.GaugeChangesParams{
		ProjectID: id, Gauge: g.metric, StepSeconds: q.Step.Seconds(), Starting: q.Start, Ending: q.End,
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", g.metric, err)
	}
	end := q.End
	if now := s.Now(); now.Before(end) {
		end = now
	}
	var out []Point
	for at := q.Start; at.Before(end); at = at.Add(q.Step) {
		shown := value
		if len(changes) > 0 && changes[0].At.Equal(at) {
			shown = changes[0].Last
			if g.most {
				shown = changes[0].Most
				if known {
					shown = max(shown, value)
				}
			}
			value, known, changes = changes[0].Last, true, changes[1:]
		}
		if known {
			out = append(out, Point{at, float64(shown)})
		}
	}
	return out, nil
}

// sweepBatch is how many rows are removed at once.
const sweepBatch = 10_000

// Sweep forgets what was measured before a time, and tells how many rows that were.
func (s *Service) Sweep(ctx context.Context, before time.Time) (int64, error) {
	total := int64(0)
	for {
		n, err := store.New(s.Pool).ForgetGauges(ctx, store.ForgetGaugesParams{Before: before, MaxRows: sweepBatch})
		total += n
		if err != nil {
			return total, fmt.Errorf("forget old measures: %w", err)
		}
		if n < sweepBatch {
			return total, nil
		}
	}
}
