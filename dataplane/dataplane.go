// Package dataplane wires a worker: it serves the requests of projects, and holds no state that matters.
package dataplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/wayli-app/fluxbase/dataplane/auth"
	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/failure"
	"github.com/wayli-app/fluxbase/dataplane/gateway"
	"github.com/wayli-app/fluxbase/dataplane/limit"
	"github.com/wayli-app/fluxbase/dataplane/meta"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest"
	"github.com/wayli-app/fluxbase/dataplane/rest/api"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/openapi"
	"github.com/wayli-app/fluxbase/dataplane/revocation"
	"github.com/wayli-app/fluxbase/dataplane/storage"
	"github.com/wayli-app/fluxbase/dataplane/usage"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/mail"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// Deps are what a worker is given besides its configuration.
type Deps struct {
	Log     *slog.Logger
	Metrics *prometheus.Registry
	// Mail sends the mail of projects without a mail server of their own; nil is the mail server of the configuration, or none.
	Mail mail.Sender
}

// Worker serves projects.
type Worker struct {
	cfg       config.Config
	log       *slog.Logger
	directory *directory.Directory
	door      *projectdb.Door
	redis     redis.UniversalClient
	jobs      *outbox.Queue
	messages  *message.Outbox
	egress    *egress.Guard
	revoked   *revocation.List
	failures  *failure.Journal
	sealer    *seal.Sealer
	usage     *usage.Recorder
	files     *storage.Service
	gateway   *gateway.Gateway
	stopping  atomic.Bool
	ballast   ballast
}

// New makes a worker. It opens no connection: what is down is reported by Ready, and served around where it can be.
func New(_ context.Context, cfg config.Config, deps Deps) (*Worker, error) {
	sealer, err := seal.New(cfg.MasterKey.Reveal())
	if err != nil {
		return nil, err
	}
	options, err := redis.ParseURL(cfg.RedisURL.Reveal())
	if err != nil {
		return nil, errors.New("FLUXBASE_REDIS_URL is no address of a Redis") // the cause repeats the URL, which may hold a password
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = time.Second, time.Second, time.Second
	w := &Worker{cfg: cfg, log: deps.Log, redis: redis.NewClient(options), egress: egress.NewGuard(cfg.EgressNetworks()), sealer: sealer}
	worker := workerID()
	if w.directory, err = directory.New(directory.Deps{
		URL: cfg.Dataplane.DirectoryURL, ServiceToken: cfg.ServiceToken.Reveal(), CacheDir: cfg.Dataplane.CacheDir, Sealer: sealer,
		StaleLimit: cfg.Dataplane.StaleLimit, WorkerID: worker, Log: deps.Log, Metrics: deps.Metrics,
	}); err != nil {
		return nil, err
	}
	w.door = projectdb.New(projectdb.Deps{ //nolint:contextcheck // its own work outlives this call
		Log: deps.Log, Metrics: deps.Metrics, MaxConnections: cfg.Dataplane.MaxConnections, IdleTimeout: cfg.Dataplane.IdleTimeout, Served: w.serves,
	})
	w.directory.OnChange(func(ref string) { //nolint:contextcheck // closing outlives what told of the change
		if !w.serves(ref) {
			w.door.Forget(ref)
		}
	})
	w.usage = usage.New(usage.Deps{Reporter: w.directory, WorkerID: worker, Log: deps.Log, Metrics: deps.Metrics})
	limiter := limit.New(limit.Deps{Redis: w.redis, Log: deps.Log, Metrics: deps.Metrics})
	w.failures = failure.New(failure.Deps{Redis: w.redis, Log: deps.Log, Metrics: deps.Metrics})
	w.revoked = revocation.New(revocation.Deps{Redis: w.redis, Log: deps.Log, Metrics: deps.Metrics})
	if err = w.newJobs(deps, attempts{limiter}, w.egress); err != nil {
		return nil, err
	}
	if w.files, err = storage.New(storage.Deps{
		Log: deps.Log, Metrics: deps.Metrics, Store: cfg.S3, Settings: cfg.Storage, Queue: w.jobs, Redis: w.redis, Egress: w.egress, Sealer: sealer,
		Binder: w.door, Tokens: tokens{w}, Gauge: w.usage, WorkerID: worker, Version: cfg.Version,
	}); err != nil {
		return nil, err
	}
	if w.gateway, err = gateway.New(gateway.Deps{
		Projects: w.directory, Revocations: w.revoked, Limits: limiter, Usage: w.usage, Failures: w.failures, Binder: w.door, Services: w.services(limiter),
		Domain: cfg.Domain, WorkerURL: cfg.WorkerURL, TrustedProxies: cfg.TrustedProxies,
		MaxBody: int64(cfg.Dataplane.MaxBodyBytes), Timeout: cfg.Dataplane.RequestTimeout, Log: deps.Log, Metrics: deps.Metrics,
	}); err != nil {
		return nil, err
	}
	return w, nil
}

// tokens has storage judge tokens as the gateway does, which is made after it.
type tokens struct{ w *Worker }

func (t tokens) Caller(ctx context.Context, p *directory.Project, jwt string) (projectdb.Caller, error) {
	return t.w.gateway.Caller(ctx, p, jwt)
}

// maxFile bounds requests with files: the largest that S3 keeps, and what comes with it.
const maxFile = 5<<40 + 10<<20

// serves reports whether a project is known to be active.
func (w *Worker) serves(ref string) bool {
	p := w.directory.Known(ref)
	return p != nil && p.Status == directory.Active
}

// services are what a project serves.
func (w *Worker) services(limiter *limit.Limiter) []gateway.Service {
	requests, configs := engine.New(catalog.NewCache()), rest.ProjectConfigs()
	users := auth.New(auth.Deps{
		Log: w.log, Limiter: attempts{limiter}, Revoker: w.revoked, Messages: w.messages, Egress: w.egress, Sealer: w.sealer, Version: w.cfg.Version,
	})
	return []gateway.Service{
		{Name: "auth", Prefix: "/auth/v1", Handler: users},
		{Name: "api", Prefix: "/api/v1/auth", Handler: users.API()},
		{Name: "rest", Prefix: "/rest/v1", Handler: rest.New(rest.Deps{
			Log: w.log, Engine: requests, Config: configs, Describer: openapi.Describer{Engine: requests, Version: w.cfg.Version},
		})},
		{Name: "api", Prefix: "/api/v1", Handler: api.New(api.Deps{Log: w.log, Engine: requests, Config: configs, Version: w.cfg.Version})},
		{Name: "storage", Prefix: "/storage/v1", Handler: w.files, MaxBody: maxFile, Timeout: w.cfg.Storage.TransferTimeout},
		{Name: "api", Prefix: "/api/v1/storage", Handler: w.files.API(), MaxBody: maxFile, Timeout: w.cfg.Storage.TransferTimeout},
		{Name: "meta", Prefix: "/meta/v1", Access: gateway.DeveloperAccess, Timeout: w.cfg.Storage.TransferTimeout,
			Handler: meta.New(meta.Deps{Log: w.log, Failures: w.failures})},
	}
}

// attempts lets auth count in the limiter.
type attempts struct{ *limit.Limiter }

func (a attempts) Allow(ctx context.Context, ref, key string, rate guard.Rate) (bool, time.Duration) {
	answer := a.Name(ctx, ref, key, limit.Rate{PerSecond: rate.PerSecond, Burst: rate.Burst})
	return answer.Allowed, answer.RetryAfter
}

// workerID tells workers apart in the control plane's log.
func workerID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return fmt.Sprintf("%.60s/%s", host, uuid.NewString()[:8])
}

