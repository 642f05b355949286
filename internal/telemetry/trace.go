package telemetry

import (
	"context"
	"fmt"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/wayli-app/fluxbase/internal/config"
)

// Traces sends spans by OTLP; the zero value does nothing.
type Traces struct{ provider *trace.TracerProvider }

// StartTraces begins to send traces when the configuration names where to; else it does nothing. It sets OpenTelemetry's
// global provider, which libraries use.
func StartTraces(ctx context.Context, c config.Config, service, version string) (*Traces, error) {
	if c.OTLPEndpoint == "" {
		return &Traces{}, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.OTLPEndpoint))
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "fluxbase-"+service), attribute.String("service.version", version),
	)))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return &Traces{provider}, nil
}

// Handler makes a span of each request. Without traces it returns the handler as it is.
func (t *Traces) Handler(h http.Handler, name string) http.Handler {
	if t.provider == nil {
		return h
	}
	// Clients are strangers: their trace becomes a link, not a parent.
	return otelhttp.NewHandler(h, name, otelhttp.WithTracerProvider(t.provider), otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }))
}

// Stop sends what is still held.
func (t *Traces) Stop(ctx context.Context) error {
	if t.provider == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}
