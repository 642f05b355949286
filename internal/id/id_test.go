package id_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/id"
)

func TestRefs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		ref := id.NewRef()
		require.Len(t, ref, 20)
		require.True(t, id.ValidRef(ref))
		require.False(t, seen[ref])
		seen[ref] = true
	}
	require.True(t, id.ValidRef(id.PlatformRef))
	for _, bad := range []string{"", "short", "ABCDEFGHIJKLMNOPQRST", "abcdefghijklmnopqrst\n", "abcdefghijklmnopqrs1", "abcdefghijklmnopqrstu", "../../../etc/passwdxx"} {
		require.False(t, id.ValidRef(bad), bad)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	key := id.NewSecret(id.PrefixSecret)
	require.Regexp(t, `^fbk_sec_[a-zA-Z0-9]{40}$`, key)
	require.NotEqual(t, key, id.NewSecret(id.PrefixSecret))
	require.True(t, id.ValidKey(key))
	require.True(t, id.ValidKey(id.NewSecret(id.PrefixPublishable)))
	for _, odd := range []string{"", key[1:], key + "x", key[:47] + "-", "fbk_xxx_" + key[8:], id.NewSecret(id.PrefixAccessToken)} {
		require.False(t, id.ValidKey(odd), odd)
	}
	require.Len(t, id.Hash(key), 32)
	require.Equal(t, key[:12]+"…", id.Display(key, id.PrefixSecret))
	require.Equal(t, id.PrefixSecret+"…", id.Display("x", id.PrefixSecret))
	require.Len(t, id.NewPassword(), 32)
}
