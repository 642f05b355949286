package directory

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/id"
)

func TestAKeyIsKnownAtOnce(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	s := c.put(newSnapshot(t), false)
	w := start(t, c, newHome(t))
	w.watching(t, true)
	p, err := w.ByRef(t.Context(), s.GetRef())
	require.NoError(t, err)
	for range 50 {
		key := id.NewSecret(id.PrefixPublishable)
		s = proto.CloneOf(s)
		s.Keys = append(s.Keys, &directoryv1.Key{Id: uuid.NewString(), Hash: id.Hash(key), Role: "anon"})
		c.put(s, true) // the worker is told later
		p = w.WithKey(t.Context(), p, sha256.Sum256([]byte(key)))
		require.Contains(t, p.Keys, sha256.Sum256([]byte(key)))
	}
}

func TestKeysThatAreNotThereAskSeldom(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	s, other := c.put(newSnapshot(t), false), c.put(newSnapshot(t), false)
	w := start(t, c, newHome(t))
	w.watching(t, true)
	p, err := w.ByRef(t.Context(), s.GetRef())
	require.NoError(t, err)
	q, err := w.ByRef(t.Context(), other.GetRef())
	require.NoError(t, err)
	asked := c.resolves.Load()
	for range 100 {
		require.Equal(t, p.Revision, w.WithKey(t.Context(), p, [32]byte{1}).Revision)
	}
	require.Equal(t, asked+1, c.resolves.Load(), "that there is no such key is remembered")
	began := time.Now()
	for i := range 5000 {
		w.WithKey(t.Context(), p, [32]byte{2, byte(i), byte(i >> 8)})
	}
	most := asked + keyBurst + int64(time.Since(began)/keyInterval) + 1
	require.LessOrEqual(t, c.resolves.Load(), most)
	key := id.NewSecret(id.PrefixSecret)
	other.Keys = append(other.Keys, &directoryv1.Key{Id: uuid.NewString(), Hash: id.Hash(key), Role: "service_role"})
	c.put(other, true)
	require.Contains(t, w.WithKey(t.Context(), q, sha256.Sum256([]byte(key))).Keys, sha256.Sum256([]byte(key)), "other projects do not suffer")
	c.stop()
	w.clock.advance(time.Hour / 2)
	require.NotNil(t, w.WithKey(t.Context(), p, [32]byte{3}), "without the control plane, what is known")
}
