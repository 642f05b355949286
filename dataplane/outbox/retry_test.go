package outbox

import (
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/require"
)

// TestTriesLastForADay: what is not done is tried often at first, and on for a day, within as many tries as there are.
func TestTriesLastForADay(t *testing.T) {
	t.Parallel()
	d := &deliverer{queue: &Queue{deps: Deps{Retry: 2 * time.Second}}}
	var waits []time.Duration
	tries, elapsed := 1, time.Duration(0)
	for ; elapsed <= giveUp; tries++ {
		begun := time.Now()
		job := &river.Job[deliverArgs]{JobRow: &rivertype.JobRow{Attempt: tries, CreatedAt: begun.Add(-elapsed)}}
		wait := d.NextRetry(job).Sub(begun)
		waits = append(waits, wait)
		elapsed += wait
	}
	require.Less(t, tries, maxTries, "tries do not run out before the day does")
	require.Greater(t, tries, 35)
	require.Less(t, waits[0], 3*time.Second)
	sum := time.Duration(0)
	for _, wait := range waits[:9] {
		sum += wait
	}
	require.Less(t, sum, 30*time.Minute, "a server that was away for minutes is soon asked again")
	for _, wait := range waits {
		require.LessOrEqual(t, wait, 76*time.Minute)
	}
}
