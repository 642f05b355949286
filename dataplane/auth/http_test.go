package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// bundle is a project with the auth service in front of it.
type bundle struct {
	t       *testing.T
	project *directory.Project
	door    *projectdb.Door
	service http.Handler
}

// both runs a test over both isolations.
func both(t *testing.T, test func(t *testing.T, b *bundle)) {
	t.Parallel()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			project, err := directory.FromSnapshot(testkit.Project(t, shared))
			require.NoError(t, err)
			door := projectdb.New(projectdb.Deps{Log: testkit.Logger(t), Metrics: prometheus.NewRegistry(), MaxConnections: 8})
			t.Cleanup(func() { require.NoError(t, door.Close(context.Background())) })
			test(t, &bundle{t: t, project: project, door: door, service: auth.New(auth.Deps{Log: testkit.Logger(t), Hashes: 2, Version: "test"})})
		})
	}
}

// with returns the same project with settings changed.
func (b *bundle) with(settings map[string]string) *bundle {
	changed := *b.project
	changed.Settings = setting.Decode(settings)
	out := *b
	out.project = &changed
	return &out
}

type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a answer) str(key string) string { s, _ := a.body[key].(string); return s }

func (a answer) code() string { return a.str("error_code") }

func (a answer) user() map[string]any { u, _ := a.body["user"].(map[string]any); return u }

// call sends a request as the gateway does: bearer tokens verified, the session bound.
func (b *bundle) call(method, path, bearer string, body any) answer {
	b.t.Helper()
	var reader io.Reader
	switch v := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(v)
	default:
		encoded, err := json.Marshal(v)
		require.NoError(b.t, err)
		reader = bytes.NewReader(encoded)
	}
	r := httptest.NewRequest(method, path, reader)
	caller := projectdb.Caller{Role: "anon", Claims: json.RawMessage(`{"role":"anon"}`)}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
		verified, err := b.project.Verifier.Verify(bearer, time.Now())
		require.NoError(b.t, err)
		caller = projectdb.Caller{Role: verified.Role, Claims: verified.JSON, Subject: verified.Subject, SessionID: verified.SessionID}
	}
	r = r.WithContext(projectdb.NewContext(b.t.Context(), b.door.Bind(b.project, caller)))
	w := httptest.NewRecorder()
	b.service.ServeHTTP(w, r)
	out := answer{status: w.Code, header: w.Header(), text: w.Body.String()}
	if w.Body.Len() > 0 {
		require.NoError(b.t, json.Unmarshal(w.Body.Bytes(), &out.body), out.text)
	}
	return out
}

func (b *bundle) signUp(email, password string) answer {
	b.t.Helper()
	out := b.call("POST", "/signup", "", map[string]any{"email": email, "password": password})
	require.Equal(b.t, 200, out.status, out.text)
	return out
}

func (b *bundle) signIn(email, password string) answer {
	b.t.Helper()
	return b.call("POST", "/token?grant_type=password", "", map[string]any{"email": email, "password": password})
}

func (b *bundle) refresh(token string) answer {
	b.t.Helper()
	return b.call("POST", "/token?grant_type=refresh_token", "", map[string]any{"refresh_token": token})
}

// refused requires a refusal with a status and GoTrue's code.
func (b *bundle) refused(out answer, status int, code string) {
	b.t.Helper()
	require.Equal(b.t, status, out.status, out.text)
	require.Equal(b.t, code, out.code(), out.text)
}

// exec changes the project's tables behind the service's back.
func (b *bundle) exec(sql string, args ...any) {
	b.t.Helper()
	session := b.door.Bind(b.project, projectdb.Caller{})
	require.NoError(b.t, session.InService(b.t.Context(), auth.Schema, func(tx pgx.Tx) error {
		_, err := tx.Exec(b.t.Context(), sql, args...)
		return err
	}))
}

func (b *bundle) count(sql string, args ...any) (n int) {
	b.t.Helper()
	session := b.door.Bind(b.project, projectdb.Caller{})
	require.NoError(b.t, session.InService(b.t.Context(), auth.Schema, func(tx pgx.Tx) error {
		return tx.QueryRow(b.t.Context(), sql, args...).Scan(&n)
	}))
	return n
}
