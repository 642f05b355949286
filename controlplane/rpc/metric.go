package rpc

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/wayli-app/fluxbase/controlplane/metric"
	"github.com/wayli-app/fluxbase/internal/fault"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

const metricPrefix = "METRIC_"

// GetMetrics returns measures of the project over time.
func (s projectService) GetMetrics(ctx context.Context, req *v1.GetMetricsRequest) (*v1.GetMetricsResponse, error) {
	if !req.GetStart().IsValid() || !req.GetEnd().IsValid() || req.GetStep() != nil && !req.GetStep().IsValid() {
		return nil, fault.New(fault.Invalid, "METRICS_INVALID", "The start, the end or the step is none that there is.")
	}
	in := metric.Query{
		Start: req.GetStart().AsTime(), End: req.GetEnd().AsTime(), Step: req.GetStep().AsDuration(),
		Services: req.GetServices(), ByService: req.GetByService(),
	}
	for _, m := range req.GetMetrics() {
		in.Metrics = append(in.Metrics, strings.ToLower(strings.TrimPrefix(m.String(), metricPrefix)))
	}
	found, err := s.Measures.Read(ctx, req.GetRef(), in)
	if err != nil {
		return nil, err
	}
	out := &v1.GetMetricsResponse{Start: stamp(found.Start), Step: durationpb.New(found.Step)}
	for _, series := range found.Series {
		message := &v1.MetricSeries{Metric: v1.Metric(v1.Metric_value[metricPrefix+strings.ToUpper(series.Metric)]), Service: series.Service}
		for _, p := range series.Points {
			message.Points = append(message.Points, &v1.MetricPoint{Time: stamp(p.Time), Value: p.Value})
		}
		out.Series = append(out.Series, message)
	}
	return out, nil
}
