package scope_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/scope"
)

func TestSets(t *testing.T) {
	t.Parallel()
	all := scope.Of(nil)
	require.False(t, all.Bounded())
	one := scope.Of([]string{"tables:read"})
	require.True(t, one.Bounded())
	future := scope.Of([]string{"moons:read"})
	require.True(t, future.Bounded(), "a scope that this worker does not know must not open everything")
	for i, name := range scope.Names() {
		s := scope.Scope(i + 1)
		require.Equal(t, name, s.String())
		require.True(t, all.Has(s))
		require.Equal(t, name == "tables:read", one.Has(s))
		require.False(t, future.Has(s))
		require.True(t, scope.Of([]string{"moons:read", name}).Has(s))
	}
	require.False(t, one.Has(0), "what no scope opens")
	require.Empty(t, scope.Scope(0).String())
	require.Empty(t, scope.Scope(200).String())
}

func TestCheck(t *testing.T) {
	t.Parallel()
	got, err := scope.Check([]string{"tables:write", "auth:admin", "tables:write"})
	require.NoError(t, err)
	require.Equal(t, []string{"auth:admin", "tables:write"}, got)
	for _, bad := range []string{"", "tables", "tables:*", "TABLES:READ", " tables:read"} {
		_, err = scope.Check([]string{"tables:read", bad})
		require.ErrorContains(t, err, "tables:read, tables:write")
	}
}

// TestEveryScopeIsTold: the manual and the console's dialog name each scope.
func TestEveryScopeIsTold(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"../../docs/keys.md", "../../console/src/features/project/key-scopes.ts", "../../proto/fluxbase/controlplane/v1/key.proto"} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, name := range scope.Names() {
			require.Contains(t, string(text), name, path)
		}
	}
}
