package layout

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/id"
)

// adminURL is the test server's. (testkit itself uses this package.)
func adminURL(t testing.TB) string {
	t.Helper()
	u := os.Getenv("FLUXBASE_TEST_DATABASE_URL")
	require.NotEmpty(t, u, "FLUXBASE_TEST_DATABASE_URL must name a Postgres server; run `make test`")
	return u
}

func open(t testing.TB) *Cluster {
	t.Helper()
	c, err := Open(t.Context(), adminURL(t), slog.New(slog.NewTextHandler(t.Output(), nil)))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	require.NoError(t, c.Prepare(t.Context()))
	return c
}

// made is a project made for a test.
type made struct {
	Names
	c         *Cluster
	passwords Passwords
}

func create(t testing.TB, c *Cluster, shared bool) *made {
	t.Helper()
	m := &made{Names: Of(id.NewRef(), shared), c: c, passwords: Passwords{id.NewPassword(), id.NewPassword(), id.NewPassword(), id.NewPassword()}}
	t.Cleanup(func() { require.NoError(t, c.Drop(context.WithoutCancel(t.Context()), m.Names)) })
	m.create(t)
	return m
}

func (m *made) create(t testing.TB) {
	t.Helper()
	require.NoError(t, m.c.CreateRoles(t.Context(), m.Names, m.passwords))
	if m.shared {
		require.NoError(t, m.c.CreateSchemas(t.Context(), m.Names))
	} else {
		require.NoError(t, m.c.CreateDatabase(t.Context(), m.Names))
	}
}

func (m *made) url(t testing.TB, user, password, database string) string {
	t.Helper()
	u, err := url.Parse(adminURL(t))
	require.NoError(t, err)
	u.User, u.Path = url.UserPassword(user, password), "/"+database
	return u.String()
}

func (m *made) connect(t testing.TB, user, password string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), m.url(t, user, password, m.Database()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func (m *made) owner(t testing.TB) *pgx.Conn {
	t.Helper()
	return m.connect(t, m.Owner(), m.passwords.Owner)
}

func (m *made) authenticator(t testing.TB) *pgx.Conn {
	t.Helper()
	return m.connect(t, m.Authenticator(), m.passwords.Authenticator)
}

func bothIsolations(t *testing.T, test func(t *testing.T, shared bool)) {
	t.Helper()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, shared)
		})
	}
}

func exec(t testing.TB, conn *pgx.Conn, format string, args ...any) {
	t.Helper()
	_, err := conn.Exec(t.Context(), fmt.Sprintf(format, args...))
	require.NoError(t, err)
}

func one[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	var out T
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&out))
	return out
}
