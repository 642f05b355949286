package seal_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/seal"
)

func newSealer(t *testing.T) *seal.Sealer {
	t.Helper()
	key, err := seal.NewKey()
	require.NoError(t, err)
	s, err := seal.New(key)
	require.NoError(t, err)
	return s
}

func TestSealOpensOnlyInItsPlace(t *testing.T) {
	t.Parallel()
	s := newSealer(t)
	sealed, err := s.Seal([]byte("secret"), "project/a")
	require.NoError(t, err)
	require.False(t, bytes.Contains(sealed, []byte("secret")))
	plain, err := s.Open(sealed, "project/a")
	require.NoError(t, err)
	require.Equal(t, "secret", string(plain))

	_, err = s.Open(sealed, "project/b")
	require.ErrorContains(t, err, "project/b")
	_, err = newSealer(t).Open(sealed, "project/a")
	require.ErrorContains(t, err, "master key")
	sealed[len(sealed)-1] ^= 1
	_, err = s.Open(sealed, "project/a")
	require.Error(t, err)
}

func TestNewRefusesWhatIsNoKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "changeme", "c2VjcmV0"} {
		_, err := seal.New(key)
		require.ErrorContains(t, err, "new-master-key", key)
	}
}
