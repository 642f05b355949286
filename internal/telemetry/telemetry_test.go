package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/telemetry"
)

func TestLinesCarryTheContext(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, config.Default()).With("plane", "data")
	one := telemetry.With(t.Context(), slog.String("request_id", "r1"))
	two := telemetry.With(one, slog.String("project", "abc"))
	other := telemetry.With(one, slog.String("project", "xyz"))

	line := func() map[string]any {
		var m map[string]any
		require.NoError(t, json.Unmarshal(out.Bytes(), &m))
		out.Reset()
		return m
	}
	log.InfoContext(two, "hello", "key", config.Secret("hunter2"))
	m := line()
	require.Equal(t, "r1", m["request_id"])
	require.Equal(t, "abc", m["project"])
	require.Equal(t, "data", m["plane"])
	require.Equal(t, "***", m["key"])
	log.InfoContext(other, "hello")
	require.Equal(t, "xyz", line()["project"])
	log.DebugContext(other, "hidden")
	require.Empty(t, out.String())
}

func TestTextIsForTerminalsOnly(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := config.Default()
	c.Dev = true
	telemetry.NewLogger(&out, c).Info("x")
	require.True(t, json.Valid(out.Bytes()))
	out.Reset()
	c.LogFormat = "text"
	telemetry.NewLogger(&out, c).Info("x")
	require.Contains(t, out.String(), "msg=x")
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	telemetry.MetricsHandler(telemetry.NewRegistry("1.2.3")).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Contains(t, w.Body.String(), `fluxbase_build_info{version="1.2.3"} 1`)
}

func TestTraces(t *testing.T) {
	t.Parallel()
	got := make(chan string, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.URL.Path }))
	t.Cleanup(collector.Close)

	off, err := telemetry.StartTraces(t.Context(), config.Default(), "test", "1")
	require.NoError(t, err)
	require.NoError(t, off.Stop(t.Context()))

	c := config.Default()
	c.OTLPEndpoint = collector.URL + "/v1/traces"
	on, err := telemetry.StartTraces(t.Context(), c, "test", "1")
	require.NoError(t, err)
	on.Handler(http.NotFoundHandler(), "test").ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	require.NoError(t, on.Stop(t.Context()))
	require.Equal(t, "/v1/traces", <-got)
}
