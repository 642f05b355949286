package directory

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

func TestLimitsAndKeysComeFromTheSnapshot(t *testing.T) {
	t.Parallel()
	s := newSnapshot(t)
	s.AnonKey = "the anon key"
	s.Limits = &directoryv1.Limits{
		RequestsPerSecond: 1, Burst: 2, RequestsPerSecondPerIp: 3, RequestsPerSecondPerKey: 4, StatementTimeoutMs: 5000, StorageBytes: 6_000_000_000_000, MaxFileBytes: 7_000_000_000,
	}
	p, err := FromSnapshot(s)
	require.NoError(t, err)
	require.Equal(t, Limits{
		RequestsPerSecond: 1, Burst: 2, RequestsPerSecondPerIP: 3, RequestsPerSecondPerKey: 4, StatementTimeout: 5 * time.Second, StorageBytes: 6_000_000_000_000, MaxFileBytes: 7_000_000_000,
	}, p.Limits)
	require.Equal(t, "the anon key", p.AnonKey)
}
