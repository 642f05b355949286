package standalone

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/openapi"
)

// Server is PostgREST's stand-in over one database.
type Server struct {
	log     *slog.Logger
	source  Source
	banner  string
	door    *projectdb.Door
	project *directory.Project
	rest    http.Handler
	state   atomic.Pointer[state]
	catalog catalogs

	reloadSchema, reloadConfig chan struct{}
	started                    chan struct{}
	patience                   time.Duration
	// lost tells that the database could not be reached when it was last tried, by the server itself.
	lost atomic.Bool
}

// state is what follows from the configuration. It is replaced as a whole.
type state struct {
	config   *Config
	verifier *verifier
	// common is for roles without settings of their own, byRole for the others.
	common *engine.Config
	byRole map[string]*engine.Config
	// logFrom is the least status that is logged.
	logFrom int
}

// patience is how long a client may take to read a part of a long answer.
const patience = time.Minute

// Deps are what a Server needs.
type Deps struct {
	Log     *slog.Logger
	Metrics prometheus.Registerer
	// Version is that of the program.
	Version string
}

// New makes a server of a configuration that was loaded from src. It reaches for nothing yet: Run does.
func New(c *Config, src Source, d Deps) (*Server, error) {
	project, err := parseTarget(c.URI.Reveal())
	if err != nil {
		return nil, err
	}
	s := &Server{
		log: d.Log, source: src, banner: "fluxbase/" + strings.ReplaceAll(d.Version, " ", "-"), project: project,
		door: projectdb.New(projectdb.Deps{
			Log: d.Log, Metrics: d.Metrics, MaxConnections: c.Pool, AcquireTimeout: c.PoolWait, IdleTimeout: c.PoolIdling,
			MaxLifetime: c.PoolLifetime, OneProject: true, Pooled: !c.Prepared,
		}),
		catalog:      catalogs{cache: catalog.NewCache()},
		reloadSchema: make(chan struct{}, 1), reloadConfig: make(chan struct{}, 1), started: make(chan struct{}), patience: patience,
	}
	e := engine.New(&s.catalog)
	s.rest = rest.New(rest.Deps{Log: d.Log, Engine: e, Config: s.configOf, Describer: openapi.Describer{Engine: e, Version: d.Version}})
	return s, nil
}

// newState works out what follows from a configuration.
func newState(c *Config, roles map[string]roleSettings) (*state, error) {
	v, err := newVerifier(c, nil)
	if err != nil {
		return nil, err
	}
	common := &engine.Config{
		Exposure: catalog.Exposure{Schemas: c.Schemas, ExtraSearchPath: c.ExtraSearchPath, Unversioned: true},
		MaxRows:  c.MaxRows, Aggregates: c.Aggregates, Plans: c.Plans, PreRequest: c.PreRequest, TxEnd: c.TxEnd, OpenAPIMode: c.OpenAPIMode,
		Settings: c.AppSettings, RootSpec: c.RootSpec, ProxyURI: c.ProxyURI, Security: c.OpenAPISecurity, AnonymousRole: c.AnonRole,
		Hoisted: append([]string{}, c.Hoisted...), LegacyNames: c.LegacyNames, ServerTiming: c.Timing, Terse: c.Terse,
	}
	st := &state{config: c, verifier: v, common: common, byRole: map[string]*engine.Config{}}
	for role, r := range roles {
		own := *common
		own.Settings = append(append([]projectdb.Setting{}, r.settings...), c.AppSettings...)
		own.Isolation = r.isolation
		st.byRole[role] = &own
	}
	st.logFrom = map[string]int{"crit": 1000, "error": 500, "warn": 400}[c.LogLevel]
	return st, nil
}

// Run reaches for the database, and follows it until ctx ends: reloads come by notification and by ReloadSchema and ReloadConfig.
// Its error is a config.Faults, or what the database refuses us for.
func (s *Server) Run(ctx context.Context) error {
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = s.door.Close(ctx)
	}()
	if err := s.start(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	// It listens before it loads: what changes after the schema was read is told then.
	listening, tried := make(chan error, 1), make(chan struct{})
	go func() { listening <- s.listen(ctx, sync.OnceFunc(func() { close(tried) })) }()
	<-tried
	if err := s.loadSchema(ctx); err != nil {
		return err
	}
	close(s.started)
	for {
		select {
		case <-ctx.Done():
			<-listening
			return nil
		case err := <-listening:
			return err
		case <-s.reloadSchema:
			if err := s.loadSchema(ctx); err != nil {
				return err
			}
		case <-s.reloadConfig:
			s.reconfigure(ctx)
		}
	}
}

