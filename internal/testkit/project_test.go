package testkit_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func TestProject(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprintf("shared %t", shared), func(t *testing.T) {
			t.Parallel()
			snapshot := testkit.Project(t, shared)
			place := snapshot.GetPlacement()
			require.Equal(t, shared, place.GetShared())
			for _, login := range []struct{ user, password string }{
				{place.GetAuthenticator().GetUser(), place.GetAuthenticator().GetPassword()},
				{place.GetAdmin().GetUser(), place.GetAdmin().GetPassword()},
				{place.GetOwner().GetUser(), place.GetOwner().GetPassword()},
			} {
				conn, err := pgx.Connect(t.Context(), fmt.Sprintf("user=%s password=%s host=%s port=%d dbname=%s sslmode=%s",
					login.user, login.password, place.GetHost(), place.GetPort(), place.GetDatabase(), place.GetSslMode()))
				require.NoError(t, err)
				require.NoError(t, conn.Close(t.Context()))
			}
			keys := testkit.ProjectKeys(t, snapshot)
			require.Equal(t, id.Hash(keys.Secret), snapshot.GetKeys()[1].GetHash())
			require.NotEmpty(t, testkit.UserToken(t, snapshot, nil))
		})
	}
}
