// Package dataplane wires a worker: it serves the requests of projects, and holds no state that matters.
package dataplane

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wayli-app/fluxbase/internal/config"
)

// Deps are what a worker is given besides its configuration.
type Deps struct {
	Log     *slog.Logger
	Metrics *prometheus.Registry
}

// Worker serves projects.
type Worker struct {
	cfg     config.Config
	handler http.Handler
}

// New makes a worker. It opens no connection that it needs to start: what is down is reported by Ready.
func New(_ context.Context, cfg config.Config, _ Deps) (*Worker, error) {
	return &Worker{cfg: cfg, handler: http.NotFoundHandler()}, nil
}

// Handler answers projects' requests, /healthz and /readyz.
func (w *Worker) Handler() http.Handler { return w.handler }

// Run does the worker's work in the background until ctx ends, and then hands in what it still holds.
func (w *Worker) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Ready reports why the worker should get no requests now, or nil.
func (w *Worker) Ready(context.Context) error { return errors.New("worker is being written") }

// Serves reports whether a request that reached the front of `fluxbase dev` is for the worker: it names a project's
// subdomain or a path below /p/.
func (w *Worker) Serves(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return strings.HasPrefix(r.URL.Path, "/p/") || strings.HasSuffix(host, "."+w.cfg.Domain)
}
