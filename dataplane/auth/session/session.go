// Package session opens, renews and ends the sessions of a project's users, and makes their access tokens. It is the one place where a refresh
// token is rotated and an access token signed.
package session

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Audience is the claim aud of users' tokens.
const Audience = "authenticated"

// Hooks ask a project's own code.
type Hooks interface {
	// Enabled tells whether the project has set a hook of this name.
	Enabled(p *directory.Project, name string) bool
	// Call gives input to the hook and decodes its answer into output. No transaction may be open.
	Call(ctx context.Context, session *projectdb.Session, name string, input, output any) error
}

// Revoker makes every worker refuse access tokens that were issued until now.
type Revoker interface {
	// Sessions revokes those of sessions, User all of a user. Life is the longest that any of them is valid.
	Sessions(ctx context.Context, ref string, sessions []uuid.UUID, life time.Duration)
	User(ctx context.Context, ref string, user uuid.UUID, life time.Duration)
}

// Limiter counts attempts.
type Limiter interface {
	Address(r *http.Request, session *projectdb.Session, what string) error
}

// Deps are what a manager needs.
type Deps struct {
	Log     *slog.Logger
	Hooks   Hooks   // nil for none
	Revoker Revoker // nil for none: then access tokens are good until they expire
	Limits  Limiter
}

// Manager manages the sessions of every project.
type Manager struct{ d Deps }

// New makes a manager.
func New(d Deps) *Manager { return &Manager{d} }

// Grant is a session with its user and its refresh token, to be turned into an answer.
type Grant struct {
	User         *store.User
	Session      *store.Session
	RefreshToken string
	// Opened tells that the session is new, so that it is ended again when the project's hook refuses its token.
	Opened bool
	// Made tells that the user is new too: then they go with the session, so that whoever tries again is no second one.
	Made bool
	// Method is the claim of how the token came to be, for the hook: "password", "token_refresh", …
	Method string
}

// Opening is who signs in, and how they proved who they are.
type Opening struct {
	UserID uuid.UUID
	// CheckedHash is as in store.NewSession.
	CheckedHash *string
	// Method is the claim amr: password, otp, oauth, sso/saml, totp, mfa/phone, mfa/webauthn, anonymous, magiclink, recovery, invite,
	// email/signup, email_change, web3, passkey.
	Method string
	// Provider is whose identity was used: "email", "phone", "google", …; "" for none.
	Provider string
	// AAL is "aal1" when empty.
	AAL      string
	FactorID *uuid.UUID
	ClientID *uuid.UUID
	Scopes   string
	// NotAfter is when the session ends at the latest, because who vouches for the user said so; nil for no such end.
	NotAfter *time.Time
	Client   store.Client
}

// Open opens a session in the transaction. It refuses users that are gone, banned, or have another password by now.
func (m *Manager) Open(ctx context.Context, tx *store.Tx, p *directory.Project, o Opening) (*Grant, error) {
	next := store.NewSession{ID: uuid.New(), UserID: o.UserID, CheckedHash: o.CheckedHash, RefreshToken: newRefreshToken(), Method: o.Method,
		Provider: o.Provider, AAL: o.AAL, FactorID: o.FactorID, ClientID: o.ClientID, Scopes: o.Scopes, NotAfter: o.NotAfter, Client: o.Client}
	if next.AAL == "" {
		next.AAL = "aal1"
	}
	user, opened, err := store.OpenSession(ctx, tx, next, Lifetimes(p.Settings))
	if err != nil {
		return nil, err
	}
	if opened == nil {
		return nil, m.notOpened(ctx, tx, o)
	}
	if setting.Get[bool](p.Settings, "auth.session_single_per_user") && o.ClientID == nil {
		if err := m.End(ctx, tx, p, user.ID, nil, &opened.ID); err != nil {
			return nil, err
		}
	}
	return &Grant{User: user, Session: opened, RefreshToken: next.RefreshToken, Opened: true, Method: o.Method}, nil
}

func (m *Manager) notOpened(ctx context.Context, tx *store.Tx, o Opening) error {
	user, err := store.UserByID(ctx, tx, o.UserID)
	switch {
	case err == nil && user.Banned(time.Now()):
		return protocol.ErrSignInBanned
	case o.CheckedHash != nil:
		return protocol.ErrInvalidCredentials
	}
	return protocol.ErrNoSuchUser
}

