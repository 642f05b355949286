package outbox

import "github.com/prometheus/client_golang/prometheus"

// metrics has no project in its labels: there may be very many.
type metrics struct {
	added, failures, overflowed, swept prometheus.Counter
	handled, givenUp                   *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, q *Queue) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "fluxbase_outbox_" + name, Help: help})
	}
	m := &metrics{
		added:      counter("added_total", "Items that requests left for later."),
		failures:   counter("enqueue_failures_total", "Times that the jobs' database did not take a job."),
		overflowed: counter("overflowed_total", "Items and outboxes for which there was no room to wait in memory; sweeps find the items."),
		swept:      counter("swept_total", "Items that sweeps found."),
		handled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fluxbase_outbox_handled_total", Help: "Tries of items by how they ended: done, retried, failed.",
		}, []string{"schema", "result"}),
		givenUp: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fluxbase_outbox_given_up_total", Help: "Items that were given up: what was left for later did not happen within a day.",
		}, []string{"schema"}),
	}
	if reg == nil {
		return m
	}
	reg.MustRegister(m.added, m.failures, m.overflowed, m.swept, m.handled, m.givenUp,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "fluxbase_outbox_behind", Help: "Outboxes that the jobs do not know of yet."},
			func() float64 { return float64(q.behind.count()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "fluxbase_outbox_jobs_down", Help: "1 while the jobs' database does not answer."},
			func() float64 {
				if q.down.Load() {
					return 1
				}
				return 0
			}))
	return m
}
