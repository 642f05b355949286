// Package authtest makes real projects for the tests of auth: in both isolations, with auth's domains wired as on a worker, and the surfaces that a test
// names.
package authtest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/hook"
	"github.com/wayli-app/fluxbase/dataplane/auth/letter"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/password"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/mail"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// Bundle is a project with auth's domains and surfaces.
type Bundle struct {
	T       testing.TB
	Project *directory.Project
	Door    *projectdb.Door
	Router  *protocol.Router

	Egress   *egress.Guard // lets loopback through, as in development
	Guard    *guard.Guard
	Hooks    *hook.Caller
	Hasher   *password.Hasher
	Sessions *session.Manager
	Users    *newuser.Maker
	Rules    *password.Rules
	Letters  *letter.Writer
	Messages *message.Outbox
	Revoked  *Revocations
	// Address is where requests come from.
	Address string
}

// Both runs a test over both isolations. Mount adds the routes under test to b.Router; it is called once for each project.
func Both(t *testing.T, mount func(b *Bundle), test func(t *testing.T, b *Bundle)) {
	t.Helper()
	t.Parallel()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := New(t, shared)
			mount(b)
			test(t, b)
		})
	}
}

// New makes a bundle without routes but those of sessions.
func New(t testing.TB, shared bool) *Bundle {
	t.Helper()
	project, err := directory.FromSnapshot(testkit.Project(t, shared))
	require.NoError(t, err)
	door := projectdb.New(projectdb.Deps{Log: testkit.Logger(t), Metrics: prometheus.NewRegistry(), MaxConnections: 8})
	t.Cleanup(func() { require.NoError(t, door.Close(context.Background())) })
	b := &Bundle{T: t, Project: project, Door: door, Router: protocol.NewRouter(testkit.Logger(t)), Revoked: &Revocations{}, Address: "192.0.2.1:4000"}
	b.Egress = egress.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")})
	b.Guard = guard.New(guard.Deps{Client: b.Egress.Client(5 * time.Second)})
	b.Hooks = hook.New(hook.Deps{Egress: b.Egress})
	b.Hasher = password.NewHasher(2)
	b.Users = newuser.New(b.Hooks)
	b.Messages = message.New(message.Deps{Log: testkit.Logger(t), Queue: rows{}, Hooks: b.Hooks, Platform: mail.NewMemory("Test <test@example.com>")})
	b.Letters = letter.New(b.Messages)
	b.Rules = password.NewRules(b.Egress.Client(5 * time.Second))
	b.Sessions = session.New(session.Deps{Log: testkit.Logger(t), Hooks: b.Hooks, Revoker: b.Revoked, Limits: b.Guard})
	b.Router.Handle(http.MethodPost, "/logout", b.Sessions.Logout)
	b.Router.Handle(http.MethodPost, "/refresh", b.Sessions.Refresh)
	return b
}

// With returns the same project with settings changed: values are JSON.
func (b *Bundle) With(settings map[string]string) *Bundle {
	b.T.Helper()
	changed := *b.Project
	changed.Settings = testkit.Settings(b.T, b.Project.Settings, settings)
	out := *b
	out.Project = &changed
	return &out
}

// From returns the same project, asked from another address.
func (b *Bundle) From(address string) *Bundle {
	out := *b
	out.Address = netip.AddrPortFrom(netip.MustParseAddr(address), 4000).String()
	return &out
}

// Answer is an answer to a request.
type Answer struct {
	Status int
	Header http.Header
	Text   string
	Body   map[string]any
}

// Str is a string of the body, or "".
func (a Answer) Str(key string) string { s, _ := a.Body[key].(string); return s }

// Code is GoTrue's error code.
func (a Answer) Code() string { return a.Str("error_code") }

// User is the body's user.
func (a Answer) User() map[string]any { u, _ := a.Body["user"].(map[string]any); return u }

// Call sends a request as the gateway does: a bearer token verified, the session bound. Bearer may be Secret for the service role. Body is a string or
// is encoded as JSON.
func (b *Bundle) Call(method, path, bearer string, body any) Answer {
	b.T.Helper()
	var reader io.Reader
	switch v := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(v)
	default:
		encoded, err := json.Marshal(v)
		require.NoError(b.T, err)
		reader = bytes.NewReader(encoded)
	}
	return b.Do(httptest.NewRequestWithContext(b.T.Context(), method, path, reader), bearer)
}

// Secret is a bearer with the service role.
const Secret = "service_role"

// Do is Call for a request that is made already.
func (b *Bundle) Do(r *http.Request, bearer string) Answer {
	b.T.Helper()
	r.RemoteAddr = b.Address
	caller := projectdb.Caller{Role: "anon", Claims: json.RawMessage(`{"role":"anon"}`)}
	switch bearer {
	case "":
	case Secret:
		caller = projectdb.Caller{Role: "service_role", Claims: json.RawMessage(`{"role":"service_role"}`)}
	default:
		r.Header.Set("Authorization", "Bearer "+bearer)
		verified, err := b.Project.Verifier.Verify(bearer, time.Now())
		require.NoError(b.T, err)
		caller = projectdb.Caller{Role: verified.Role, Claims: verified.JSON, Subject: verified.Subject, SessionID: verified.SessionID}
	}
	r = r.WithContext(projectdb.NewContext(r.Context(), b.Door.Bind(b.Project, caller)))
	w := httptest.NewRecorder()
	b.Router.ServeHTTP(w, r)
	out := Answer{Status: w.Code, Header: w.Header(), Text: w.Body.String()}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && strings.HasPrefix(out.Text, "{") {
		require.NoError(b.T, json.Unmarshal(w.Body.Bytes(), &out.Body), out.Text)
	}
	return out
}

