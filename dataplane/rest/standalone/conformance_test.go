package standalone_test

import (
	"context"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/standalone"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/internal/testkit/conformance"
)

// TestConformance runs PostgREST's own cases, each configuration against a server and a database of its own.
func TestConformance(t *testing.T) {
	t.Parallel()
	suite := conformance.Start(t, nil)
	var mu sync.Mutex
	var all []conformance.Result
	// The base configuration has most of the cases: it goes first.
	names := slices.SortedFunc(maps.Keys(suite.Configs), func(a, b string) int {
		if a == "base" || b == "base" {
			return map[bool]int{true: -1, false: 1}[a == "base"]
		}
		return strings.Compare(a, b)
	})
	t.Run("configs", func(t *testing.T) {
		for i, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				database := fmt.Sprintf("c%d", i)
				suite.Clone(t, database)
				results := suite.Run(t, name, serve(t, suite, suite.Configs[name], database))
				mu.Lock()
				defer mu.Unlock()
				all = append(all, results...)
			})
		}
	})
	conformance.Judge(t, all, 0.97, "testdata/conformance_failures.txt")
}

// serve starts a server of PostgREST's settings, and returns its address.
func serve(t *testing.T, suite *conformance.Suite, settings map[string]string, database string) string {
	t.Helper()
	environ := []string{
		"PGRST_DB_URI=" + suite.URL(conformance.Authenticator, database), "PGRST_DB_CHANNEL_ENABLED=false", "PGRST_DB_POOL=4", "PGRST_LOG_LEVEL=crit",
	}
	for name, value := range settings {
		environ = append(environ, name+"="+value)
	}
	src := standalone.Source{Environ: environ}
	c, err := standalone.Load(src)
	require.NoError(t, err)
	s, err := standalone.New(c, src, standalone.Deps{Log: testkit.Logger(t), Version: "test"})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	select {
	case <-s.Started():
	case err := <-done:
		t.Fatalf("the server ended: %v", err)
	case <-t.Context().Done():
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		cancel()
		require.NoError(t, <-done)
	})
	return server.URL
}