// Started is closed when requests can be answered.
func (s *Server) Started() <-chan struct{} { return s.started }

// ReloadSchema asks for the schema cache to be loaded anew, soon.
func (s *Server) ReloadSchema() { ask(s.reloadSchema) }

// ReloadConfig asks for the configuration to be read anew, soon.
func (s *Server) ReloadConfig() { ask(s.reloadConfig) }

func ask(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is asked for already
	}
}

// Ready reports why requests cannot be answered.
func (s *Server) Ready() error {
	if s.state.Load() == nil || s.catalog.current.Load() == nil || s.lost.Load() {
		return errStarting
	}
	return nil
}

// session is the server's own, as the login.
func (s *Server) session() *projectdb.Session {
	return s.door.Bind(s.project, projectdb.Caller{DatabaseRole: s.project.Authenticator.User})
}

// start takes on the configuration, trying again while the database cannot be reached.
func (s *Server) start(ctx context.Context) error {
	return s.retry(ctx, "connect", func() error {
		c, roles, err := loadAll(ctx, s.source)
		if err != nil {
			return err
		}
		st, err := newState(c, roles)
		if err != nil {
			return err
		}
		for _, w := range c.Warnings {
			s.log.Warn(w)
		}
		s.state.Store(st)
		return nil
	})
}

func (s *Server) loadSchema(ctx context.Context) error {
	return s.retry(ctx, "load the schema cache", func() error { return s.refresh(ctx, s.state.Load().common.Exposure) })
}

func (s *Server) refresh(ctx context.Context, e catalog.Exposure) error {
	began := time.Now()
	loaded, err := s.catalog.load(ctx, s.session(), e)
	if err != nil {
		return unreachable{err}
	}
	// What was judged by the old schema may be judged otherwise by the new one.
	s.session().Renew()
	relations := 0
	for _, schema := range loaded.Schemas {
		relations += len(schema.Relations)
	}
	s.log.Info("schema cache loaded", "relations", relations, "duration_ms", time.Since(began).Milliseconds())
	return nil
}

// retry calls do until it succeeds, ever more slowly. At the start it returns early with an error for which trying again would not help.
func (s *Server) retry(ctx context.Context, what string, do func() error) error {
	for pause := time.Second; ; pause = min(2*pause, 32*time.Second) {
		err := do()
		var lost unreachable
		switch {
		case err == nil:
			s.lost.Store(false)
			return nil
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it was to stop
		case !errors.As(err, &lost), hopeless(err) && s.catalog.current.Load() == nil, s.state.Load() != nil && !s.state.Load().config.Recover:
			return err
		}
		s.lost.Store(true)
		s.log.Error("cannot "+what+"; trying again", "error", lost.Error(), "after", pause.String())
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// reconfigure reads the configuration anew. What is wrong with it is logged, and the old one stays.
func (s *Server) reconfigure(ctx context.Context) {
	old := s.state.Load()
	c, roles, err := loadAll(ctx, s.source)
	var st *state
	if err == nil {
		st, err = newState(c, roles)
	}
	if err == nil {
		err = s.refresh(ctx, st.common.Exposure)
	}
	if err != nil {
		s.log.Error("the configuration stays as it was", "error", err)
		return
	}
	for _, name := range c.restart(old.config) {
		s.log.Warn("a changed setting counts after a restart", "setting", name)
	}
	// What counts only after a restart stays as it is.
	st.common.TxEnd = old.common.TxEnd
	for _, own := range st.byRole {
		own.TxEnd = old.common.TxEnd
	}
	s.state.Store(st)
	s.log.Info("configuration reloaded")
}

// listen waits for notifications until ctx ends. While it is cut off it tries to get back, and then takes the schema for changed. It calls
// tried when it listens, or cannot, for the first time.
func (s *Server) listen(ctx context.Context, tried func()) error {
	defer tried()
	c := s.state.Load().config
	if !c.ChannelEnabled {
		tried()
		<-ctx.Done()
		return nil
	}
	for missed := false; ; {
		err := s.retry(ctx, "listen on "+c.Channel, func() error {
			defer func() { missed = true; tried() }()
			return s.hear(ctx, c, missed, tried)
		})
		if err != nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// Admin answers /live, /ready, /config and /metrics.
func (s *Server) Admin(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if s.Ready() != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) {
		if st := s.state.Load(); st != nil {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = w.Write([]byte(st.config.Dump()))
		}
	})
	return mux
}
