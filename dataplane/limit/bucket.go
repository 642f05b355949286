package limit

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// bucket is this worker's part of one count.
type bucket struct {
	mu sync.Mutex
	// leased requests may go on until expires.
	leased  int
	expires time.Time
	// want is how many to lease next: it grows with use, so that a worker with little to do holds nothing back.
	want int
	// owed requests went on before Redis was asked; the next answer counts them.
	owed int
	// asking is closed when the answer under way has come; nil when none is.
	asking chan struct{}
	// refusedUntil is when Redis will have at least one more.
	refusedUntil time.Time
	// left and full are what Redis said it has beyond the lease, and when it will have all.
	left int
	full time.Time
	// local is the theoretical arrival time of the count that goes on when Redis is down.
	local time.Time
	known bool
}

// gcra counts what is owed whatever it comes to, and then grants up to what is wanted. The theoretical arrival time is in
// microseconds of Redis's clock.
var gcra = redis.NewScript(`
local interval, burst, owed, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000000 + tonumber(t[2])
local tat = tonumber(redis.call('GET', KEYS[1]) or now)
if tat < now then tat = now end
tat = tat + owed * interval
local have = math.floor((now + burst * interval - tat) / interval + 0.000001)
if have < 0 then have = 0 end
local grant = math.min(want, have)
tat = tat + grant * interval
if tat > now then
  redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000) + 1)
end
local wait = 0
if grant == 0 and have == 0 then wait = math.ceil(tat + interval - now - burst * interval) end
return {grant, have - grant, wait, math.ceil(tat - now)}
`)

// lease is how many requests are asked for at once: what comes in a short while, and never much of the burst.
func (r Rate) lease() int {
	n := int(r.PerSecond * leaseTime.Seconds())
	return max(1, min(n, r.Burst/10, maxLease))
}

func (r Rate) interval() time.Duration { return time.Duration(float64(time.Second) / r.PerSecond) }

// take lets one request go on if the lease, or credit while none was asked for yet, allows it.
func (b *bucket) take(ctx context.Context, l *Limiter, k bucketKey, r Rate) Answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	waited := false
	for {
		now := l.now()
		if l.down.Load() {
			b.probe(l, k, r, now) //nolint:contextcheck // a lease is for all requests, not for this one
			return b.takeLocal(r, now)
		}
		if b.leased > 0 && now.Before(b.expires) {
			b.leased--
			if b.leased <= r.lease()/2 && !now.Before(b.refusedUntil) {
				b.ask(l, k, r) //nolint:contextcheck // as above
			}
			return b.answer(r, now, true)
		}
		b.leased = 0
		if !now.Before(b.expires) {
			b.want = 0
		}
		if now.Before(b.refusedUntil) {
			return b.answer(r, now, false)
		}
		if b.owed < r.lease() && (!b.known || b.left > b.owed) {
			b.owed++       // before asking, so that nothing is leased from what this request takes
			b.ask(l, k, r) //nolint:contextcheck // as above
			return b.answer(r, now, true)
		}
		b.ask(l, k, r) //nolint:contextcheck // as above
		if waited {    // Redis is slow: neither yes nor no would be true, so this worker decides
			return b.takeLocal(r, now)
		}
		waited = b.wait(ctx)
		if ctx.Err() != nil {
			return b.answer(r, now, false)
		}
	}
}

// wait lets others take while the answer is under way. It reports whether that took too long.
func (b *bucket) wait(ctx context.Context) bool {
	asking := b.asking
	if asking == nil {
		return false
	}
	b.mu.Unlock()
	defer b.mu.Lock()
	timer := time.NewTimer(leaseWait)
	defer timer.Stop()
	select {
	case <-asking:
		return false
	case <-timer.C:
		return true
	case <-ctx.Done():
		return true
	}
}

// ask leases more in the background. It needs the lock.
func (b *bucket) ask(l *Limiter, k bucketKey, r Rate) {
	if b.asking != nil {
		return
	}
	done := make(chan struct{})
	b.asking = done
	owed, want := b.owed, b.want
	b.want = min(max(1, 2*want), r.lease())
	if r.interval() > leaseLife { // a lease that is given up would cost more than it saves
		b.want = 0
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), redisWait)
		defer cancel()
		result, err := gcra.Run(ctx, l.redis, []string{k.name(l.prefix)},
			float64(r.interval())/float64(time.Microsecond), r.Burst, owed, want).Int64Slice()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.asking = nil
		close(done)
		if err != nil || len(result) != 4 {
			l.failed(err)
			return
		}
		l.recovered()
		b.lease(l.now(), owed, result)
	}()
}

// lease takes Redis's answer. It needs the lock.
func (b *bucket) lease(now time.Time, owed int, result []int64) {
	micro := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	if !now.Before(b.expires) {
		b.leased = 0
	}
	b.known = true
	b.owed -= owed
	b.leased += int(result[0])
	b.expires = now.Add(leaseLife)
	b.left = int(result[1])
	b.full = now.Add(micro(result[3]))
	b.refusedUntil = time.Time{}
	if result[2] > 0 {
		b.refusedUntil = now.Add(micro(result[2]))
	}
}

// probe asks Redis from time to time whether it is back. It needs the lock.
func (b *bucket) probe(l *Limiter, k bucketKey, r Rate, now time.Time) {
	at := l.probeAt.Load()
	if now.UnixNano() >= at && l.probeAt.CompareAndSwap(at, now.Add(probeEvery).UnixNano()) {
		b.ask(l, k, r)
	}
}

// takeLocal counts by this worker alone.
func (b *bucket) takeLocal(r Rate, now time.Time) Answer {
	interval := r.interval()
	if b.local.Before(now) {
		b.local = now
	}
	room := now.Add(time.Duration(r.Burst) * interval).Sub(b.local)
	answer := Answer{Limit: r.Burst, Reset: b.local.Sub(now)}
	if room < interval {
		answer.RetryAfter = interval - room
		return answer
	}
	b.local = b.local.Add(interval)
	answer.Allowed = true
	answer.Remaining = int((room - interval) / interval)
	answer.Reset += interval
	return answer
}

// answer tells where the count stands, as far as it is known here.
func (b *bucket) answer(r Rate, now time.Time, allowed bool) Answer {
	out := Answer{Allowed: allowed, Limit: r.Burst}
	if !b.known {
		out.Remaining = max(0, r.Burst-b.owed)
		return out
	}
	if out.Reset = b.full.Sub(now); out.Reset < 0 {
		out.Reset = 0
	}
	if allowed {
		// What came back to the bucket since Redis answered is not counted: it can only be more.
		out.Remaining = max(0, min(r.Burst, b.leased+b.left-b.owed))
		return out
	}
	out.RetryAfter = max(time.Millisecond, b.refusedUntil.Sub(now))
	return out
}
