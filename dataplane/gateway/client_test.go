package gateway

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/id"
)

// TestLimitsAreNotDodgedByForwardedHeaders: each request names another client, in every header that somebody might believe.
func TestLimitsAreNotDodgedByForwardedHeaders(t *testing.T) {
	t.Parallel()
	limited := func(x *directoryv1.Snapshot) { x.Limits = &directoryv1.Limits{RequestsPerSecondPerIp: 2} }
	spoofed := func(i int) map[string]string {
		address := fmt.Sprintf("203.0.113.%d", i)
		return map[string]string{
			"X-Forwarded-For": address, "X-Real-Ip": address, "True-Client-Ip": address, "Cf-Connecting-Ip": address,
			"Forwarded": "for=" + address, "X-Client-Ip": address, "X-Cluster-Client-Ip": address, "Fastly-Client-Ip": address,
		}
	}
	flood := func(t *testing.T, b *bundle, s *sample, header func(int) map[string]string) (allowed int) {
		t.Helper()
		for i := range 40 {
			h := header(i)
			h["apikey"] = s.publishable
			got := b.do(t, request{host: s.project.Ref + ".example.test", path: authAPI, header: h})
			require.Contains(t, []int{http.StatusOK, http.StatusTooManyRequests}, got.status)
			if got.status == http.StatusOK {
				require.NotContains(t, got.seen(t).Remote, "203.0.113.", "nor may a service take it for the client")
				allowed++
			}
		}
		return allowed
	}
	t.Run("of a stranger", func(t *testing.T) {
		t.Parallel()
		s := newSample(t, limited)
		b := setup(t, func(d *Deps) { d.TrustedProxies = []string{"10.0.0.0/8"} }, s)
		require.Less(t, flood(t, b, s, spoofed), 20)
	})
	t.Run("through a trusted proxy, which adds whom it saw", func(t *testing.T) {
		t.Parallel()
		s := newSample(t, limited)
		b := setup(t, func(d *Deps) { d.TrustedProxies = []string{"127.0.0.1", "::1"} }, s)
		require.Less(t, flood(t, b, s, func(i int) map[string]string {
			return map[string]string{"X-Forwarded-For": fmt.Sprintf("203.0.113.%d, 10.1.2.3, 192.0.2.7", i)}
		}), 20)
		require.Equal(t, 40, flood(t, b, s, func(i int) map[string]string {
			return map[string]string{"X-Forwarded-For": fmt.Sprintf("192.0.2.7, 198.51.100.%d", i)}
		}), "clients that the proxy saw are many")
		require.Less(t, flood(t, b, s, func(i int) map[string]string {
			return map[string]string{"X-Forwarded-For": fmt.Sprintf("2001:db8:1:2::%x", i)}
		}), 20, "addresses of IPv6 count by their /64")
	})
	t.Run("of guessers of keys", func(t *testing.T) {
		t.Parallel()
		s := newSample(t, nil)
		projects := &later{known: &known{[]*sample{s}}, newest: s.project}
		b := setup(t, func(d *Deps) { d.Projects, d.Limits = projects, freely{} }, s)
		for i := range 4 * strangeKeys.Burst {
			h := spoofed(i)
			h["apikey"] = id.NewSecret(id.PrefixSecret)
			require.Equal(t, http.StatusUnauthorized, b.do(t, request{host: s.project.Ref + ".example.test", path: authAPI, header: h}).status)
		}
		require.Less(t, int(projects.asked.Load()), 2*strangeKeys.Burst)
	})
}
