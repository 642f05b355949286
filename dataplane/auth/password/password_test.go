package password

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/wayli-app/fluxbase/internal/fault"
)

func TestNobodysHashIsAsDearAsAnother(t *testing.T) {
	t.Parallel()
	cost, err := bcrypt.Cost([]byte(nobodysHash))
	require.NoError(t, err)
	require.Equal(t, hashCost, cost)
}

func TestHasherMatches(t *testing.T) {
	t.Parallel()
	h := NewHasher(1)
	hash, err := h.Hash(t.Context(), "a", "secret word")
	require.NoError(t, err)
	for _, c := range []struct {
		hash, password string
		want           bool
	}{
		{hash, "secret word", true}, {hash, "secret wore", false}, {"", "secret word", false}, {"", "nobody's", false},
		{"$argon2id$x", "secret word", false}, {hash, string(make([]byte, 73)), false},
	} {
		got, err := h.Matches(t.Context(), "a", c.hash, hash, c.password)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%q %q", c.hash, c.password)
	}
	long := strings.Repeat("x", 72)
	hash, err = h.Hash(t.Context(), "a", long)
	require.NoError(t, err)
	for password, want := range map[string]bool{long: true, long + "x": false} {
		got, err := h.Matches(t.Context(), "a", hash, "", password)
		require.NoError(t, err)
		require.Equal(t, want, got, "what bcrypt would not read counts all the same")
	}
	require.Equal(t, 1, h.free)
}

// waiting starts an acquire and returns when it is in the queue.
func waiting(ctx context.Context, t *testing.T, h *Hasher, project string) <-chan error {
	t.Helper()
	length := func() int { h.mu.Lock(); defer h.mu.Unlock(); return len(h.waiting[project]) }
	before, done := length(), make(chan error, 1)
	go func() { done <- h.acquire(ctx, project) }()
	for length() == before {
	}
	return done
}

func TestHasherGivesProjectsTurns(t *testing.T) {
	t.Parallel()
	h := NewHasher(1)
	require.NoError(t, h.acquire(t.Context(), "busy"))
	first := waiting(t.Context(), t, h, "busy")
	second := waiting(t.Context(), t, h, "busy")
	other := waiting(t.Context(), t, h, "quiet")
	h.release()
	require.NoError(t, <-first)
	h.release()
	require.NoError(t, <-other, "the second of the busy project must not come first")
	require.Empty(t, second)
	h.release()
	require.NoError(t, <-second)
	h.release()
	require.Equal(t, 1, h.free)
	require.Empty(t, h.waiting)
}

func TestHasherBoundsAProjectsQueueAndForgetsWhoLeaves(t *testing.T) {
	t.Parallel()
	h := NewHasher(1)
	require.NoError(t, h.acquire(t.Context(), "busy"))
	ctx, cancel := context.WithCancel(t.Context())
	var queued []<-chan error
	for range maxWaiting {
		queued = append(queued, waiting(ctx, t, h, "busy"))
	}
	require.Equal(t, fault.Exhausted, fault.From(h.acquire(t.Context(), "busy")).Kind)
	quiet := waiting(t.Context(), t, h, "quiet")
	cancel()
	for _, q := range queued {
		require.Equal(t, fault.Canceled, fault.From(<-q).Kind)
	}
	h.release()
	require.NoError(t, <-quiet)
	h.release()
	require.Equal(t, 1, h.free)
	require.Empty(t, h.turns)
}
