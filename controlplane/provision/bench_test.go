package provision

import (
	"slices"
	"testing"
	"time"

	"github.com/wayli-app/fluxbase/controlplane/project"
)

// BenchmarkProvision measures a project from its job's insertion to ACTIVE: SQL, bucket, keys and the queue between.
func BenchmarkProvision(b *testing.B) {
	for _, isolation := range []string{"database", "schema"} {
		b.Run(isolation, func(b *testing.B) {
			h := newHouse(b)
			client := work(b, h.deps(b))
			var took []time.Duration
			for b.Loop() {
				p := h.insert(b, isolation)
				start := time.Now()
				queue(b, client, project.ProvisionArgs{ProjectID: p.ID})
				h.await(b, p.ID, status("active"))
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
