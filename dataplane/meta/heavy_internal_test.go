package meta

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeavyRequestsTakeTurns(t *testing.T) {
	t.Parallel()
	h := &heavy{projects: map[string]*turns{}}
	var ends []func()
	for range heavyMost {
		end, err := h.begin(t.Context(), "a")
		require.NoError(t, err)
		ends = append(ends, end)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.begin(gone, "a")
	require.ErrorIs(t, err, errHeavy)
	end, err := h.begin(t.Context(), "b")
	require.NoError(t, err, "other projects have their own")
	end()

	next := make(chan func())
	go func() {
		end, _ := h.begin(context.Background(), "a")
		next <- end
	}()
	ends[0]()
	ends[0] = <-next
	require.NotNil(t, ends[0])
	for _, end := range ends {
		end()
	}
	require.Empty(t, h.projects, "nothing is kept of who is gone")
}
