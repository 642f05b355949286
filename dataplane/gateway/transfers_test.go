package gateway

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

// TestAProjectsTransfersAreBounded holds that a project's own servers, which no address bounds, do not take all of a worker.
func TestAProjectsTransfersAreBounded(t *testing.T) {
	t.Parallel()
	s := newSample(t, func(x *directoryv1.Snapshot) { x.Limits = &directoryv1.Limits{RequestsPerSecond: 2, Burst: 100} })
	other := newSample(t, nil)
	begun, leave := make(chan struct{}, 10), make(chan struct{})
	b := setup(t, transfers(time.Minute, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/status" {
			return
		}
		begun <- struct{}{}
		select {
		case <-leave:
		case <-r.Context().Done():
		}
	}), s, other)
	send := func(s *sample, path, key string) response {
		return b.do(t, request{host: s.project.Ref + ".example.test", path: storagePrefix + path, header: map[string]string{"apikey": key}})
	}
	done := make(chan response, 10)
	for range 2 * projectSeconds {
		go func() { done <- send(s, "/object/b/f", s.secret) }()
		<-begun
	}
	for _, key := range []string{s.secret, s.publishable} {
		got := send(s, "/status", key)
		require.Equal(t, http.StatusTooManyRequests, got.status)
		require.Equal(t, "TOO_MANY_TRANSFERS", got.code(t))
	}
	require.Equal(t, 200, send(other, "/status", other.secret).status)
	close(leave)
	for range 2 * projectSeconds {
		require.Equal(t, 200, (<-done).status)
	}
	require.Equal(t, 200, send(s, "/status", s.secret).status)
}
