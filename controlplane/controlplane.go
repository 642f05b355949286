// Package controlplane wires the control plane: the management API, the directory of the workers, the jobs that carry
// projects out, and the console.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"

	"github.com/wayli-app/fluxbase/controlplane/account"
	"github.com/wayli-app/fluxbase/controlplane/apikey"
	"github.com/wayli-app/fluxbase/controlplane/audit"
	"github.com/wayli-app/fluxbase/controlplane/cluster"
	"github.com/wayli-app/fluxbase/controlplane/directory"
	"github.com/wayli-app/fluxbase/controlplane/idempotency"
	"github.com/wayli-app/fluxbase/controlplane/metric"
	"github.com/wayli-app/fluxbase/controlplane/organization"
	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/provision"
	"github.com/wayli-app/fluxbase/controlplane/quota"
	"github.com/wayli-app/fluxbase/controlplane/rpc"
	"github.com/wayli-app/fluxbase/controlplane/signingkey"
	"github.com/wayli-app/fluxbase/controlplane/snippet"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/mail"
	"github.com/wayli-app/fluxbase/internal/pg"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// Deps is what the control plane gets from its process.
type Deps struct {
	Log     *slog.Logger
	Metrics *prometheus.Registry
	Mail    mail.Sender
	// Inbox is nil outside `fluxbase dev`.
	Inbox mail.Inbox
	// Console serves what is neither API nor directory.
	Console http.Handler
	// Version is the build's, for the console.
	Version string
}

// Server is a control plane. Any number may run at once on one control database.
type Server struct {
	cfg           config.Config
	deps          Deps
	pool          *pgxpool.Pool
	sealer        *seal.Sealer
	audit         *audit.Log
	plans         *quota.Plans
	projects      *project.Service
	changes       *project.Changes
	keys          *apikey.Service
	signingKeys   *signingkey.Service
	snippets      *snippet.Service
	clusters      *cluster.Service
	provisioner   *provision.Provisioner
	measures      *metric.Service
	organizations *organization.Service
	accounts      *account.Service
	repeats       *idempotency.Keys
	directory     *directory.Directory
	jobs          *river.Client[pgx.Tx]
	handler       http.Handler
	// started is closed when the platform project and the first cluster stand.
	started chan struct{}
}

// New makes a control plane. It migrates nothing and starts nothing.
func New(ctx context.Context, cfg config.Config, deps Deps) (*Server, error) {
	if deps.Log == nil || deps.Metrics == nil || deps.Mail == nil || deps.Console == nil {
		return nil, errors.New("controlplane: a dependency is missing")
	}
	s := &Server{cfg: cfg, deps: deps, started: make(chan struct{})}
	var err error
	if s.sealer, err = seal.New(cfg.MasterKey.Reveal()); err != nil {
		return nil, err
	}
	if s.pool, err = openPool(ctx, cfg); err != nil {
		return nil, err
	}
	if err := s.wire(); err != nil {
		s.pool.Close()
		return nil, err
	}
	return s, nil
}

func openPool(ctx context.Context, cfg config.Config) (*pgxpool.Pool, error) {
	options, err := pgxpool.ParseConfig(cfg.DatabaseURL.Reveal())
	if err != nil {
		return nil, errors.New("FLUXBASE_DATABASE_URL is not a postgres:// URL")
	}
	options.MaxConns = int32(max(cfg.Controlplane.MaxConnections, 5))
	options.MaxConnIdleTime = time.Minute
	options.ConnConfig.RuntimeParams["application_name"] = "fluxbase-controlplane"
	pool, err := pgxpool.NewWithConfig(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("control database: %w", err)
	}
	return pool, nil
}

