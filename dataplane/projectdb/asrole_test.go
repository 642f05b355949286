package projectdb

import (
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
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