// Upgrade records that the user of a session has proved more, and gives it a new refresh token. The session must have been read with SignedIn.
func (m *Manager) Upgrade(ctx context.Context, tx *store.Tx, p *directory.Project, s *store.Session, method, aal string, factorID *uuid.UUID, c store.Client) (*Grant, error) {
	next := newRefreshToken()
	if err := store.UpgradeSession(ctx, tx, s.ID, method, aal, factorID, next, c); err != nil {
		return nil, err
	}
	user, upgraded, err := store.UserAndSession(ctx, tx, s.UserID, s.ID, Lifetimes(p.Settings))
	switch {
	case err != nil:
		return nil, err
	case user == nil || upgraded == nil || upgraded.Ended:
		return nil, protocol.ErrSessionNotFound
	}
	return &Grant{User: user, Session: upgraded, RefreshToken: next, Method: method}, nil
}

// End ends sessions of a user: all, only one, or all but one. Their access tokens stop on every worker once the transaction has committed.
func (m *Manager) End(ctx context.Context, tx *store.Tx, p *directory.Project, userID uuid.UUID, only, except *uuid.UUID) error {
	ended, err := store.DeleteSessions(ctx, tx, userID, only, except)
	if err != nil || len(ended) == 0 || m.d.Revoker == nil {
		return err
	}
	life := tokenLife(p.Settings)
	tx.AfterCommit(func(ctx context.Context) { m.d.Revoker.Sessions(ctx, p.Ref, ended, life) })
	return nil
}

// Lock makes the access tokens of a user stop on every worker once the transaction has committed: for users that are banned or deleted. Their
// sessions stay, for when the ban ends.
func (m *Manager) Lock(tx *store.Tx, p *directory.Project, userID uuid.UUID) {
	if m.d.Revoker != nil {
		// Tokens may be older than the project's setting.
		tx.AfterCommit(func(ctx context.Context) { m.d.Revoker.User(ctx, p.Ref, userID, longestTokenLife()) })
	}
}

// Lifetimes are those that a project sets.
func Lifetimes(values setting.Values) store.Lifetimes {
	return store.Lifetimes{
		Timebox:    time.Duration(setting.Get[int64](values, "auth.session_timebox")) * time.Second,
		Inactivity: time.Duration(setting.Get[int64](values, "auth.session_inactivity_timeout")) * time.Second,
	}
}

func tokenLife(values setting.Values) time.Duration {
	return time.Duration(setting.Get[int64](values, "auth.jwt_expiry")) * time.Second
}

// longestTokenLife is the most that a project can set.
func longestTokenLife() time.Duration {
	d, _ := setting.Lookup("auth.jwt_expiry")
	return time.Duration(d.Max) * time.Second
}

// Answer signs the grant's access token, with the claims that the project's hook makes of ours. No transaction may be open. A new session whose
// token is refused is ended.
func (m *Manager) Answer(ctx context.Context, s *projectdb.Session, g *Grant) (protocol.Grant, error) {
	now, p := time.Now(), s.Project
	claims, life := Claims(p, g, now)
	claims, err := m.custom(ctx, s, g, claims)
	var access string
	if err == nil {
		access, err = p.SigningKey.Sign(claims)
	}
	if err != nil {
		m.undo(context.WithoutCancel(ctx), s, g)
		return protocol.Grant{}, err
	}
	return protocol.Grant{AccessToken: access, TokenType: "bearer", ExpiresIn: life, ExpiresAt: now.Unix() + life, RefreshToken: g.RefreshToken,
		User: protocol.NewUser(g.User)}, nil
}

// undo takes back what was opened for a token that could not be made.
func (m *Manager) undo(ctx context.Context, s *projectdb.Session, g *Grant) {
	if !g.Opened {
		return
	}
	err := store.InTx(ctx, s, func(tx *store.Tx) error {
		if err := m.End(ctx, tx, s.Project, g.User.ID, &g.Session.ID, nil); err != nil || !g.Made {
			return err
		}
		return store.DeleteUser(ctx, tx, g.User.ID)
	})
	if err != nil {
		m.d.Log.LogAttrs(ctx, slog.LevelError, "a session whose token was refused could not be ended", slog.String("project", s.Project.Ref), slog.Any("error", err))
	}
}