// wire makes the domains and what serves them.
func (s *Server) wire() error {
	var err error
	if s.audit, err = audit.New(s.pool); err != nil {
		return err
	}
	if s.keys, err = apikey.New(apikey.Deps{Pool: s.pool, Sealer: s.sealer, Audit: s.audit}); err != nil {
		return err
	}
	if s.signingKeys, err = signingkey.New(signingkey.Deps{Pool: s.pool, Sealer: s.sealer, Audit: s.audit}); err != nil {
		return err
	}
	if s.snippets, err = snippet.New(snippet.Deps{Pool: s.pool, Audit: s.audit}); err != nil {
		return err
	}
	if s.clusters, err = cluster.New(cluster.Deps{Pool: s.pool, Sealer: s.sealer, Audit: s.audit, Log: s.deps.Log}); err != nil {
		return err
	}
	if s.provisioner, err = provision.New(provision.Deps{
		Pool: s.pool, Sealer: s.sealer, Clusters: s.clusters, Keys: s.keys, Buckets: provision.NewObjectStore(s.cfg.S3),
		BucketPrefix: s.cfg.S3.BucketPrefix, Log: s.deps.Log,
	}); err != nil {
		return err
	}
	if s.measures, err = metric.New(metric.Deps{Pool: s.pool, Clusters: s.clusters, Log: s.deps.Log}); err != nil {
		return err
	}
	workers := river.NewWorkers()
	if s.jobs, err = s.newJobs(workers); err != nil {
		return err
	}
	if s.plans, err = quota.New(s.pool); err != nil {
		return err
	}
	if s.repeats, err = idempotency.New(s.pool, s.sealer, nil); err != nil {
		return err
	}
	s.changes = project.NewChanges(s.pool.Config().ConnConfig, s.deps.Log)
	if s.projects, err = project.New(project.Deps{
		Pool: s.pool, Sealer: s.sealer, Jobs: s.jobs, Quota: s.plans, Audit: s.audit, Addresses: s.cfg,
		PublicURL: s.cfg.PublicURL, AutoConfirm: s.cfg.Dev, Mails: s.cfg.SMTP.Host != "", DeleteGrace: s.cfg.DeleteGrace, Log: s.deps.Log,
	}); err != nil {
		return err
	}
	plan := "free"
	if s.cfg.Dev {
		plan = "unlimited" // a developer's machine is nobody's to ration
	}
	if s.organizations, err = organization.New(organization.Deps{
		Pool: s.pool, Sealer: s.sealer, Jobs: s.jobs, Audit: s.audit, DefaultPlan: plan, PublicURL: s.cfg.PublicURL,
	}); err != nil {
		return err
	}
	if s.accounts, err = account.New(account.Deps{
		Pool: s.pool, Platform: s.projects, Audit: s.audit, FirstOperates: s.cfg.Dev,
	}); err != nil {
		return err
	}
	if s.directory, err = directory.New(directory.Deps{
		Pool: s.pool, Sealer: s.sealer, ServiceToken: s.cfg.ServiceToken.Reveal(), URL: s.cfg.ProjectBaseURL, Log: s.deps.Log,
	}); err != nil {
		return err
	}
	s.addWorkers(workers)
	return s.mount()
}

// mount makes the handler of everything that the control plane serves.
func (s *Server) mount() error {
	tracing, err := s.tracing()
	if err != nil {
		return err
	}
	api, err := rpc.New(rpc.Deps{
		Accounts: s.accounts, Organizations: s.organizations, Projects: s.projects, Measures: s.measures, Changes: s.changes, Keys: s.keys, SigningKeys: s.signingKeys, Snippets: s.snippets,
		Plans: s.plans, Audit: s.audit, Repeats: s.repeats, Clusters: s.clusters, Inbox: s.deps.Inbox, Sealer: s.sealer, Log: s.deps.Log,
		Metrics: s.deps.Metrics, Tracing: tracing, PublicURL: s.cfg.PublicURL, TrustedProxies: s.cfg.TrustedProxies,
		RequestsPerSecond: s.cfg.Controlplane.RequestsPerSecond, StreamsPerAccount: s.cfg.Controlplane.StreamsPerAccount,
	})
	if err != nil {
		return err
	}
	router := chi.NewRouter()
	for _, path := range api.Paths() {
		router.Mount(path, api)
	}
	router.Mount(s.directory.Handler())
	router.Get("/config.json", s.serveConfig)
	router.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	router.Get("/readyz", s.serveReady)
	router.NotFound(s.secured(s.deps.Console).ServeHTTP)
	s.handler = router
	return nil
}

// Handler serves the API, the directory, the console and the probes.
func (s *Server) Handler() http.Handler { return s.handler }