// Handler answers projects' requests, and the probes /healthz and /readyz on the worker's own address.
func (w *Worker) Handler() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !w.gateway.Subdomain(r.Host) {
			switch r.URL.Path {
			case "/healthz":
				probe(rw, nil)
				return
			case "/readyz":
				probe(rw, w.Ready(r.Context()))
				return
			}
		}
		w.ballast.requests.Add(1)
		w.gateway.ServeHTTP(rw, r)
	})
}

func probe(rw http.ResponseWriter, err error) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	if err != nil {
		rw.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(rw, err)
		return
	}
	_, _ = fmt.Fprintln(rw, "ok")
}

// Run watches for changes and hands usage in, until ctx ends. Then it waits for the requests that are still running, hands
// in what is left and closes its connections.
func (w *Worker) Run(ctx context.Context) error {
	// Usage goes on until the last request is counted.
	counting, stopCounting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCounting()
	var counted errgroup.Group
	counted.Go(func() error { return w.usage.Run(counting) })
	counted.Go(func() error { return w.failures.Run(counting) })
	counted.Go(func() error { w.ballast.run(counting); return nil })
	var worked errgroup.Group
	worked.Go(func() error { return w.jobs.Run(ctx) })
	worked.Go(func() error { return w.revoked.Run(ctx) })
	err := w.directory.Run(ctx)
	w.stopping.Store(true)
	jobs := worked.Wait() // before the door closes: jobs that run write down how they ended
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(w.cfg.DrainTimeout, time.Second))
	defer cancel()
	w.files.Close(draining)
	closed := w.door.Close(draining)
	stopCounting()
	return errors.Join(err, jobs, closed, counted.Wait(), w.redis.Close())
}

// Ready reports why the worker should get no requests now, or nil. A worker goes on without Redis, and without the control
// plane for the projects that it knows.
func (w *Worker) Ready(context.Context) error {
	if w.stopping.Load() {
		return errors.New("stopping")
	}
	return w.directory.Ready()
}

// Serves reports whether a request that reached the front of `fluxbase dev` is for the worker: it names a project's
// subdomain or a path below /p/.
func (w *Worker) Serves(r *http.Request) bool { return w.gateway.Names(r) }
