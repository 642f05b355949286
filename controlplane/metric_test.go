package controlplane

import (
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

func TestMetricsOfAProject(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	stranger := b.project(b.organization("other"), "other").GetRef()
	start := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	for _, of := range []string{ref, stranger} {
		_, err := b.pool.Exec(t.Context(), `insert into usage_minute (project_id, service, minute, requests, errors, latency)
			select id, 'rest', $2, 4, 1, '{0,4}' from project where ref = $1`, of, start.Add(time.Minute))
		require.NoError(t, err)
	}
	_, err := b.pool.Exec(t.Context(), "insert into project_gauge (project_id, gauge, at, value) select id, 'connections', $2, 7 from project where ref = $1", ref, start)
	require.NoError(t, err)
	ask := func(p person, ref string, change func(*v1.GetMetricsRequest)) (*v1.GetMetricsResponse, error) {
		req := &v1.GetMetricsRequest{Ref: ref, Start: timestamppb.New(start.Add(time.Second)), End: timestamppb.New(start.Add(time.Hour)), Step: durationpb.New(30 * time.Minute)}
		if change != nil {
			change(req)
		}
		return p.projects.GetMetrics(t.Context(), req)
	}
	for _, role := range []string{"viewer", "billing", "developer", "owner"} {
		got, err := ask(b.join("acme", role), ref, func(r *v1.GetMetricsRequest) {
			r.Metrics = []v1.Metric{v1.Metric_METRIC_REQUESTS, v1.Metric_METRIC_LATENCY_P50, v1.Metric_METRIC_CONNECTIONS}
		})
		require.NoError(t, err, role)
		require.Equal(t, start, got.GetStart().AsTime())
		require.Equal(t, 30*time.Minute, got.GetStep().AsDuration())
		values := map[v1.Metric][]float64{}
		for _, s := range got.GetSeries() {
			for _, p := range s.GetPoints() {
				values[s.GetMetric()] = append(values[s.GetMetric()], p.GetValue())
			}
		}
		require.Equal(t, map[v1.Metric][]float64{
			v1.Metric_METRIC_REQUESTS: {4}, v1.Metric_METRIC_LATENCY_P50: {1.5}, v1.Metric_METRIC_CONNECTIONS: {7, 7},
		}, values)
	}
	got, err := ask(ada, ref, func(r *v1.GetMetricsRequest) { r.Step, r.ByService = nil, true })
	require.NoError(t, err)
	require.Equal(t, time.Minute, got.GetStep().AsDuration())
	require.Len(t, got.GetSeries(), 9)
	require.Equal(t, "rest", got.GetSeries()[0].GetService())

	_, err = ask(ada, stranger, nil)
	refused(t, err, connect.CodeNotFound, "PROJECT_NOT_FOUND")
	_, err = ask(ada, ref, func(r *v1.GetMetricsRequest) { r.Step = durationpb.New(time.Second) })
	require.Contains(t, refused(t, err, connect.CodeInvalidArgument, "METRICS_INVALID"), "step")
	for name, change := range map[string]func(*v1.GetMetricsRequest){
		"no start":        func(r *v1.GetMetricsRequest) { r.Start = nil },
		"no such time":    func(r *v1.GetMetricsRequest) { r.End = &timestamppb.Timestamp{Seconds: 1 << 60} },
		"no such step":    func(r *v1.GetMetricsRequest) { r.Step = &durationpb.Duration{Seconds: 1 << 60} },
		"a negative step": func(r *v1.GetMetricsRequest) { r.Step = durationpb.New(-time.Minute) },
		"no metric":       func(r *v1.GetMetricsRequest) { r.Metrics = []v1.Metric{0} },
		"no such metric":  func(r *v1.GetMetricsRequest) { r.Metrics = []v1.Metric{99} },
		"a service":       func(r *v1.GetMetricsRequest) { r.Services = []string{"mining"} },
	} {
		_, err = ask(ada, ref, change)
		require.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err), name)
	}
}
