package testkit

import (
	"context"
	"log/slog"
	"net/url"
	"os"
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
	c, err := layout.Open(ctx, os.Getenv(DatabaseVariable), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return c, c.Prepare(ctx)
})

// Project makes a real project on the test server, in a database of its own or in the shared one, and returns its
// snapshot: active, with one signing key, a legacy secret, one publishable and one secret key, no limits and no
// bucket. It is dropped at the test's end.
func Project(t testing.TB, shared bool) *directoryv1.Snapshot {
	t.Helper()
	admin, err := url.Parse(AdminURL(t))
	require.NoError(t, err)
	port, err := strconv.ParseInt(admin.Port(), 10, 32)
	require.NoError(t, err)
	c, err := cluster()
	require.NoError(t, err)
	names := layout.Of(id.NewRef(), shared)
	passwords := layout.Passwords{Authenticator: id.NewPassword(), Admin: id.NewPassword(), Storage: id.NewPassword(), Owner: id.NewPassword()}
	t.Cleanup(func() {
		keys.Delete(names.Ref())
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, c.Drop(ctx, names))
	})
	require.NoError(t, c.CreateRoles(t.Context(), names, passwords))
	if shared {
		require.NoError(t, c.CreateSchemas(t.Context(), names))
	} else {
		require.NoError(t, c.CreateDatabase(t.Context(), names))
	}
	secret := []byte(id.NewSecret(""))
	made := Keys{
		Publishable: id.NewSecret(id.PrefixPublishable), Secret: id.NewSecret(id.PrefixSecret),
		Anon: legacy(t, secret, names.Ref(), layout.Anon), ServiceRole: legacy(t, secret, names.Ref(), layout.ServiceRole),
	}
	keys.Store(names.Ref(), made)
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
			{Id: uuid.NewString(), Hash: id.Hash(made.Publishable), Role: layout.Anon},
			{Id: uuid.NewString(), Hash: id.Hash(made.Secret), Role: layout.ServiceRole},
		},
		SigningKeys: []*directoryv1.SigningKey{signingKey(t)}, LegacyJwtSecret: secret, AnonKey: made.Anon,
		Settings: map[string]string{"auth.autoconfirm": "true"},
	}
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
