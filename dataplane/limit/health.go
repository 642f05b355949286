package limit

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	refused, failures prometheus.Counter
}

func newMetrics(r prometheus.Registerer, l *Limiter) metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := metrics{
		refused:  counter("fluxbase_limit_refused_total", "Requests refused by a rate limit."),
		failures: counter("fluxbase_limit_redis_failures_total", "Questions that Redis did not answer."),
	}
	if r == nil {
		return m
	}
	r.MustRegister(m.refused, m.failures,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "fluxbase_limit_degraded", Help: "1 while Redis is down and this worker limits by its own count.",
		}, func() float64 {
			if l.Degraded() {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "fluxbase_limit_buckets", Help: "Counts in memory.",
		}, func() float64 { return float64(l.size()) }),
	)
	return m
}

func (l *Limiter) failed(err error) {
	l.metrics.failures.Inc()
	l.probeAt.Store(l.now().Add(probeEvery).UnixNano())
	if l.down.CompareAndSwap(false, true) {
		l.log.Warn("Redis does not answer: rates are limited by each worker's own count", "error", err)
	}
}

func (l *Limiter) recovered() {
	if l.down.CompareAndSwap(true, false) {
		l.log.Info("Redis answers again: rates are limited by the common count")
	}
}
