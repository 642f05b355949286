package oauthserver

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// method is how users of other apps proved who they are, in the claim amr.
const method = "oauth_provider/authorization_code"

// tokenRequest is what a client sends, with who it says that it is.
type tokenRequest struct {
	GrantType    string `json:"grant_type"`
	Code         string `json:"code"`
	RefreshToken string `json:"refresh_token"`
	RedirectURI  string `json:"redirect_uri"`
	ClientID     string `json:"client_id"`
	Secret       string `json:"client_secret"`
	Verifier     string `json:"code_verifier"`
	Resource     string `json:"resource"`
	Scope        string `json:"scope"`

	basic bool // id and secret came in the header
}

type tokenBody struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
	IDToken      string `json:"id_token,omitempty"`
}

// token answers POST /oauth/token.
func (s *Service) token(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	if err := s.d.Guard.Address(r, bound, "token_refresh"); err != nil {
		return err
	}
	in, err := readToken(w, r)
	if err != nil {
		return err
	}
	var granted *session.Grant
	var c *client
	nonce := ""
	switch in.GrantType {
	case grantCode:
		c, granted, nonce, err = s.exchange(r, bound, in)
	case grantRefresh:
		c, granted, err = s.renew(r, bound, in)
	case "":
		return refused("invalid_request", "grant_type is required")
	default:
		return refused("unsupported_grant_type", "Unsupported grant type")
	}
	if err != nil {
		return err
	}
	answer, err := s.d.Sessions.Answer(r.Context(), bound, granted)
	if err != nil {
		return err
	}
	out := tokenBody{AccessToken: answer.AccessToken, TokenType: answer.TokenType, ExpiresIn: answer.ExpiresIn, Scope: granted.Session.Scopes}
	if slices.Contains(c.grants, grantRefresh) {
		out.RefreshToken = answer.RefreshToken
	}
	if slices.Contains(scopesOf(granted.Session.Scopes), "openid") && signsForOthers(bound.Project) {
		if out.IDToken, err = idToken(bound.Project, granted, c, nonce, time.Now()); err != nil {
			return err
		}
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

// readToken takes a form, as RFC 6749 has it, or JSON.
func readToken(w http.ResponseWriter, r *http.Request) (*tokenRequest, error) {
	var in tokenRequest
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/json" {
		if err := protocol.Decode(w, r, &in); err != nil {
			return nil, refused("invalid_request", "Invalid JSON body")
		}
	} else {
		r.Body = http.MaxBytesReader(w, r.Body, protocol.MaxBody)
		if err := r.ParseForm(); err != nil {
			return nil, refused("invalid_request", "Failed to parse form data")
		}
		for name, values := range r.PostForm {
			if len(values) > 1 {
				return nil, refused("invalid_request", name+" must be given once")
			}
		}
		form := r.PostForm
		in = tokenRequest{GrantType: form.Get("grant_type"), Code: form.Get("code"), RefreshToken: form.Get("refresh_token"), RedirectURI: form.Get("redirect_uri"),
			ClientID: form.Get("client_id"), Secret: form.Get("client_secret"), Verifier: form.Get("code_verifier"), Resource: form.Get("resource"), Scope: form.Get("scope")}
	}
	return &in, in.readHeader(r)
}

func (in *tokenRequest) readHeader(r *http.Request) error {
	id, secret, ok := r.BasicAuth()
	if !ok {
		return nil
	}
	for _, part := range []*string{&id, &secret} { // both are encoded as in a form
		plain, err := url.QueryUnescape(*part)
		if err != nil {
			return errClient
		}
		*part = plain
	}
	if in.Secret != "" || (in.ClientID != "" && in.ClientID != id) {
		return refused("invalid_request", "The client must prove who it is in one way only")
	}
	in.ClientID, in.Secret, in.basic = id, secret, true
	return nil
}

var errClient = &oauthError{http.StatusUnauthorized, "invalid_client", "Client authentication failed"}

// authenticate finds the client of a request, who has proved who it is. It says no more of why not.
func (in *tokenRequest) authenticate(ctx context.Context, tx *store.Tx) (*client, error) {
	id, err := uuid.Parse(in.ClientID)
	if err != nil {
		return nil, errClient
	}
	c, err := clientByID(ctx, tx, id)
	switch {
	case err != nil:
		return nil, err
	case c == nil:
		return nil, errClient
	case c.public() && (in.Secret != "" || in.basic):
		return nil, errClient
	case !c.public() && (in.Secret == "" || !c.proves(in.Secret)):
		return nil, errClient
	case !slices.Contains(c.grants, in.GrantType):
		return nil, refused("unauthorized_client", "The client may not use this grant")
	}
	return c, nil
}

// exchange takes a code, which is used up whatever comes of it. A code that comes again after it gave a session was stolen from one side: what the user gave
// the client ends.
func (s *Service) exchange(r *http.Request, bound *projectdb.Session, in *tokenRequest) (c *client, granted *session.Grant, nonce string, err error) {
	if in.Code == "" || len(in.Code) > 255 {
		return nil, nil, "", refused("invalid_request", "code is required for authorization_code grant")
	}
	ctx := r.Context()
	var no error // of a transaction that is committed all the same
	err = store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		if c, err = in.authenticate(ctx, tx); err != nil {
			return err
		}
		a, err := scanAuthorization(tx.QueryRow(ctx, authorizationByCode, hashed(in.Code)))
		switch {
		case err != nil:
			return err
		case a == nil:
			return refused("invalid_grant", "Invalid authorization code")
		case a.status == expired && a.client == c.id && a.user != nil:
			no = refused("invalid_grant", "Authorization code was used before")
			return s.replayed(ctx, tx, bound, c, *a.user, protocol.Client(r))
		}
		if no = in.judge(a, c); no != nil { // it gave nothing, so that nothing ends when it comes again
			_, err := tx.Exec(ctx, deleteAuthorization, a.id)
			return err
		}
		nonce = a.nonce
		if err := a.close(ctx, tx, expired, ""); err != nil {
			return err
		}
		granted, err = s.d.Sessions.Open(ctx, tx, bound.Project, session.Opening{UserID: *a.user, Method: method, ClientID: &c.id, Scopes: a.scope, Client: protocol.Client(r)})
		if err != nil {
			return err
		}
		return store.Audit(ctx, tx, bound.Project, store.Event{Action: "login", Actor: granted.User, Address: protocol.Client(r).Address,
			Traits: map[string]any{"provider_type": "oauth_provider_authorization_code", "client_id": c.id}})
	})
	return c, granted, nonce, errors.Join(err, no)
}