// Refused requires a refusal with a status and GoTrue's code.
func (b *Bundle) Refused(out Answer, status int, code string) {
	b.T.Helper()
	require.Equal(b.T, status, out.Status, out.Text)
	require.Equal(b.T, code, out.Code(), out.Text)
}

// Session is the project's session without a caller, for tests of domains.
func (b *Bundle) Session() *projectdb.Session { return b.Door.Bind(b.Project, projectdb.Caller{}) }

// InTx runs fn in a transaction on the schema auth.
func (b *Bundle) InTx(fn func(tx *store.Tx) error) {
	b.T.Helper()
	require.NoError(b.T, store.InTx(b.T.Context(), b.Session(), fn))
}

// Exec changes the project's tables behind the service's back.
func (b *Bundle) Exec(sql string, args ...any) {
	b.T.Helper()
	b.InTx(func(tx *store.Tx) error {
		_, err := tx.Exec(b.T.Context(), sql, args...)
		return err
	})
}

// Count reads one number.
func (b *Bundle) Count(sql string, args ...any) int { return One[int](b, sql, args...) }

// One reads one value.
func One[T any](b *Bundle, sql string, args ...any) (out T) {
	b.T.Helper()
	b.InTx(func(tx *store.Tx) error { return tx.QueryRow(b.T.Context(), sql, args...).Scan(&out) })
	return out
}

// User makes a user with a confirmed address and, unless it is empty, a password, and returns their id.
func (b *Bundle) User(email, secret string) uuid.UUID {
	b.T.Helper()
	id, hash := uuid.New(), ""
	if secret != "" {
		var err error
		hash, err = b.Hasher.Hash(b.T.Context(), b.Project.Ref, secret)
		require.NoError(b.T, err)
	}
	b.Exec(`with made as (insert into users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
		values ('00000000-0000-0000-0000-000000000000', $1, 'authenticated', 'authenticated', $2, nullif($3, ''), now(), '{"provider":"email","providers":["email"]}', '{}', now(), now()))
		select 1`, id, email, hash)
	b.Exec(`insert into identities (provider_id, user_id, identity_data, provider, created_at, updated_at)
		values ($1::uuid::text, $1::uuid, jsonb_build_object('sub', $1::uuid, 'email', $2::text, 'email_verified', true), 'email', now(), now())`, id, email)
	return id
}

// SignIn opens a session of a user, as if by password, and answers as /token does.
func (b *Bundle) SignIn(user uuid.UUID) protocol.Grant {
	b.T.Helper()
	var granted *session.Grant
	b.InTx(func(tx *store.Tx) (err error) {
		granted, err = b.Sessions.Open(b.T.Context(), tx, b.Project, session.Opening{UserID: user, Method: "password", Provider: "email"})
		return err
	})
	out, err := b.Sessions.Answer(b.T.Context(), b.Session(), granted)
	require.NoError(b.T, err)
	return out
}

// Sent returns the messages in the project's outbox, oldest first, and empties it: kind "email" or "sms", with the payload as it is stored.
func (b *Bundle) Sent() []map[string]any {
	b.T.Helper()
	var out []map[string]any
	b.InTx(func(tx *store.Tx) error {
		rows, err := tx.Query(b.T.Context(), `with gone as (delete from outbox returning *)
			select payload || jsonb_build_object('_kind', kind, '_at', created_at) from gone order by created_at`)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, pgx.RowTo[map[string]any])
		return err
	})
	return out
}

// rows writes messages to the outbox and tells no queue: tests read the table.
type rows struct{}

func (rows) Add(ctx context.Context, tx outbox.Tx, _, _, kind string, payload any) (uuid.UUID, error) {
	id := uuid.New()
	encoded, err := json.Marshal(payload)
	if err != nil {
		return id, err
	}
	_, err = tx.Exec(ctx, "insert into outbox (id, kind, payload, created_at) values ($1, $2, $3, clock_timestamp())", id, kind, encoded)
	return id, err
}

// Revocations remember what was revoked.
type Revocations struct {
	mu       sync.Mutex
	sessions map[uuid.UUID]bool
	users    map[uuid.UUID]bool
}

// Sessions revokes sessions.
func (r *Revocations) Sessions(_ context.Context, _ string, sessions []uuid.UUID, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions == nil {
		r.sessions = map[uuid.UUID]bool{}
	}
	for _, id := range sessions {
		r.sessions[id] = true
	}
}

// User revokes all of a user.
func (r *Revocations) User(_ context.Context, _ string, user uuid.UUID, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.users == nil {
		r.users = map[uuid.UUID]bool{}
	}
	r.users[user] = true
}

// Session tells whether a session was revoked.
func (r *Revocations) Session(id uuid.UUID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessions[id]
}

// OfUser tells whether a user's tokens were.
func (r *Revocations) OfUser(id uuid.UUID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.users[id]
}
