package rpc

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
)

// counter is the interceptor that counts and times requests for Prometheus.
type counter struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	streams  prometheus.Gauge
}

var _ connect.Interceptor = (*counter)(nil)

func newCounter(registry prometheus.Registerer) (*counter, error) {
	c := &counter{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fluxbase_controlplane_requests_total", Help: "Requests to the management API, by procedure and code.",
		}, []string{"procedure", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fluxbase_controlplane_request_seconds", Help: "Time to answer requests that are not streams.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 10),
		}, []string{"procedure"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "fluxbase_controlplane_streams", Help: "Open streams."}),
	}
	for _, metric := range []prometheus.Collector{c.requests, c.seconds, c.streams} {
		if err := registry.Register(metric); err != nil {
			return nil, fmt.Errorf("register metrics of rpc: %w", err)
		}
	}
	return c, nil
}

func (c *counter) count(procedure string, err error) {
	code := "ok"
	if err != nil {
		code = connect.CodeOf(err).String()
	}
	c.requests.WithLabelValues(procedure, code).Inc()
}

// WrapUnary counts and times requests.
func (c *counter) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		began := time.Now()
		res, err := next(ctx, req)
		c.seconds.WithLabelValues(req.Spec().Procedure).Observe(time.Since(began).Seconds())
		c.count(req.Spec().Procedure, err)
		return res, err
	}
}

// WrapStreamingClient does nothing: there are no clients here.
func (c *counter) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler counts streams.
func (c *counter) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		c.streams.Inc()
		defer c.streams.Dec()
		err := next(ctx, conn)
		c.count(conn.Spec().Procedure, err)
		return err
	}
}
