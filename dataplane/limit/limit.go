// Package limit keeps projects, their keys and their clients' addresses to their rates. The counts are in Redis, shared by
// all workers; each worker leases small batches of them ahead, so that requests do not wait. When Redis is down each
// worker counts for itself.
package limit

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// Rate is how often something may happen. Zero PerSecond means without limit.
type Rate struct {
	PerSecond float64
	// Burst is how often it may happen at once; zero is one second's worth.
	Burst int
}

// Answer says whether a request may go on.
type Answer struct {
	Allowed bool
	// Limit is the burst, Remaining how many requests may still come at once; both zero without a limit.
	Limit, Remaining int
	// Reset is when all of Limit is to be had again.
	Reset time.Duration
	// RetryAfter is when one more request will be allowed.
	RetryAfter time.Duration
}

// Deps are what a Limiter needs.
type Deps struct {
	Redis redis.UniversalClient
	// Prefix comes before each key; "" is "fluxbase:limit:".
	Prefix string
	Log    *slog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer
	// Now is the worker's clock; nil is time.Now. Redis goes by its own.
	Now func() time.Time
}

// Bounds and patience.
const (
	maxBuckets = 65536                  // in memory, over all shards
	shards     = 16                     // of the buckets
	leaseLife  = time.Second            // after which leased requests are given up
	leaseTime  = 50 * time.Millisecond  // worth of requests in a lease
	maxLease   = 100                    // requests in a lease
	redisWait  = 250 * time.Millisecond // for one answer of Redis
	leaseWait  = 20 * time.Millisecond  // for an answer that is under way, when the lease is used up
	probeEvery = 500 * time.Millisecond // while Redis is down
)

// Limiter counts. It is safe for concurrent use.
type Limiter struct {
	redis   redis.UniversalClient
	prefix  string
	log     *slog.Logger
	now     func() time.Time
	shards  [shards]shard
	down    atomic.Bool
	probeAt atomic.Int64
	metrics metrics
}

type shard struct {
	mu      sync.Mutex
	buckets *simplelru.LRU[bucketKey, *bucket]
}

// kind tells what is counted.
type kind uint8

const (
	byProject kind = iota
	byKey
	byAddress
	byName
)

// bucketKey names a bucket without making a string.
type bucketKey struct {
	project string
	kind    kind
	key     string
	address netip.Addr
}

// New makes a Limiter.
func New(d Deps) *Limiter {
	l := &Limiter{redis: d.Redis, prefix: d.Prefix, log: d.Log, now: d.Now}
	if l.prefix == "" {
		l.prefix = "fluxbase:limit:"
	}
	if l.now == nil {
		l.now = time.Now
	}
	for i := range l.shards {
		l.shards[i].buckets, _ = simplelru.NewLRU[bucketKey, *bucket](maxBuckets/shards, nil)
	}
	l.metrics = newMetrics(d.Metrics, l)
	return l
}

// Project counts a request of a project.
func (l *Limiter) Project(ctx context.Context, ref string, r Rate) Answer {
	return l.take(ctx, bucketKey{project: ref, kind: byProject}, r)
}

// Key counts a request with one of a project's API keys.
func (l *Limiter) Key(ctx context.Context, ref, key string, r Rate) Answer {
	return l.take(ctx, bucketKey{project: ref, kind: byKey, key: key}, r)
}

// Address counts a request from a client's address. Addresses of IPv6 count by their /64, which one client has to itself.
func (l *Limiter) Address(ctx context.Context, ref string, address netip.Addr, r Rate) Answer {
	return l.take(ctx, bucketKey{project: ref, kind: byAddress, address: network(address)}, r)
}

// Name counts under a name of a service's choice.
func (l *Limiter) Name(ctx context.Context, ref, name string, r Rate) Answer {
	return l.take(ctx, bucketKey{project: ref, kind: byName, key: name}, r)
}

// Degraded reports whether Redis is down and this worker counts for itself.
func (l *Limiter) Degraded() bool { return l.down.Load() }

func (l *Limiter) take(ctx context.Context, k bucketKey, r Rate) Answer {
	if r.PerSecond <= 0 {
		return Answer{Allowed: true}
	}
	if r.Burst <= 0 {
		r.Burst = max(1, int(r.PerSecond))
	}
	answer := l.bucket(k).take(ctx, l, k, r)
	if !answer.Allowed {
		l.metrics.refused.Inc()
	}
	return answer
}

func (l *Limiter) bucket(k bucketKey) *bucket {
	s := &l.shards[k.shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets.Get(k)
	if !ok {
		b = &bucket{}
		s.buckets.Add(k, b)
	}
	return b
}

// shard is a small hash: it only has to spread.
func (k bucketKey) shard() uint32 {
	h := uint32(2166136261) ^ uint32(k.kind)
	mix := func(s string) {
		for i := range len(s) {
			h = (h ^ uint32(s[i])) * 16777619
		}
	}
	mix(k.project)
	mix(k.key)
	if k.address.IsValid() {
		for _, c := range k.address.As16() {
			h = (h ^ uint32(c)) * 16777619
		}
	}
	return h % shards
}

// name is the bucket's key in Redis. All of a project's buckets are on one node.
func (k bucketKey) name(prefix string) string {
	switch k.kind {
	case byKey:
		return prefix + "{" + k.project + "}:key:" + k.key
	case byName:
		return prefix + "{" + k.project + "}:" + k.key
	case byAddress:
		return prefix + "{" + k.project + "}:ip:" + k.address.String()
	}
	return prefix + "{" + k.project + "}:project"
}

func (l *Limiter) size() int {
	n := 0
	for i := range l.shards {
		l.shards[i].mu.Lock()
		n += l.shards[i].buckets.Len()
		l.shards[i].mu.Unlock()
	}
	return n
}
