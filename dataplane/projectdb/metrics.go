package projectdb

import "github.com/prometheus/client_golang/prometheus"

// metrics has no project in its labels: there may be very many.
type metrics struct {
	opened, evicted, waited, exhausted, tampered, retried, terminated prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, d *Door) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "fluxbase", Subsystem: "projectdb", Name: name, Help: help})
		if reg != nil {
			reg.MustRegister(c)
		}
		return c
	}
	gauge := func(name, help string, value func() float64) {
		if reg != nil {
			reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Namespace: "fluxbase", Subsystem: "projectdb", Name: name, Help: help}, value))
		}
	}
	gauge("connections_open", "Connections to project databases.", func() float64 { n, _ := d.Connections(); return float64(n) })
	gauge("connections_idle", "Connections to project databases that nothing uses.", func() float64 { _, n := d.Connections(); return float64(n) })
	gauge("connections_max", "The worker's budget of connections.", func() float64 { return float64(d.max) })
	return &metrics{
		opened:     counter("connections_opened_total", "Connections opened."),
		evicted:    counter("connections_evicted_total", "Idle connections closed to make room for another project."),
		waited:     counter("acquire_waits_total", "Requests that had to wait for a connection."),
		exhausted:  counter("acquire_exhausted_total", "Requests refused because no connection came free in time."),
		tampered:   counter("connections_tampered_total", "Connections closed because a project's SQL changed their prepared statements."),
		retried:    counter("statements_retried_total", "Statements run again because their prepared form was gone."),
		terminated: counter("backends_terminated_total", "Server processes ended because they ignored a cancel request."),
	}
}
