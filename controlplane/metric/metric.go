// Package metric tells how projects do over time: what their workers counted, and the size of and the connections to their databases, which
// it measures on the clusters.
package metric

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/layout"
)

// What is measured of a project.
const (
	Requests      = "requests"
	ServerErrors  = "server_errors"
	ClientErrors  = "client_errors"
	EgressBytes   = "egress_bytes"
	LatencyP50    = "latency_p50"
	LatencyP95    = "latency_p95"
	LatencyP99    = "latency_p99"
	DatabaseBytes = "database_bytes"
	Connections   = "connections"
)

// Services are those that workers count for.
var Services = []string{"rest", "api", "graphql", "auth", "storage", "realtime", "functions", "meta"}

// Bounds of what is asked for.
const (
	maxPoints = 500
	maxRange  = 400 * 24 * time.Hour
)

// Longer ranges than exactRange are read from sums of halfHour, if the step is made of them.
const (
	halfHour   = 30 * time.Minute
	exactRange = 48 * time.Hour
)

// steps are the distances of points that are chosen from.
var steps = []time.Duration{
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour,
	6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// Clusters connects to the servers that hold projects, as their admin.
type Clusters interface {
	Admin(ctx context.Context, cluster uuid.UUID) (*layout.Cluster, error)
}

// Deps is what the service needs.
type Deps struct {
	Pool     *pgxpool.Pool
	Clusters Clusters
	Log      *slog.Logger
	// Now defaults to time.Now.
	Now func() time.Time
}

// Service measures projects and tells of it.
type Service struct{ Deps }

// New makes the service.
func New(d Deps) (*Service, error) {
	if d.Pool == nil || d.Clusters == nil || d.Log == nil {
		return nil, errors.New("metric: a dependency is missing")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{d}, nil
}

// Query says what is to be told.
type Query struct {
	Start, End time.Time
	// Step is the time between two points; zero has it chosen.
	Step time.Duration
	// Metrics and Services narrow the answer; empty is all.
	Metrics, Services []string
	// ByService tells of each service by itself.
	ByService bool
}

// Series is one measure over time.
type Series struct {
	Metric, Service string
	Points          []Point
}

// Point stands for the step that begins at its time.
type Point struct {
	Time  time.Time
	Value float64
}

// Answer is what a query found. Where nothing was counted or measured there is no point.
type Answer struct {
	Start  time.Time
	Step   time.Duration
	Series []Series
}

// Read answers a query about the project of ref. It fails with Invalid for a range or step that will not do.
func (s *Service) Read(ctx context.Context, ref string, in Query) (Answer, error) {
	q, err := in.checked()
	if err != nil {
		return Answer{}, err
	}
	queries := store.Read(ctx, s.Pool)
	row, err := queries.GetProjectByRef(ctx, ref)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && row.Project.Status == project.StatusPurged {
		return Answer{}, project.ErrNotFound
	}
	if err != nil {
		return Answer{}, fmt.Errorf("read project: %w", err)
	}
	out := Answer{Start: q.Start, Step: q.Step}
	if slices.ContainsFunc(counted, func(c counter) bool { return q.wants(c.metric) }) {
		if out.Series, err = s.counted(ctx, queries, row.Project.ID, q); err != nil {
			return Answer{}, err
		}
	}
	for _, g := range gauges {
		if !q.wants(g.metric) {
			continue
		}
		points, err := s.gauge(ctx, queries, row.Project.ID, g, q)
		if err != nil {
			return Answer{}, err
		}
		out.Series = append(out.Series, Series{Metric: g.metric, Points: points})
	}
	return out, nil
}

func (q Query) wants(metric string) bool {
	return len(q.Metrics) == 0 || slices.Contains(q.Metrics, metric)
}

// inHalfHours tells whether usage is read from sums of half hours.
func (q Query) inHalfHours() bool {
	return q.Step%halfHour == 0 && q.End.Sub(q.Start) > exactRange
}

// minutesFrom is where usage by the minute is read from: all of it, or what of the end is no whole half hour.
func (q Query) minutesFrom() time.Time {
	if q.inHalfHours() {
		return q.End.Truncate(halfHour)
	}
	return q.Start
}

// checked returns the query with a step, and with a start at a full minute or, if it is read so, at a full half hour.
func (q Query) checked() (Query, error) {
	invalid := func(field, format string, args ...any) (Query, error) {
		message := fmt.Sprintf(format, args...)
		return q, &fault.Error{Kind: fault.Invalid, Reason: "METRICS_INVALID", Message: message, Fields: map[string]string{field: message}}
	}
	q.Start = q.Start.UTC().Truncate(time.Minute)
	q.End = q.End.UTC()
	length := q.End.Sub(q.Start)
	switch {
	case q.Start.Year() < 2000 || q.End.Year() > 9999:
		return invalid("start", "The start must not be before the year 2000.")
	case length <= 0:
		return invalid("end", "The end must be after the start.")
	case length > maxRange:
		return invalid("end", "The end must be at most 400 days after the start.")
	}
	if q.Step == 0 {
		q.Step = chosen(length)
	}
	if q.Step < time.Minute || q.Step%time.Minute != 0 {
		return invalid("step", "The step must be of whole minutes, one at least.")
	}
	if points := (length + q.Step - 1) / q.Step; points > maxPoints {
		return invalid("step", "A step of %s makes %d points; %d are the most. A step of %s would do.", q.Step, points, maxPoints, chosen(length))
	}
	for _, name := range q.Services {
		if !slices.Contains(Services, name) {
			return invalid("services", "There is no service %q; services are %s.", name, strings.Join(Services, ", "))
		}
	}
	if q.inHalfHours() {
		q.Start = q.Start.Truncate(halfHour)
	}
	return q, nil
}

// chosen is the least step that makes no more points than there may be.
func chosen(length time.Duration) time.Duration {
	for _, step := range steps {
		if (length+step-1)/step <= maxPoints {
			return step
		}
	}
	return steps[len(steps)-1]
}
