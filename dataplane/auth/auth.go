// Package auth signs the users of a project up and in, after the protocol of Supabase Auth (GoTrue), so that its clients
// work unmodified. It wires what its own packages do; each of them reaches the project's database only through the session that the gateway bound to
// the request.
package auth

import (
	"log/slog"
	"net/http"
	"runtime"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/hook"
	"github.com/wayli-app/fluxbase/dataplane/auth/letter"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/password"
	"github.com/wayli-app/fluxbase/dataplane/auth/proof"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// Deps are what the service needs.
type Deps struct {
	Log *slog.Logger
	// Limiter slows down guessing; without one only the gateway's limits hold.
	Limiter guard.Limiter
	// Revoker stops access tokens before they expire; without one they are good until then.
	Revoker session.Revoker
	// Messages are written to the project's outbox, and sent from there.
	Messages *message.Outbox
	// Egress is the way to addresses that projects chose.
	Egress *egress.Guard
	// Sealer seals what must not be readable in a dump of the project's database.
	Sealer *seal.Sealer
	// Hashes is how many password hashes are computed at once; zero is the number of processors.
	Hashes int
	// CaptchaURLs are as in guard.Deps.
	CaptchaURLs map[string]string
	// Version is told by /health.
	Version string
}

// Service answers /auth/v1 of every project of a worker. It keeps nothing of them.
type Service struct {
	version string
	router  *protocol.Router
	api     http.Handler
}

var _ http.Handler = (*Service)(nil)

// New makes the service.
func New(d Deps) *Service {
	if d.Hashes <= 0 {
		d.Hashes = runtime.GOMAXPROCS(0)
	}
	if d.Egress == nil {
		d.Egress = egress.NewGuard(nil)
	}
	s := &Service{version: d.Version, router: protocol.NewRouter(d.Log)}
	s.mount(newDomains(d))
	return s
}

// domains are what the surfaces share.
type domains struct {
	log      *slog.Logger
	egress   *egress.Guard
	guard    *guard.Guard
	hooks    *hook.Caller
	messages *message.Outbox
	hasher   *password.Hasher
	sessions *session.Manager
	users    *newuser.Maker
	rules    *password.Rules
	letters  *letter.Writer
	proofs   *proof.Service
	sealer   *seal.Sealer
}

func newDomains(d Deps) domains {
	out := domains{log: d.Log, egress: d.Egress, messages: d.Messages, sealer: d.Sealer, hasher: password.NewHasher(d.Hashes)}
	out.guard = guard.New(guard.Deps{Limiter: d.Limiter, Client: d.Egress.Client(captchaTimeout), CaptchaURLs: d.CaptchaURLs})
	out.hooks = hook.New(hook.Deps{Egress: d.Egress})
	out.users = newuser.New(out.hooks)
	out.rules = password.NewRules(d.Egress.Client(breachTimeout))
	out.letters = letter.New(d.Messages)
	out.sessions = session.New(session.Deps{Log: d.Log, Hooks: out.hooks, Revoker: d.Revoker, Limits: out.guard})
	out.proofs = proof.New(proof.Deps{Guard: out.guard, Messages: out.messages, Sessions: out.sessions, Users: out.users})
	return out
}

// Routes lists "METHOD /pattern" of every route.
func (s *Service) Routes() []string { return s.router.Routes() }

// ServeHTTP answers a request whose path has lost the prefix /auth/v1.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.router.ServeHTTP(w, r) }

type healthBody struct {
	Version     string `json:"version"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// health tells that the service answers. It does not ask the database: a worker's own readiness is /readyz.
func (s *Service) health(w http.ResponseWriter, _ *http.Request, _ *projectdb.Session) error {
	protocol.WriteJSON(w, http.StatusOK, healthBody{Version: s.version, Name: "Fluxbase Auth", Description: "User registration and authentication, compatible with GoTrue"})
	return nil
}
