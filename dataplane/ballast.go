package dataplane

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"
)

const (
	// ballastBytes are never written, and so take no memory; but the collector counts them, and lets so much garbage more come together
	// before it runs. The heap of a worker is small, and under load would be collected some twenty times a second.
	ballastBytes = 32 << 20
	// busyRequests in a second make a worker busy; after idleSeconds with fewer it is not any more.
	busyRequests = 500
	idleSeconds  = 10
)

// ballast steadies the collector of a busy worker. An idle one has none, so that a small machine keeps its memory.
type ballast struct {
	requests atomic.Int64 // since the last look
	held     []byte
	quiet    int
}

// run looks each second, until ctx ends.
func (b *ballast) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if b.look() {
				debug.FreeOSMemory()
			}
		}
	}
}

// look reports whether the worker has just become idle.
func (b *ballast) look() (idle bool) {
	busy := b.requests.Swap(0) >= busyRequests
	switch {
	case busy:
		b.quiet = 0
		if b.held == nil {
			b.held = make([]byte, ballastBytes)
		}
	case b.held != nil:
		if b.quiet++; b.quiet >= idleSeconds {
			b.held, b.quiet = nil, 0
			return true
		}
	}
	return false
}
