package oauthserver

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

var (
	errBadClient       = fault.New(fault.Invalid, "OAUTH_CLIENT_NOT_FOUND", "invalid client_id")
	errNotOwn          = fault.New(fault.Denied, "INSUFFICIENT_SCOPE", "Only the user's own session lets other apps in")
	errNoAuthorization = fault.New(fault.NotFound, "OAUTH_AUTHORIZATION_NOT_FOUND", "authorization not found")
)

const (
	maxState    = 4096
	maxResource = 2048
	maxNonce    = 255
)

// authorize answers GET /oauth/authorize. Until the client and its redirect URI are known to be good, errors are shown here; after that they are the client's.
func (s *Service) authorize(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	if err := s.d.Guard.Address(r, bound, "sign_in_sign_ups"); err != nil {
		return err
	}
	query := r.URL.Query()
	a := &authorization{redirect: query.Get("redirect_uri"), state: query.Get("state"), resource: query.Get("resource"), challenge: query.Get("code_challenge"),
		nonce: query.Get("nonce")}
	switch {
	case query.Get("client_id") == "":
		return protocol.ErrValidation("client_id is required")
	case a.redirect == "":
		return protocol.ErrValidation("redirect_uri is required")
	}
	id, err := uuid.Parse(query.Get("client_id"))
	if err != nil {
		return errBadClient
	}
	a.client = id
	ctx, p := r.Context(), bound.Project
	to := ""
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		c, err := clientByID(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case c == nil:
			return errBadClient
		case !slices.Contains(c.redirects, a.redirect):
			return protocol.ErrValidation("invalid redirect_uri")
		}
		if e := a.read(query, bound, c); e != nil {
			to = a.refusal(p, e)
			return nil
		}
		if err := a.insert(ctx, tx); err != nil {
			return err
		}
		site := setting.Get[string](p.Settings, "auth.site_url")
		path := setting.Get[string](p.Settings, "auth.oauth_server.authorization_path")
		to = withQuery(strings.TrimSuffix(site, "/")+path, map[string]string{"authorization_id": a.publicID})
		return nil
	})
	if err != nil {
		return err
	}
	protocol.Redirect(w, to)
	return nil
}

// read takes the rest of a request, or says what the client did wrong.
func (a *authorization) read(query url.Values, bound *projectdb.Session, c *client) *oauthError {
	for name, values := range query {
		if len(values) > 1 && name != "resource" {
			return refused("invalid_request", name+" must be given once")
		}
		if strings.ContainsRune(strings.Join(values, ""), 0) {
			return refused("invalid_request", name+" has a character that is not allowed")
		}
	}
	if len(a.state) > maxState {
		a.state = ""
		return refused("invalid_request", "state is too long")
	}
	switch kind, mode := query.Get("response_type"), query.Get("response_mode"); {
	case slices.Contains(strings.Fields(query.Get("prompt")), "none"):
		return refused("interaction_required", "The user must come to the page of the app")
	case kind != "" && kind != "code":
		return refused("unsupported_response_type", "Only response_type=code is supported")
	case mode != "" && mode != "query":
		return refused("invalid_request", "Only response_mode=query is supported")
	case !slices.Contains(c.grants, grantCode):
		return refused("unauthorized_client", "The client may not use the grant authorization_code")
	case len(a.nonce) > maxNonce:
		return refused("invalid_request", "nonce is too long")
	}
	if method := query.Get("code_challenge_method"); a.challenge == "" || !strings.EqualFold(method, "S256") {
		return refused("invalid_request", "PKCE is required: code_challenge and code_challenge_method=S256")
	}
	if _, err := onetime.CheckChallenge(a.challenge, "s256"); err != nil {
		return refused("invalid_request", fault.From(err).Message)
	}
	if a.resource != "" {
		if u, err := url.Parse(a.resource); err != nil || len(a.resource) > maxResource || u.Scheme == "" || u.Fragment != "" || len(query["resource"]) > 1 {
			return refused("invalid_target", "resource must be one absolute URI without a fragment")
		}
	}
	return a.readScope(query.Get("scope"), bound)
}

func (a *authorization) readScope(asked string, bound *projectdb.Session) *oauthError {
	names := scopesOf(asked)
	if len(names) == 0 {
		names = []string{defaultScope}
	}
	for _, name := range names {
		if !slices.Contains(scopes, name) {
			return refused("invalid_scope", "scope must only contain "+strings.Join(scopes, ", "))
		}
	}
	if slices.Contains(names, "openid") && !signsForOthers(bound.Project) {
		return refused("invalid_scope", "openid needs a signing key of the project that is not a shared secret")
	}
	a.scope = strings.Join(names, " ")
	return nil
}

