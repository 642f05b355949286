package projectdb

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// TestAsRole holds that a developer's session of a role is one of the authenticator's, bounded as a request is, and never used again.
func TestAsRole(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		p := newProject(t, shared)
		d := newDoor(t, Deps{MaxConnections: 4})
		caller := Caller{Role: "authenticated", Claims: json.RawMessage(`{"sub":"it's"}`)}
		developer := d.Bind(p, Caller{Developer: "an account"})
		var first, second int
		read := func(pid *int) func(*pgx.Conn) error {
			return func(conn *pgx.Conn) error {
				var role, login, claims, path, timeout string
				err := conn.QueryRow(ctx, `select pg_backend_pid(), current_user, session_user, current_setting('request.jwt.claims'), current_setting('search_path'),
					current_setting('statement_timeout')`).Scan(pid, &role, &login, &claims, &path, &timeout)
				require.NoError(t, err)
				require.Equal(t, []string{p.Role("authenticated"), p.Authenticator.User, `{"sub":"it's"}`, `"` + p.Schema("public") + `"`, "8s"}, []string{role, login, claims, path, timeout})
				_, err = conn.Exec(ctx, "set search_path = nowhere")
				require.NoError(t, err)
				return nil
			}
		}
		require.NoError(t, developer.AsRole(ctx, caller, Options{SearchPath: []string{"public"}}, read(&first)))
		require.NoError(t, developer.AsRole(ctx, caller, Options{SearchPath: []string{"public"}}, read(&second)))
		require.NotEqual(t, first, second)
		_, idle := d.Connections()
		require.Zero(t, idle)

		never := func(*pgx.Conn) error { t.Error("it was called"); return nil }
		require.ErrorContains(t, d.Bind(p, caller).AsRole(ctx, caller, Options{}, never), "DEVELOPERS_ONLY")
		for _, role := range []string{"", "owner", p.Owner.User, "fluxbase_owner"} {
			require.ErrorContains(t, developer.AsRole(ctx, Caller{Role: role}, Options{}, never), "UNKNOWN_ROLE")
		}
	})
}

// TestDevelopersTakeHalfOfAProjectsConnections: SQL of theirs that sleeps leaves room for the project's requests, and for other projects.
func TestDevelopersTakeHalfOfAProjectsConnections(t *testing.T) {
	t.Parallel()
	p, other := newProject(t, true), newProject(t, true)
	d := newDoor(t, Deps{MaxConnections: 16, AcquireTimeout: time.Second})
	developer := d.Bind(p, Caller{Developer: "an account"})
	leave, left := make(chan struct{}), make(chan error)
	for _, open := range []func(func(*pgx.Conn) error) error{
		func(fn func(*pgx.Conn) error) error { return developer.AsOwner(ctx, fn) },
		func(fn func(*pgx.Conn) error) error {
			return developer.AsRole(ctx, Caller{Role: "anon"}, Options{}, fn)
		},
	} {
		entered := make(chan struct{})
		go func() {
			left <- open(func(*pgx.Conn) error { close(entered); <-leave; return nil })
		}()
		<-entered
	}
	err := developer.AsOwner(ctx, func(*pgx.Conn) error { return nil })
	requireFault(t, err, fault.Unavailable, "CONNECTIONS_EXHAUSTED")
	_, err = one(ctx, anon(d, p), Options{}, "select 1")
	require.NoError(t, err)
	require.NoError(t, d.Bind(other, Caller{Developer: "another"}).AsOwner(ctx, func(*pgx.Conn) error { return nil }))
	close(leave)
	require.NoError(t, <-left)
	require.NoError(t, <-left)
	require.NoError(t, developer.AsOwner(ctx, func(*pgx.Conn) error { return nil }))
	require.Empty(t, d.developers.projects)
}
