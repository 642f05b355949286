package provider

import (
	"context"
	_ "embed" // the statements
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/provider/remote"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/take.sql
var take string

// maxProviderToken bounds a token of a provider that is handed on: it goes into an address.
const maxProviderToken = 8 << 10

var (
	errStateMissing = fault.New(fault.Invalid, "BAD_OAUTH_CALLBACK", "OAuth state parameter missing")
	errState        = fault.New(fault.Invalid, "BAD_OAUTH_STATE", "OAuth callback with invalid state")
	errStateExpired = fault.New(fault.Invalid, "BAD_OAUTH_STATE", "OAuth state has expired")
	errCodeMissing  = fault.New(fault.Invalid, "BAD_OAUTH_CALLBACK", "OAuth callback with missing authorization code missing")
	errMixUp        = fault.New(fault.Invalid, "BAD_OAUTH_CALLBACK", "OAuth callback from another provider than the sign-in was begun with")
	errExchange     = fault.New(fault.Internal, "PROVIDER_EXCHANGE_FAILED", "Unable to exchange external code")
	errProfile      = fault.New(fault.Internal, "PROVIDER_PROFILE_FAILED", "Error getting user profile from external provider")
	errNoEmail      = fault.New(fault.Internal, "PROVIDER_EMAIL_MISSING", "Error getting user email from external provider")
)

// returning is a sign-in that came back from a provider.
type returning struct {
	flow     onetime.Flow
	pkce     bool
	verifier string
}

// callback takes a browser back from a provider. Whatever comes of it, the browser is sent on: to the address that the sign-in was begun
// with, or to the site's own when the sign-in is not known.
func (s *Service) callback(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	if r.Method == http.MethodHead { // a preview must not use up the state
		return protocol.ErrValidation("A sign-in is ended with GET or POST")
	}
	if err := s.d.Guard.Address(r, bound, "sign_in_sign_ups"); err != nil {
		return err
	}
	said, err := callbackForm(w, r)
	if err != nil {
		return err
	}
	to := protocol.AllowedRedirect(bound.Project.Settings, "")
	back, err := s.takeFlow(r.Context(), bound, said.Get("state"))
	if err == nil {
		to = protocol.AllowedRedirect(bound.Project.Settings, back.flow.Referrer)
		err = s.finish(w, r, bound, back, said, to)
	}
	if err != nil {
		protocol.RedirectError(w, r, to, s.logged(r, bound, err))
	}
	return nil
}

// callbackForm is what the provider says: in the query, or in a form that it posts.
func callbackForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost {
		return r.URL.Query(), nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, protocol.MaxBody)
	if err := r.ParseForm(); err != nil {
		return nil, protocol.ErrValidation("The body must be a form of up to %d bytes", protocol.MaxBody)
	}
	return r.PostForm, nil
}

// takeFlow finds the sign-in that a state belongs to, which is used once.
func (s *Service) takeFlow(ctx context.Context, bound *projectdb.Session, state string) (*returning, error) {
	if state == "" {
		return nil, errStateMissing
	}
	id, err := uuid.Parse(state)
	if err != nil || len(state) != 36 {
		return nil, errState
	}
	back := &returning{flow: onetime.Flow{ID: id, Method: "oauth"}}
	f := &back.flow
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, take, id).Scan(&f.Provider, &back.verifier, &back.pkce, &f.InviteToken, &f.Referrer, &f.LinkingTarget, &f.Created)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, errState
	case err != nil:
		return nil, err
	}
	return back, nil
}

// finish asks the provider who came back, and signs them in.
func (s *Service) finish(w http.ResponseWriter, r *http.Request, bound *projectdb.Session, back *returning, said url.Values, to string) error {
	if back.flow.Expired(s.d.Now()) {
		return errStateExpired
	}
	if name := said.Get("error"); name != "" {
		redirectRefusal(w, to, name, said.Get("error_description"))
		return nil
	}
	code := said.Get("code")
	if code == "" {
		return errCodeMissing
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.d.Timeout)
	defer cancel()
	p, err := s.find(ctx, bound, back.flow.Provider)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "OAUTH_PROVIDER_NOT_SUPPORTED", "%s", fault.From(err).Message)
	}
	// RFC 9207: a provider that tells its name in the answer must be the one that was asked.
	if by := said.Get("iss"); by != "" && p.OIDC != nil && !p.OIDC.Tenants && !slices.Contains(p.OIDC.Issuers, by) {
		return errMixUp
	}
	a, err := s.arrive(ctx, bound, p, code, back.verifier, said)
	if err != nil {
		return err
	}
	return s.signIn(w, r, bound, back, a, to)
}