// Write answers with a grant.
func (m *Manager) Write(w http.ResponseWriter, r *http.Request, s *projectdb.Session, g *Grant) error {
	answer, err := m.Answer(r.Context(), s, g)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, answer)
	return nil
}

// Claims are those of a grant's access token, which lives for so many seconds.
func Claims(p *directory.Project, g *Grant, now time.Time) (claims map[string]any, life int64) {
	life = setting.Get[int64](p.Settings, "auth.jwt_expiry")
	if g.Session.Ends != nil {
		life = max(min(life, int64(g.Session.Ends.Sub(now).Seconds())), 1)
	}
	role := g.User.Role
	if role != "authenticated" && role != "anon" && role != "service_role" { // imported rows may have none
		role = "authenticated"
	}
	claims = map[string]any{
		"iss":           p.URL + "/auth/v1",
		"sub":           g.User.ID.String(),
		"aud":           Audience,
		"role":          role,
		"email":         g.User.Email,
		"phone":         g.User.Phone,
		"app_metadata":  g.User.AppMetadata,
		"user_metadata": g.User.UserMetadata,
		"session_id":    g.Session.ID.String(),
		"aal":           g.Session.AAL,
		"amr":           g.Session.Methods,
		"is_anonymous":  g.User.Anonymous,
		"iat":           now.Unix(),
		"exp":           now.Unix() + life,
	}
	if g.Session.ClientID != nil {
		claims["client_id"] = g.Session.ClientID.String()
		claims["scope"] = g.Session.Scopes
	}
	if g.Session.ImpersonatedBy != "" {
		claims["impersonated_by"] = g.Session.ImpersonatedBy
	}
	return claims, life
}

const claimsHook = "custom_access_token"

// fixed claims are what others rely on: a hook may not take them away, nor make a token that is another project's, user's or session's.
var fixed = []string{"iss", "sub", "session_id", "iat", "exp"}

// custom lets the project's hook change claims.
func (m *Manager) custom(ctx context.Context, s *projectdb.Session, g *Grant, claims map[string]any) (map[string]any, error) {
	if m.d.Hooks == nil || !m.d.Hooks.Enabled(s.Project, claimsHook) {
		return claims, nil
	}
	var out struct {
		Claims map[string]any `json:"claims"`
	}
	input := map[string]any{"user_id": g.User.ID, "claims": claims, "authentication_method": g.Method}
	if err := m.d.Hooks.Call(ctx, s, claimsHook, input, &out); err != nil {
		return nil, err
	}
	for _, name := range []string{"aud", "role", "aal", "email", "phone", "is_anonymous"} {
		if _, ok := out.Claims[name]; !ok {
			return nil, fault.New(fault.Internal, "HOOK_CLAIMS", "The custom access token hook left out the claim %s.", name)
		}
	}
	if role, _ := out.Claims["role"].(string); role != "authenticated" && role != "anon" && role != "service_role" {
		return nil, fault.New(fault.Internal, "HOOK_CLAIMS", "The custom access token hook answered with a role that the project has not.")
	}
	for _, name := range fixed {
		out.Claims[name] = claims[name]
	}
	if g.Session.ClientID != nil { // policies tell other apps' tokens by it
		out.Claims["client_id"], out.Claims["scope"] = claims["client_id"], claims["scope"]
	}
	delete(out.Claims, "impersonated_by")
	if g.Session.ImpersonatedBy != "" {
		out.Claims["impersonated_by"] = g.Session.ImpersonatedBy
	}
	return out.Claims, nil
}

var refreshTokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func newRefreshToken() string {
	var random [20]byte
	_, _ = rand.Read(random[:]) // never fails
	return refreshTokenEncoding.EncodeToString(random[:])
}

// isRefreshToken lets imported tokens of GoTrue's form through too, and keeps out what Postgres could not read.
func isRefreshToken(s string) bool {
	return len(s) <= 255 && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// JWKS publishes the project's public keys, with which anyone can verify its users' tokens.
func (m *Manager) JWKS(w http.ResponseWriter, _ *http.Request, s *projectdb.Session) error {
	set, err := publicKeys(s.Project)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=600")
	protocol.WriteJSON(w, http.StatusOK, json.RawMessage(set))
	return nil
}