// Run makes what must stand, works jobs and listens for changes until ctx ends; then it lets running jobs end, at most for the
// configured time, and closes the database.
func (s *Server) Run(ctx context.Context) error {
	defer s.pool.Close()
	defer s.clusters.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.changes.Run(ctx) })
	group.Go(func() error { return s.projects.FollowPlatform(ctx, s.changes) })
	group.Go(func() error { return s.directory.Run(ctx) })
	group.Go(func() error {
		if !s.prepareUntilDone(ctx) {
			return nil
		}
		return s.work(ctx)
	})
	group.Go(func() error { return s.provisioner.Run(ctx) })
	return group.Wait()
}

// prepareUntilDone tries until the platform project and the first cluster stand: a database that is down for a moment at the
// start is no reason to end. It reports whether they stand, which they do unless ctx ended.
func (s *Server) prepareUntilDone(ctx context.Context) bool {
	wait := 100 * time.Millisecond
	for {
		err := s.prepare(ctx)
		if err == nil {
			close(s.started)
			return true
		}
		if ctx.Err() == nil {
			s.deps.Log.ErrorContext(ctx, "the control plane cannot start yet; trying again", "error", unmigrated(err), "in", wait.String())
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
		wait = min(2*wait, 10*time.Second)
	}
}

// unmigrated says what to do when an error comes of tables or columns that the control database lacks.
func unmigrated(err error) error {
	switch pg.Code(err) {
	case pgerrcode.UndefinedTable, pgerrcode.UndefinedColumn, pgerrcode.UndefinedFunction:
		return fmt.Errorf("the control database is behind this version: run `fluxbase migrate`: %w", err)
	}
	return err
}

// prepare makes the first cluster and the platform project unless they stand.
func (s *Server) prepare(ctx context.Context) error {
	if err := s.clusters.EnsureDefault(ctx, s.cfg.ClusterURL.Reveal()); err != nil {
		return err
	}
	if err := s.projects.EnsurePlatform(ctx); err != nil {
		return err
	}
	return s.appointOperators(ctx)
}

// appointOperators makes operators of the accounts that the configuration names, if their addresses were proven: whoever signs
// up first with an address that nobody confirms would else run the installation. On a developer's machine nobody else does.
func (s *Server) appointOperators(ctx context.Context) error {
	proven, err := s.projects.PlatformProves(ctx)
	if err != nil {
		return err
	}
	if s.cfg.SMTP.Host == "" && !s.cfg.Dev {
		s.deps.Log.WarnContext(ctx, "there is no mail server (FLUXBASE_SMTP_HOST), so the console's sign-up confirms no addresses: anyone can claim any, an operator's too")
	}
	if !proven && !s.cfg.Dev && len(s.cfg.Operators) > 0 {
		s.deps.Log.WarnContext(ctx, "FLUXBASE_OPERATORS appoints nobody, because accounts' addresses are not, or once were not, confirmed: look whose account it is and run `fluxbase operators add`")
		return nil
	}
	for _, email := range s.cfg.Operators {
		appointed, err := account.Appoint(ctx, s.pool, s.audit, email)
		switch {
		case errors.Is(err, account.ErrNoAccount):
			s.deps.Log.WarnContext(ctx, "FLUXBASE_OPERATORS names an address that has no account: sign up with it, then start the control plane again or run `fluxbase operators add`", "email", email)
		case err != nil:
			return err
		default:
			s.deps.Log.InfoContext(ctx, "FLUXBASE_OPERATORS names an operator", "email", email, "account", appointed.ID.String(), "created", appointed.CreatedAt)
		}
	}
	return nil
}

// Ready tells whether the control plane can answer: the database does, and the platform project is active.
func (s *Server) Ready(ctx context.Context) error {
	select {
	case <-s.started:
	default:
		return errors.New("still starting")
	}
	serves, err := s.projects.PlatformServes(ctx)
	if err != nil {
		return err
	}
	if !serves {
		return errors.New("the platform project is still being provisioned")
	}
	return nil
}

func (s *Server) platformKey(ctx context.Context) (string, error) {
	project, err := s.projects.PlatformID(ctx)
	if err != nil {
		return "", err
	}
	return s.keys.PublishableValue(ctx, project)
}