// arrive exchanges the code, and asks who signed in. No transaction is open.
func (s *Service) arrive(ctx context.Context, bound *projectdb.Session, p *configured, code, verifier string, said url.Values) (*arrival, error) {
	token, err := s.remote.Exchange(ctx, &p.App, callbackURL(bound.Project), code, verifier)
	if err != nil {
		return nil, because(err, errExchange)
	}
	profile, err := s.who(ctx, bound.Project.Ref, p, token, verifier)
	if err != nil {
		return nil, because(err, errProfile)
	}
	if posted := said.Get("user"); p.FormPost && posted != "" {
		if name, err := remote.Decode([]byte(posted)); err == nil {
			profile.Name(name)
		}
	}
	a, err := arrived(p, profile)
	if err != nil {
		return nil, because(err, errProfile)
	}
	if a.email == "" && !p.emailOptional {
		return nil, errNoEmail
	}
	if len(token.AccessToken) <= maxProviderToken && len(token.RefreshToken) <= maxProviderToken {
		a.token, a.refreshToken = token.AccessToken, token.RefreshToken
	}
	return a, nil
}

// signIn ends the flow: with a code for its client, or with a session.
func (s *Service) signIn(w http.ResponseWriter, r *http.Request, bound *projectdb.Session, back *returning, a *arrival, to string) error {
	ctx := r.Context()
	var code string
	var granted *session.Grant
	err := s.settle(r, bound, a, destination{target: back.flow.LinkingTarget, invite: back.flow.InviteToken, redirect: to}, func(tx *store.Tx, user *store.User) (err error) {
		if back.pkce {
			code, err = onetime.IssueCode(ctx, tx, back.flow.ID, user.ID, a.token, a.refreshToken)
			return err
		}
		granted, err = s.d.Sessions.Open(ctx, tx, bound.Project, opening(r, a, user))
		return err
	})
	if err != nil {
		return err
	}
	if back.pkce {
		protocol.RedirectCode(w, r, to, code)
		return nil
	}
	answer, err := s.d.Sessions.Answer(ctx, bound, granted)
	if err != nil {
		return err
	}
	answer.ProviderToken, answer.ProviderRefreshToken = a.token, a.refreshToken
	protocol.RedirectGrant(w, r, to, answer, "")
	return nil
}

func opening(r *http.Request, a *arrival, user *store.User) session.Opening {
	return session.Opening{UserID: user.ID, Method: "oauth", Provider: a.provider.Name, Client: protocol.Client(r)}
}

// redirectRefusal sends the browser on with the provider's own words, cut to a length.
func redirectRefusal(w http.ResponseWriter, to, name, description string) {
	fields := map[string]string{"error": remote.Printable(name), "error_description": text(description)}
	values := url.Values{}
	for key, value := range fields {
		values.Set(key, value)
	}
	to, _, _ = strings.Cut(protocol.WithQuery(to, fields), "#")
	protocol.Redirect(w, to+"#"+values.Encode()+"&sb=")
}

func text(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
	if runes := []rune(s); len(runes) > 300 {
		s = string(runes[:300])
	}
	return s
}

// because is an error whose cause may be logged.
func because(err error, f *fault.Error) error {
	return fault.Wrap(errors.New(remote.Cause(err)), f.Kind, f.Reason, "%s", f.Message)
}

// logged logs what a provider did wrong or the project set wrong, since the one who can mend it does not see the answer.
func (s *Service) logged(r *http.Request, bound *projectdb.Session, err error) error {
	if f := fault.From(err); f.Kind == fault.Internal {
		s.d.Log.LogAttrs(r.Context(), slog.LevelWarn, "a sign-in by a provider failed", slog.String("project", bound.Project.Ref),
			slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	return err
}
