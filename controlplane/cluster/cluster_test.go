package cluster_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/controlplane/audit"
	"github.com/wayli-app/fluxbase/controlplane/cluster"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/migrations"
)

func setup(t *testing.T) *cluster.Service {
	t.Helper()
	pool := testkit.Database(t, migrations.Controlplane)
	log, err := audit.New(pool)
	require.NoError(t, err)
	s, err := cluster.New(cluster.Deps{Pool: pool, Sealer: testkit.Sealer(t), Audit: log, Log: testkit.Logger(t)})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func TestRegisterListDrain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	made, err := s.Register(t.Context(), cluster.RegisterInput{Name: "one", AdminURL: testkit.AdminURL(t), Capacity: 3})
	require.NoError(t, err)
	require.NotEmpty(t, made.Version)

	_, err = s.Register(t.Context(), cluster.RegisterInput{Name: "one", AdminURL: testkit.AdminURL(t), Capacity: 3})
	require.Equal(t, "CLUSTER_EXISTS", fault.From(err).Reason)

	list, err := s.List(t.Context(), 10, "")
	require.NoError(t, err)
	require.Len(t, list, 1)
	password, _ := must(url.Parse(testkit.AdminURL(t))).User.Password()
	told, err := json.Marshal(list)
	require.NoError(t, err)
	require.NotContains(t, string(told), ":"+password+"@")
	var sealed []byte
	require.NoError(t, s.Pool.QueryRow(t.Context(), "select admin_url_sealed from cluster").Scan(&sealed))
	require.NotContains(t, string(sealed), "postgres://")

	drained, err := s.Drain(t.Context(), "one", true)
	require.NoError(t, err)
	require.True(t, drained.Draining)
	_, err = s.Drain(t.Context(), "none", true)
	require.ErrorIs(t, err, cluster.ErrNotFound)

	admin, err := s.Admin(t.Context(), made.ID)
	require.NoError(t, err)
	again, err := s.Admin(t.Context(), made.ID)
	require.NoError(t, err)
	require.Same(t, admin, again)
}

func TestEnsureDefaultRegistersOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	require.NoError(t, s.EnsureDefault(t.Context(), ""))
	for range 2 {
		require.NoError(t, s.EnsureDefault(t.Context(), testkit.AdminURL(t)))
	}
	list, err := s.List(t.Context(), 10, "")
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, cluster.DefaultName, list[0].Name)
}

func TestRegisterRefuses(t *testing.T) {
	t.Parallel()
	s := setup(t)
	admin := testkit.AdminURL(t)
	weak := "weak_" + id.NewRef()
	conn, err := pgx.Connect(t.Context(), admin)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), fmt.Sprintf("create role %[1]s login password 'secret-in-url'; grant connect on database postgres to %[1]s", weak))
	require.NoError(t, err)
	defer func() { _, _ = conn.Exec(t.Context(), "drop owned by "+weak+"; drop role "+weak) }()
	weakURL := must(url.Parse(admin))
	weakURL.User = url.UserPassword(weak, "secret-in-url")
	wrongURL := must(url.Parse(admin))
	wrongURL.User = url.UserPassword(id.NewRef(), "secret-in-url")

	for name, c := range map[string]struct {
		in     cluster.RegisterInput
		reason string
	}{
		"a bad name":             {cluster.RegisterInput{Name: "A b", AdminURL: admin, Capacity: 1}, "CLUSTER_INVALID"},
		"no capacity":            {cluster.RegisterInput{Name: "none", AdminURL: admin}, "CLUSTER_INVALID"},
		"another scheme":         {cluster.RegisterInput{Name: "scheme", AdminURL: "mysql://root:secret-in-url@host/x", Capacity: 1}, "CLUSTER_INVALID"},
		"a server that is away":  {cluster.RegisterInput{Name: "away", AdminURL: "postgres://u:secret-in-url@127.0.0.1:1/postgres?connect_timeout=2", Capacity: 1}, "CLUSTER_UNREACHABLE"},
		"a wrong password":       {cluster.RegisterInput{Name: "wrong", AdminURL: wrongURL.String(), Capacity: 1}, "CLUSTER_LOGIN_REFUSED"},
		"a login that is weak":   {cluster.RegisterInput{Name: "weak", AdminURL: weakURL.String(), Capacity: 1}, "CLUSTER_LOGIN_TOO_WEAK"},
		"a URL that is no URL":   {cluster.RegisterInput{Name: "odd", AdminURL: "postgres://u:secret-in-url@host:port/x", Capacity: 1}, "CLUSTER_INVALID"},
		"an sslmode of its own":  {cluster.RegisterInput{Name: "ssl", AdminURL: "postgres://u:secret-in-url@h/x?sslmode=maybe", Capacity: 1}, "CLUSTER_INVALID"},
		"a URL without a login":  {cluster.RegisterInput{Name: "user", AdminURL: "postgres://host/x", Capacity: 1}, "CLUSTER_INVALID"},
		"a URL without its host": {cluster.RegisterInput{Name: "host", AdminURL: "postgres://u:secret-in-url@/x", Capacity: 1}, "CLUSTER_INVALID"},
	} {
		_, err := s.Register(t.Context(), c.in)
		require.Equal(t, c.reason, fault.From(err).Reason, name)
		require.NotContains(t, err.Error(), "secret-in-url", "%s: the error shows the password", name)
	}
	list, err := s.List(t.Context(), 10, "")
	require.NoError(t, err)
	require.Empty(t, list)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
