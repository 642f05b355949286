package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wayli-app/fluxbase/console"
	"github.com/wayli-app/fluxbase/controlplane"
	"github.com/wayli-app/fluxbase/dataplane"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/daemon"
	"github.com/wayli-app/fluxbase/internal/mail"
	"github.com/wayli-app/fluxbase/internal/telemetry"
)

// plane is what both planes are to their process.
type plane interface {
	Handler() http.Handler
	Run(ctx context.Context) error
	Ready(ctx context.Context) error
}

var (
	_ plane = (*controlplane.Server)(nil)
	_ plane = (*dataplane.Worker)(nil)
)

// host is what a process gives to the planes that it runs.
type host struct {
	config  config.Config
	log     *slog.Logger
	metrics *prometheus.Registry
	traces  *telemetry.Traces
	process *daemon.Process
}

// newHost makes the logger, the metrics with their listener, and the traces.
func newHost(ctx context.Context, c config.Config, log *slog.Logger, name string) (*host, error) {
	h := &host{config: c, log: log, metrics: telemetry.NewRegistry(buildVersion()), process: daemon.New(log, c.DrainTimeout)}
	traces, err := telemetry.StartTraces(ctx, c, name, buildVersion())
	if err != nil {
		return nil, err
	}
	h.traces = traces
	h.process.OnStop("traces", traces.Stop)
	if c.MetricsListen != "" {
		listeners, err := daemon.Listen(ctx, c.MetricsListen, config.EnvName("metrics_listen"))
		if err != nil {
			return nil, err
		}
		h.process.Serve("metrics", listeners, telemetry.MetricsHandler(h.metrics))
	}
	return h, nil
}

// controlplane makes the control plane. The inbox is nil where mail is sent.
func (h *host) controlplane(ctx context.Context, inbox *mail.Memory) (*controlplane.Server, error) {
	deps := controlplane.Deps{
		Log: h.log.With("plane", "control"), Metrics: h.metrics, Mail: mail.New(h.config.SMTP),
		Console: console.Handler(console.Options{ConnectSources: []string{origin(h.config.WorkerURL)}}),
		Version: buildVersion(),
	}
	if inbox != nil {
		deps.Mail, deps.Inbox = inbox, inbox
	}
	return controlplane.New(ctx, h.config, deps)
}

// worker makes a worker. The inbox is nil where mail is sent.
func (h *host) worker(ctx context.Context, inbox *mail.Memory) (*dataplane.Worker, error) {
	deps := dataplane.Deps{Log: h.log.With("plane", "data"), Metrics: h.metrics}
	if inbox != nil {
		deps.Mail = inbox
	}
	return dataplane.New(ctx, h.config, deps)
}

// run runs a plane behind listeners until ctx ends: requests are drained first, then the plane's own work.
func (h *host) run(ctx context.Context, name string, p plane, listeners []net.Listener) error {
	h.process.Go(ctx, name, p.Run)
	h.process.Serve(name+" http", listeners, h.traces.Handler(p.Handler(), name))
	h.log.Info("serving", "plane", name, "address", listeners[0].Addr().String(), "version", buildVersion())
	return h.process.Wait(ctx)
}

// origin is the scheme and host of an address.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
}
