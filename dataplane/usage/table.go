package usage

import (
	"hash/maphash"
	"maps"
	"sync"
	"sync/atomic"
)

// idleFlushes is after how many flushes without use a counter leaves its table.
const idleFlushes = 100

const tableShards = 64

// table maps keys to counters. Reading takes no lock and makes no garbage: each shard is a map that is never written, but
// replaced when a key comes or goes.
type table[K comparable, V any] struct {
	seedOnce sync.Once
	seed     maphash.Seed
	shards   [tableShards]tableShard[K, V]
}

type tableShard[K comparable, V any] struct {
	current atomic.Pointer[map[K]V]
	mu      sync.Mutex
	// retired left the table at the last sweep. A request may have found them just before, so they are looked at once more.
	retired map[K]V
}

func (t *table[K, V]) shard(k K) *tableShard[K, V] {
	t.seedOnce.Do(func() { t.seed = maphash.MakeSeed() })
	return &t.shards[maphash.Comparable(t.seed, k)%tableShards]
}

// get returns the key's counter, and makes it first if there is none.
func (t *table[K, V]) get(k K, fresh func() V) V {
	s := t.shard(k)
	if m := s.current.Load(); m != nil {
		if v, ok := (*m)[k]; ok {
			return v
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[K]V{}
	if m := s.current.Load(); m != nil {
		if v, ok := (*m)[k]; ok {
			return v
		}
		next = maps.Clone(*m)
	}
	v := fresh()
	next[k] = v
	s.current.Store(&next)
	return v
}

// sweep shows every counter to visit, and takes out those for which it returns true; gone tells that it did so the last time. Only one sweep
// may run at a time.
func (t *table[K, V]) sweep(visit func(k K, v V, gone bool) bool) {
	for i := range t.shards {
		s := &t.shards[i]
		for k, v := range s.retired {
			visit(k, v, true)
		}
		s.retired = nil
		m := s.current.Load()
		if m == nil {
			continue
		}
		for k, v := range *m {
			if visit(k, v, false) {
				s.retire(k, v)
			}
		}
	}
}

func (s *tableShard[K, V]) retire(k K, v V) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := maps.Clone(*s.current.Load())
	delete(next, k)
	s.current.Store(&next)
	if s.retired == nil {
		s.retired = map[K]V{}
	}
	s.retired[k] = v
}
