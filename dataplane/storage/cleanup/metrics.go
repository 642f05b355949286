package cleanup

import "github.com/prometheus/client_golang/prometheus"

// metrics has no project in its labels: there may be very many.
type metrics struct {
	removed  *prometheus.CounterVec
	problems *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		removed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fluxbase_storage_removed_total", Help: "Versions whose bytes were removed, by why: deleted, stray.",
		}, []string{"why"}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fluxbase_storage_reconciler_problems_total", Help: "What the reconciler found amiss, by its kind.",
		}, []string{"kind"}),
	}
	if reg != nil {
		reg.MustRegister(m.removed, m.problems)
	}
	return m
}
