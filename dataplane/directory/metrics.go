package directory

import "github.com/prometheus/client_golang/prometheus"

type metrics struct{ resolves *prometheus.CounterVec }

func newMetrics(r prometheus.Registerer, d *Directory) metrics {
	m := metrics{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fluxbase_directory_resolves_total", Help: "Questions to the control plane for projects, by result.",
	}, []string{"result"})}
	if r == nil {
		return m
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	r.MustRegister(m.resolves,
		gauge("fluxbase_directory_projects", "Projects in memory.", func() float64 {
			d.mu.RLock()
			defer d.mu.RUnlock()
			return float64(len(d.entries))
		}),
		gauge("fluxbase_directory_copies", "Last good copies of projects on disk.", func() float64 { return float64(d.disk.count()) }),
		gauge("fluxbase_directory_watching", "1 while changes are heard from the control plane.", func() float64 {
			if d.Watching() {
				return 1
			}
			return 0
		}),
	)
	return m
}
