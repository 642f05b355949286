package provider

import (
	"context"
	_ "embed" // the statements
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/oauth2"

	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

//go:embed sql/start.sql
var start string

// maxAddress bounds the address that a browser is sent to.
const maxAddress = 8 << 10

// ours are parameters that are not passed on: those that auth reads itself, and those whose value only it may choose.
var ours = []string{"provider", "scopes", "redirect_to", "invite_token", "skip_http_redirect", "apikey", "code_challenge", "code_challenge_method", "client_id",
	"client_secret", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_verifier", "request", "request_uri", "registration"}

var errInvitee = fault.New(fault.NotFound, "USER_NOT_FOUND", "User identified by token not found")

// leaving is a sign-in that is about to go to a provider.
type leaving struct {
	provider *configured
	query    url.Values
	flow     onetime.Flow
	verifier string
	// before is done in the transaction that remembers the flow.
	before func(tx *store.Tx) error
}

// authorize sends a browser to a provider.
func (s *Service) authorize(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	if r.Method == http.MethodHead {
		return protocol.ErrValidation("A sign-in is begun with GET")
	}
	if err := s.d.Guard.Address(r, bound, "sign_in_sign_ups"); err != nil {
		return err
	}
	to, err := s.Leave(r, bound, r.URL.Query(), protocol.RedirectTo(bound.Project.Settings, r))
	if err != nil {
		return err
	}
	return sendTo(w, r, to)
}

// Leave remembers a sign-in that is to begin at a provider, and answers with the address where. The query is as that of GET /authorize; redirectTo is where
// it leads in the end, an address that the project allows. Whoever calls it has counted the address of the request.
func (s *Service) Leave(r *http.Request, bound *projectdb.Session, query url.Values, redirectTo string) (string, error) {
	l, err := s.leave(r, bound, query, redirectTo)
	if err != nil {
		return "", err
	}
	if l.flow.InviteToken = l.query.Get("invite_token"); l.flow.InviteToken != "" {
		l.before = func(tx *store.Tx) error {
			found, err := onetime.Find(r.Context(), tx, l.flow.InviteToken, onetime.Confirmation)
			if err == nil && found == nil {
				err = errInvitee
			}
			return err
		}
	}
	return s.begin(r.Context(), bound, l)
}

// authorizeLink sends the bearer to a provider, to link an identity to their account.
func (s *Service) authorizeLink(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	if r.Method == http.MethodHead {
		return protocol.ErrValidation("A sign-in is begun with GET")
	}
	if err := manualLinking(bound); err != nil {
		return err
	}
	if err := s.d.Guard.Address(r, bound, "sign_in_sign_ups"); err != nil {
		return err
	}
	l, err := s.leave(r, bound, r.URL.Query(), protocol.RedirectTo(bound.Project.Settings, r))
	if err != nil {
		return err
	}
	l.before = func(tx *store.Tx) error {
		user, err := s.mayLink(r, tx, bound)
		if err == nil {
			l.flow.LinkingTarget = &user.ID
		}
		return err
	}
	to, err := s.begin(r.Context(), bound, l)
	if err != nil {
		return err
	}
	return sendTo(w, r, to)
}

var errManualLinking = fault.New(fault.NotFound, "MANUAL_LINKING_DISABLED", "Manual linking is disabled")

func manualLinking(bound *projectdb.Session) error {
	if !setting.Get[bool](bound.Project.Settings, "auth.manual_linking") {
		return errManualLinking
	}
	return nil
}

func (s *Service) leave(r *http.Request, bound *projectdb.Session, query url.Values, redirectTo string) (*leaving, error) {
	method, err := onetime.CheckChallenge(query.Get("code_challenge"), query.Get("code_challenge_method"))
	if err != nil {
		return nil, err
	}
	p, err := s.find(r.Context(), bound, query.Get("provider"))
	if err != nil {
		return nil, s.logged(r, bound, err)
	}
	if err := p.needsSecret(); err != nil {
		return nil, err
	}
	state := uuid.New()
	return &leaving{provider: p, query: query, verifier: oauth2.GenerateVerifier(), flow: onetime.Flow{ID: uuid.New(), Provider: p.Name, ChallengeMethod: method,
		Challenge: query.Get("code_challenge"), Referrer: redirectTo, ClientState: &state, EmailOptional: p.emailOptional}}, nil
}

// begin remembers the flow, and answers with the provider's address.
func (s *Service) begin(ctx context.Context, bound *projectdb.Session, l *leaving) (string, error) {
	to, err := l.address(callbackURL(bound.Project))
	if err != nil {
		return "", err
	}
	return to, store.InTx(ctx, bound, func(tx *store.Tx) error {
		if l.before != nil {
			if err := l.before(tx); err != nil {
				return err
			}
		}
		return remember(ctx, tx, l)
	})
}

// sendTo answers with the provider's address: as a redirect, or as JSON for who asks for that.
func sendTo(w http.ResponseWriter, r *http.Request, to string) error {
	if r.URL.Query().Get("skip_http_redirect") == "true" {
		protocol.WriteJSON(w, http.StatusOK, map[string]string{"url": to})
		return nil
	}
	protocol.Redirect(w, to)
	return nil
}

func remember(ctx context.Context, tx pgx.Tx, l *leaving) error {
	f := &l.flow
	_, err := tx.Exec(ctx, start, f.ClientState, f.Provider, l.verifier, f.ID, f.ChallengeMethod, f.Challenge, f.InviteToken, f.Referrer, f.LinkingTarget,
		f.EmailOptional)
	return err
}

// address is where the browser goes. The state is the flow's id, which nobody can guess and only this project knows.
func (l *leaving) address(redirect string) (string, error) {
	p := l.provider
	scopes, err := scopesOf(p.Scopes, l.query.Get("scopes"))
	if err != nil {
		return "", err
	}
	var options []oauth2.AuthCodeOption
	for key, values := range l.query {
		if !slices.Contains(ours, strings.ToLower(key)) && len(values) > 0 {
			options = append(options, oauth2.SetAuthURLParam(key, values[0]))
		}
	}
	for key, value := range p.Params {
		options = append(options, oauth2.SetAuthURLParam(key, value))
	}
	if p.PKCE {
		options = append(options, oauth2.S256ChallengeOption(l.verifier))
	}
	if p.OIDC != nil && p.OIDC.Nonce {
		options = append(options, oauth2.SetAuthURLParam("nonce", nonceOf(l.verifier)))
	}
	to := p.OAuth(redirect, scopes).AuthCodeURL(l.flow.ID.String(), options...)
	if len(to) > maxAddress {
		return "", protocol.ErrValidation("The parameters for the provider are longer than %d bytes", maxAddress)
	}
	return to, nil
}

// scopesOf joins the provider's scopes and those that the app asks for, which are parted by spaces or commas.
func scopesOf(own []string, asked string) ([]string, error) {
	out := slices.Clone(own)
	for scope := range strings.FieldsFuncSeq(asked, func(c rune) bool { return c == ' ' || c == ',' }) {
		if strings.IndexFunc(scope, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }) >= 0 {
			return nil, protocol.ErrValidation("scopes must be words of RFC 6749, with spaces between them")
		}
		if !slices.Contains(out, scope) {
			out = append(out, scope)
		}
	}
	return out, nil
}
