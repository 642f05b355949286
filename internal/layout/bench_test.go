package layout

import "testing"

// BenchmarkCreate measures the SQL of making a project, roles included.
func BenchmarkCreate(b *testing.B) {
	c := open(b)
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				create(b, c, shared)
			}
		})
	}
}