// judge refuses a code that was not given for this exchange.
func (in *tokenRequest) judge(a *authorization, c *client) error {
	switch {
	case a.client != c.id || a.status != approved:
		return refused("invalid_grant", "Invalid authorization code")
	case a.over:
		return refused("invalid_grant", "Authorization code has expired")
	case a.user == nil:
		return refused("invalid_grant", "Authorization code has no associated user")
	case in.RedirectURI != "" && in.RedirectURI != a.redirect:
		return refused("invalid_grant", "Invalid redirect_uri")
	case in.Resource != "" && in.Resource != a.resource:
		return refused("invalid_target", "Authorization code resource does not match the resource parameter")
	case !verified(a.challenge, in.Verifier):
		return refused("invalid_grant", "PKCE verification failed")
	}
	return nil
}

func verified(challenge, verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return challenge != "" && subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

func (s *Service) replayed(ctx context.Context, tx *store.Tx, bound *projectdb.Session, c *client, user uuid.UUID, from store.Client) error {
	if err := s.d.Sessions.EndOfClient(ctx, tx, bound.Project, c.id, &user); err != nil {
		return err
	}
	return store.Audit(ctx, tx, bound.Project, store.Event{Action: "token_revoked", Address: from.Address,
		Traits: map[string]any{"action": "oauth_code_replayed", "oauth_client_id": c.id, "user_id": user}})
}

// renew exchanges a refresh token of the client's own.
func (s *Service) renew(r *http.Request, bound *projectdb.Session, in *tokenRequest) (c *client, granted *session.Grant, err error) {
	if in.RefreshToken == "" {
		return nil, nil, refused("invalid_request", "refresh_token is required for refresh_token grant")
	}
	ctx := r.Context()
	err = store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		c, err = in.authenticate(ctx, tx)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if granted, err = s.d.Sessions.Renew(ctx, bound, in.RefreshToken, &c.id, protocol.Client(r)); err != nil {
		return nil, nil, err
	}
	if asked := scopesOf(in.Scope); len(asked) > 0 && !covers(scopesOf(granted.Session.Scopes), asked) {
		return nil, nil, refused("invalid_scope", "scope must not be more than what was granted")
	}
	return c, granted, nil
}

// asOAuth says an error in RFC 6749's words.
func asOAuth(err error) *oauthError {
	if e := (*oauthError)(nil); errors.As(err, &e) {
		return e
	}
	status, _, message := protocol.Answer(err)
	switch reason := fault.From(err).Reason; {
	case strings.HasPrefix(reason, "REFRESH_TOKEN_") || strings.HasPrefix(reason, "SESSION_") || reason == "USER_NOT_FOUND":
		return refused("invalid_grant", "Refresh token is invalid or expired.")
	case reason == "USER_BANNED":
		return refused("access_denied", "User is not permitted to access this resource.")
	case status >= http.StatusInternalServerError:
		return &oauthError{status, "server_error", message}
	case status == http.StatusTooManyRequests:
		return &oauthError{status, "temporarily_unavailable", message}
	}
	return refused("invalid_request", message)
}
