package usage

import (
	"sync/atomic"
	"time"
)

// latencyBounds part answers by how long they took; beyond the last one is a bucket more. directory.v1 tells of the same.
var latencyBounds = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
}

// latencies are how many answers are in each bucket.
type latencies [len(latencyBounds) + 1]int64

// histogram is what requests write to.
type histogram [len(latencyBounds) + 1]atomic.Int64

func bucketOf(took time.Duration) int {
	for i, bound := range latencyBounds {
		if took <= bound {
			return i
		}
	}
	return len(latencyBounds)
}

func (h *histogram) take() latencies {
	var out latencies
	for i := range h {
		out[i] = take(&h[i])
	}
	return out
}

func (h *histogram) give(l latencies) {
	for i, n := range l {
		h[i].Add(n)
	}
}

func (l *latencies) add(other latencies) {
	for i, n := range other {
		l[i] += n
	}
}

func (l *latencies) requests() int64 {
	total := int64(0)
	for _, n := range l {
		total += n
	}
	return total
}

// trimmed leaves out the zeroes at the end.
func (l *latencies) trimmed() []int64 {
	end := len(l)
	for end > 0 && l[end-1] == 0 {
		end--
	}
	return append([]int64(nil), l[:end]...)
}
