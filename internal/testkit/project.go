package testkit

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/token"
	"github.com/wayli-app/fluxbase/migrations"
)

// Keys are the ways into a project made for a test.
type Keys struct {
	Publishable, Secret string
	// The two long-lived JWTs.
	Anon, ServiceRole string
}

var keys sync.Map // ref → Keys

// cluster opens and prepares the test server, once for all tests of a package.
var cluster = sync.OnceValues(func() (*layout.Cluster, error) {
	ctx := context.Background()
	c, err := layout.Open(ctx, adminURL(), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return c, c.Prepare(ctx)
})

// Project returns the snapshot of a real project on the test server, in a database of its own or in the shared one:
// active, with one signing key, a legacy secret, one publishable and one secret key, no limits and no bucket. It is new, or
// as good as that: another test gave it back with nothing changed but rows, which were deleted.
func Project(t testing.TB, shared bool) *directoryv1.Snapshot {
	t.Helper()
	return project(t, shared, true)
}

// NewProject is a Project that no test had before nor will have after: for tests that share a worker, which remembers what it served.
func NewProject(t testing.TB, shared bool) *directoryv1.Snapshot {
	t.Helper()
	return project(t, shared, false)
}

func project(t testing.TB, shared, again bool) *directoryv1.Snapshot {
	t.Helper()
	admin, err := url.Parse(AdminURL(t))
	require.NoError(t, err)
	port, err := strconv.ParseInt(admin.Port(), 10, 32)
	require.NoError(t, err)
	made := placed(t, shared, again)
	names, passwords := layout.Of(made.name, shared), made.passwords
	secret := []byte(id.NewSecret(""))
	own := Keys{
		Publishable: id.NewSecret(id.PrefixPublishable), Secret: id.NewSecret(id.PrefixSecret),
		Anon: legacy(t, secret, names.Ref(), layout.Anon), ServiceRole: legacy(t, secret, names.Ref(), layout.ServiceRole),
	}
	keys.Store(names.Ref(), own)
	return &directoryv1.Snapshot{
		ProjectId: uuid.NewString(), OrganizationId: uuid.NewString(), Ref: names.Ref(), Revision: 1,
		Status: directoryv1.ServingStatus_SERVING_STATUS_ACTIVE, Url: "http://" + names.Ref() + ".localhost:8000",
		Placement: &directoryv1.Placement{
			Host: admin.Hostname(), Port: int32(port), SslMode: "disable", Database: names.Database(),
			Shared: shared, SchemaPrefix: names.SchemaPrefix(), RolePrefix: names.RolePrefix(),
			Authenticator: &directoryv1.Login{User: names.Authenticator(), Password: passwords.Authenticator},
			Admin:         &directoryv1.Login{User: names.Admin(), Password: passwords.Admin},
			Storage:       &directoryv1.Login{User: names.Storage(), Password: passwords.Storage},
			Owner:         &directoryv1.Login{User: names.Owner(), Password: passwords.Owner},
		},
		Keys: []*directoryv1.Key{
			{Id: uuid.NewString(), Hash: id.Hash(own.Publishable), Role: layout.Anon},
			{Id: uuid.NewString(), Hash: id.Hash(own.Secret), Role: layout.ServiceRole},
		},
		SigningKeys: []*directoryv1.SigningKey{signingKey(t)}, LegacyJwtSecret: secret, AnonKey: own.Anon,
		Settings: map[string]string{"auth.autoconfirm": "true"},
	}
}

// placed takes a spare project or makes one. Only if it may be used again, it is given back.
func placed(t testing.TB, shared, again bool) *spare {
	t.Helper()
	c, err := cluster()
	require.NoError(t, err)
	hash, err := migrator{migrations.Project}.Hash()
	require.NoError(t, err)
	s := &spare{kind: fmt.Sprintf("project, shared %t, of %s", shared, hash)}
	fresh := !again || !s.take(t)
	if fresh {
		s.name = id.NewRef()
		s.passwords = layout.Passwords{Authenticator: id.NewPassword(), Admin: id.NewPassword(), Storage: id.NewPassword(), Owner: id.NewPassword()}
	}
	names := layout.Of(s.name, shared)
	s.database, s.prefix = names.Database(), names.SchemaPrefix()
	s.logins = []string{names.Authenticator(), names.Admin(), names.Storage(), names.Owner()}
	s.roles = s.logins
	if shared {
		s.roles = append(slices.Clone(s.logins), names.Role(layout.Anon), names.Role(layout.Authenticated), names.Role(layout.ServiceRole), names.Role(layout.AuthAdmin))
	}
	t.Cleanup(func() {
		keys.Delete(s.name)
		s.end(t, again, func(ctx context.Context) error { return c.Drop(ctx, names) })
	})
	if !fresh {
		return s
	}
	require.NoError(t, c.CreateRoles(t.Context(), names, s.passwords))
	if shared {
		require.NoError(t, c.CreateSchemas(t.Context(), names))
	} else {
		require.NoError(t, c.CreateDatabase(t.Context(), names))
	}
	if again {
		s.remember(t)
	}
	return s
}

// ProjectKeys returns the keys of a project that Project made.
func ProjectKeys(t testing.TB, snapshot *directoryv1.Snapshot) Keys {
	t.Helper()
	made, ok := keys.Load(snapshot.GetRef())
	require.True(t, ok, "testkit.Project made no project %s", snapshot.GetRef())
	return made.(Keys)
}

// UserToken signs an access token of a project's user, as auth would.
func UserToken(t testing.TB, snapshot *directoryv1.Snapshot, claims map[string]any) string {
	t.Helper()
	first := snapshot.GetSigningKeys()[0]
	key, err := token.ParseKey(first.GetKid(), first.GetAlgorithm(), first.GetPrivateKey())
	require.NoError(t, err)
	all := map[string]any{
		"iss": snapshot.GetUrl() + "/auth/v1", "sub": uuid.NewString(), "aud": "authenticated", "role": layout.Authenticated,
		"session_id": uuid.NewString(), "aal": "aal1", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	for name, value := range claims {
		all[name] = value
	}
	signed, err := key.Sign(all)
	require.NoError(t, err)
	return signed
}

func legacy(t testing.TB, secret []byte, ref, role string) string {
	t.Helper()
	signed, err := token.SignLegacy(secret, map[string]any{
		"iss": "fluxbase", "ref": ref, "role": role, "iat": time.Now().Unix(), "exp": time.Now().AddDate(10, 0, 0).Unix(),
	})
	require.NoError(t, err)
	return signed
}

func signingKey(t testing.TB) *directoryv1.SigningKey {
	t.Helper()
	key, err := token.NewKey(uuid.NewString())
	require.NoError(t, err)
	private, err := key.MarshalPrivate()
	require.NoError(t, err)
	return &directoryv1.SigningKey{Kid: key.ID, Algorithm: key.Algorithm, PrivateKey: private, Active: true}
}
