// Package api is auth's part of /api/v1: sign-up, sign-in, the user and their sessions, in the shape of that API. It does what the other surfaces do by
// the same functions, and only asks and answers otherwise. What it takes and gives is in docs/api.md.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/password"
	"github.com/wayli-app/fluxbase/dataplane/auth/proof"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// Doing is what other surfaces do. Whoever asks has counted the address of the request.
type Doing struct {
	// SignUp makes a user, and answers with their session or, when they have to confirm first, with the user alone.
	SignUp func(r *http.Request, bound *projectdb.Session, in SignUp) (*session.Grant, *store.User, error)
	// SignIn signs a user in by a password.
	SignIn func(r *http.Request, bound *projectdb.Session, in SignIn) (protocol.Grant, error)
	// Change changes the bearer.
	Change func(r *http.Request, bound *projectdb.Session, in Change) (*store.User, error)
	// Leave remembers a sign-in at a provider, and answers with the address that it begins at.
	Leave func(r *http.Request, bound *projectdb.Session, query url.Values) (string, error)
}

// Deps are what the service needs.
type Deps struct {
	Log      *slog.Logger
	Guard    *guard.Guard
	Hasher   *password.Hasher
	Rules    *password.Rules
	Proofs   *proof.Service
	Sessions *session.Manager
	Doing    Doing
}

type service struct{ d Deps }

type handler = func(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error

// New makes the service. Its requests carry a projectdb.Session, and paths without /api/v1/auth.
func New(d Deps) http.Handler {
	s := &service{d}
	mux := chi.NewRouter()
	routes := map[string]map[string]handler{
		"/signup":           {http.MethodPost: s.signUp},
		"/signin":           {http.MethodPost: s.signIn},
		"/signout":          {http.MethodPost: s.signOut},
		"/refresh":          {http.MethodPost: s.refresh},
		"/user":             {http.MethodGet: s.d.Sessions.Tell, http.MethodPatch: s.change},
		"/magiclink":        {http.MethodPost: s.magicLink},
		"/verify":           {http.MethodPost: s.verify},
		"/token":            {http.MethodPost: s.exchange},
		"/password/reset":   {http.MethodPost: s.reset},
		"/password/update":  {http.MethodPost: s.updatePassword, http.MethodPut: s.updatePassword},
		"/oauth/{provider}": {http.MethodGet: s.oauth, http.MethodPost: s.oauth},
		"/sessions":         {http.MethodGet: s.sessions},
		"/sessions/{id}":    {http.MethodDelete: s.endSession},
	}
	for pattern, methods := range routes {
		mux.Handle(pattern, s.answer(only(methods)))
	}
	mux.NotFound(s.answer(func(http.ResponseWriter, *http.Request, *projectdb.Session) error { return errRoute }).ServeHTTP)
	return mux
}

// only refuses other methods.
func only(methods map[string]handler) handler {
	var names []string
	for _, name := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if methods[name] != nil {
			names = append(names, name)
		}
	}
	allow := strings.Join(names, ", ")
	return func(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
		if h := methods[r.Method]; h != nil {
			return h(w, r, bound)
		}
		w.Header().Set("Allow", allow)
		return errMethod(r.Method, allow)
	}
}

func (s *service) answer(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bound := projectdb.FromContext(r.Context())
		if err := h(w, r, bound); err != nil {
			s.refuse(r.Context(), w, bound, err)
		}
	})
}

// signedIn is a session as this API answers with it.
type signedIn struct {
	User protocol.User `json:"user"`
	// Session is null for who has to confirm first.
	Session      *tokens                `json:"session"`
	WeakPassword *protocol.WeakPassword `json:"weak_password,omitempty"`
}

type tokens struct {
	AccessToken          string `json:"access_token"`
	TokenType            string `json:"token_type"`
	ExpiresIn            int64  `json:"expires_in"`
	ExpiresAt            int64  `json:"expires_at"`
	RefreshToken         string `json:"refresh_token"`
	ProviderToken        string `json:"provider_token,omitempty"`
	ProviderRefreshToken string `json:"provider_refresh_token,omitempty"`
}

func answerOf(g protocol.Grant) signedIn {
	return signedIn{User: g.User, WeakPassword: g.WeakPassword, Session: &tokens{AccessToken: g.AccessToken, TokenType: g.TokenType, ExpiresIn: g.ExpiresIn,
		ExpiresAt: g.ExpiresAt, RefreshToken: g.RefreshToken, ProviderToken: g.ProviderToken, ProviderRefreshToken: g.ProviderRefreshToken}}
}

// write answers with the session of a grant.
func (s *service) write(ctx context.Context, w http.ResponseWriter, bound *projectdb.Session, status int, g *session.Grant) error {
	answer, err := s.d.Sessions.Answer(ctx, bound, g)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, status, answerOf(answer))
	return nil
}
