package rest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cpuTime is how many seconds of processor time the processes of a command have taken so far, or zero where there is no /proc. It tells
// which side of a request grew, where requests per second of a busy machine do not.
func cpuTime(command string) float64 {
	const ticks = 100 // a second, on every Linux that Go runs on
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	total := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(raw), "(")
		name, rest, _ := strings.Cut(rest, ") ")
		fields := strings.Fields(rest)
		if name != command || len(fields) < 15 {
			continue
		}
		last := 13 // user and system
		if command == "postgres" {
			last = 15 // that of backends that have ended too
		}
		for _, field := range fields[11:last] {
			n, _ := strconv.Atoi(field)
			total += n
		}
	}
	return float64(total) / ticks
}

// work is the processor time that requests took: in Postgres, and in all.
type work struct{ requests, postgres, floor, self float64 }

func (w *work) during(load func() float64, seconds int) float64 {
	postgres, floor, self := cpuTime("postgres"), cpuTime("floor"), cpuTime("rest.test")
	rate := load()
	w.requests += rate * float64(seconds)
	w.postgres += cpuTime("postgres") - postgres
	w.floor += cpuTime("floor") - floor
	w.self += cpuTime("rest.test") - self
	return rate
}

// String tells the microseconds of a request.
func (w work) String() string {
	return fmt.Sprintf("Postgres %.0f µs, floor %.0f µs, gateway %.0f µs a request", 1e6*w.postgres/w.requests, 1e6*w.floor/w.requests, 1e6*w.self/w.requests)
}