// signedIn is the user who is there themselves. What lasts beyond a session is not given by who only acts for the user for a while.
func (s *Service) signedIn(r *http.Request, tx *store.Tx, bound *projectdb.Session) (*store.User, error) {
	user, current, err := s.d.Sessions.SignedIn(r, tx, bound)
	switch {
	case err != nil:
		return nil, err
	case current == nil || bytes.Contains(current.Methods, []byte(`"impersonation"`)):
		return nil, errNotOwn
	}
	return user, nil
}

// found returns the authorization that a path names, which is held until the transaction ends, and its client.
func (s *Service) found(r *http.Request, tx *store.Tx) (*authorization, *client, error) {
	ctx := r.Context()
	id := chi.URLParam(r, "id")
	if len(id) > 255 || strings.ContainsRune(id, 0) {
		return nil, nil, errNoAuthorization
	}
	a, err := scanAuthorization(tx.QueryRow(ctx, authorizationByID, id))
	switch {
	case err != nil:
		return nil, nil, err
	case a == nil || a.over:
		return nil, nil, errNoAuthorization
	case a.status != pending:
		return nil, nil, protocol.ErrValidation("authorization request cannot be processed")
	}
	c, err := clientByID(ctx, tx, a.client)
	switch {
	case err != nil:
		return nil, nil, err
	case c == nil || !slices.Contains(c.redirects, a.redirect): // changed meanwhile
		return nil, nil, errNoAuthorization
	}
	return a, c, nil
}

type redirectBody struct {
	RedirectURL string `json:"redirect_url"`
}

type clientDetails struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	URI  string `json:"uri"`
	Logo string `json:"logo_uri"`
}

type detailsBody struct {
	ID          string        `json:"authorization_id"`
	RedirectURI string        `json:"redirect_uri"`
	Client      clientDetails `json:"client"`
	User        struct {
		ID    string `json:"id"`
		Email string `json:"email"`
	} `json:"user"`
	Scope string `json:"scope"`
}

// show answers GET /oauth/authorizations/{id} to the page that asks for consent: what is asked for, or where to go at once when the user has consented before.
// From then on the authorization is that user's.
func (s *Service) show(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	ctx := r.Context()
	var out any
	err := store.InTx(ctx, bound, func(tx *store.Tx) error {
		user, err := s.signedIn(r, tx, bound)
		if err != nil {
			return err
		}
		a, c, err := s.found(r, tx)
		if err != nil {
			return err
		}
		if a.user != nil && *a.user != user.ID {
			return errNoAuthorization
		}
		if a.user == nil {
			if _, err := tx.Exec(ctx, claimAuthorization, a.id, user.ID); err != nil {
				return err
			}
		}
		allowed, err := consented(ctx, tx, user.ID, c.id)
		if err != nil {
			return err
		}
		if covers(allowed, scopesOf(a.scope)) && !impersonable(c, a.redirect) {
			to, err := a.approve(ctx, tx, bound.Project)
			out = redirectBody{to}
			return err
		}
		details := detailsBody{ID: a.publicID, RedirectURI: a.redirect, Scope: a.scope, Client: clientDetails{c.id.String(), c.name, c.address, c.logo}}
		details.User.ID, details.User.Email = user.ID.String(), user.Email
		out = details
		return nil
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

// impersonable tells that any program on the user's machine can say that it is the client (RFC 8252, 8.6): then the user is asked each time.
func impersonable(c *client, redirect string) bool {
	return c.public() && !strings.HasPrefix(redirect, "https://")
}

// consent answers POST /oauth/authorizations/{id}/consent.
func (s *Service) consent(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		Action string `json:"action"`
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if in.Action != "approve" && in.Action != "deny" {
		return protocol.ErrValidation("action must be 'approve' or 'deny'")
	}
	ctx, p := r.Context(), bound.Project
	to := ""
	err := store.InTx(ctx, bound, func(tx *store.Tx) error {
		user, err := s.signedIn(r, tx, bound)
		if err != nil {
			return err
		}
		a, c, err := s.found(r, tx)
		if err != nil {
			return err
		}
		if a.user == nil || *a.user != user.ID {
			return errNoAuthorization
		}
		event := store.Event{Action: "oauth_consent_denied", Actor: user, Address: protocol.Client(r).Address,
			Traits: map[string]any{"oauth_client_id": c.id, "client_name": c.name, "scope": a.scope}}
		if in.Action == "deny" {
			to = a.refusal(p, refused("access_denied", "User denied the request"))
			if err := a.close(ctx, tx, denied, ""); err != nil {
				return err
			}
			return store.Audit(ctx, tx, p, event)
		}
		event.Action = "oauth_consent_given"
		before, err := consented(ctx, tx, user.ID, c.id)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, putConsent, user.ID, c.id, strings.Join(scopesOf(strings.Join(before, " ")+" "+a.scope), " ")); err != nil {
			return err
		}
		if to, err = a.approve(ctx, tx, p); err != nil {
			return err
		}
		return store.Audit(ctx, tx, p, event)
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, redirectBody{to})
	return nil
}
