package projectdb

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

var isolations = map[string]bool{"database": false, "schema": true}

// both runs a test in both isolations.
func both(t *testing.T, run func(t *testing.T, shared bool)) {
	for name, shared := range isolations {
		t.Run(name, func(t *testing.T) { t.Parallel(); run(t, shared) })
	}
}

// newProject makes a project.
func newProject(t testing.TB, shared bool) *directory.Project {
	t.Helper()
	ctx := context.Background()
	c, err := layout.Open(ctx, testkit.AdminURL(t), testkit.Logger(t))
	require.NoError(t, err)
	require.NoError(t, c.Prepare(ctx))
	ref := id.NewRef()
	n := layout.Of(ref, shared)
	pw := layout.Passwords{Authenticator: "a'\\ \"1", Admin: "b2", Storage: "d4", Owner: "c3"}
	require.NoError(t, c.CreateRoles(ctx, n, pw))
	t.Cleanup(func() {
		_ = c.Drop(ctx, n)
		c.Close()
	})
	if shared {
		require.Eventually(t, func() bool { return c.CreateSchemas(ctx, n) == nil }, 20*time.Second, 20*time.Millisecond)
	} else {
		require.NoError(t, c.CreateDatabase(ctx, n))
	}
	u, err := url.Parse(testkit.AdminURL(t))
	require.NoError(t, err)
	port, _ := strconv.Atoi(u.Port())
	return &directory.Project{
		ID: ref, Ref: ref, Revision: 1, Host: u.Hostname(), Port: port, Database: n.Database(), SSLMode: "disable", Shared: shared,
		SchemaPrefix: n.SchemaPrefix(), RolePrefix: n.RolePrefix(),
		Authenticator: directory.Login{User: n.Authenticator(), Password: pw.Authenticator},
		Admin:         directory.Login{User: n.Admin(), Password: pw.Admin},
		Storage:       directory.Login{User: n.Storage(), Password: pw.Storage},
		Owner:         directory.Login{User: n.Owner(), Password: pw.Owner},
	}
}

// newDoor makes a door that is closed at the end, and checks that nothing is left in use.
func newDoor(t testing.TB, deps Deps) *Door {
	t.Helper()
	deps.Log = testkit.Logger(t)
	d := New(deps)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		require.NoError(t, d.Close(ctx))
		open, idle := d.Connections()
		require.Zero(t, open)
		require.Zero(t, idle)
	})
	return d
}

// asOwner runs SQL as the project's owner, with "{public}" replaced by the physical schema and "{anon}" and so on by roles.
func ownerSQL(t testing.TB, d *Door, p *directory.Project, sql string) {
	t.Helper()
	s := d.Bind(p, Caller{Role: "service_role", Developer: "test"})
	require.NoError(t, s.AsOwner(context.Background(), func(c *pgx.Conn) error {
		_, err := c.PgConn().Exec(context.Background(), physical(p, sql)).ReadAll()
		return err
	}))
}

func physical(p *directory.Project, sql string) string {
	return strings.NewReplacer("{public}", p.Schema("public"), "{anon}", p.Role("anon"), "{authenticated}", p.Role("authenticated"),
		"{service_role}", p.Role("service_role")).Replace(sql)
}

func anon(d *Door, p *directory.Project) *Session {
	return d.Bind(p, Caller{Role: "anon", Claims: []byte(`{"role":"anon"}`)})
}

// one runs a query with one text result.
func one(ctx context.Context, s *Session, o Options, sql string, args ...any) (string, error) {
	var out string
	if o.SearchPath == nil {
		o.SearchPath = []string{"public"}
	}
	err := s.Query(ctx, o, Statement{SQL: sql, Args: args}, func(rows pgx.Rows) error {
		for rows.Next() {
			out = string(rows.RawValues()[0])
		}
		return rows.Err()
	})
	return out, err
}

func replaceLogin(sql, login string) string { return strings.ReplaceAll(sql, "{login}", login) }

// requireNoAdvisoryLock looks from another session.
func requireNoAdvisoryLock(t *testing.T, d *Door, p *directory.Project) {
	t.Helper()
	require.Eventually(t, func() bool {
		n, err := one(context.Background(), anon(d, p), Options{ReadOnly: true}, "select pg_try_advisory_xact_lock(4711)")
		require.NoError(t, err)
		return n == "t"
	}, 20*time.Second, 5*time.Millisecond)
}
