package resumable

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	tusd "github.com/tus/tusd/v2/pkg/handler"
)

// How locks behave. A worker that dies holds its locks for their life.
const (
	lockLife  = 8 * time.Second
	lockRenew = 500 * time.Millisecond
	lockPoll  = 100 * time.Millisecond
	// lockWait is for how long a request waits for another to let go: longer than a dead worker's lock lives.
	lockWait = 15 * time.Second
	// redisWait is for one answer of Redis.
	redisWait = 500 * time.Millisecond
)

// locks keep the requests for one upload apart, on whatever workers: the newer one gets its turn, because the older one's client has most
// likely lost its connection. They spare work and bytes; that two writers do no harm is the row's doing. So while Redis is down uploads go on.
type locks struct {
	redis  redis.UniversalClient
	prefix string
	log    *slog.Logger
	down   atomic.Bool
}

func newLocks(client redis.UniversalClient, prefix string, log *slog.Logger) *locks {
	if prefix == "" {
		prefix = "fluxbase:upload:"
	}
	return &locks{redis: client, prefix: prefix, log: log}
}

// take takes a free lock, or tells its holder that somebody waits. 1 is taken.
var take = redis.NewScript(`
if redis.call("set", KEYS[1], ARGV[1], "nx", "px", ARGV[2]) then
	redis.call("del", KEYS[2])
	return 1
end
redis.call("set", KEYS[2], "1", "px", ARGV[2])
return 0`)

// renew lengthens a lock. 0 is lost, 2 held but wanted.
var renew = redis.NewScript(`
if redis.call("get", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("pexpire", KEYS[1], ARGV[2])
return 1 + redis.call("exists", KEYS[2])`)

var release = redis.NewScript(`
if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) end
return 0`)

// lock is one request's hold on an upload.
type lock struct {
	locks *locks
	keys  []string
	token string

	stop context.CancelFunc
	done chan struct{}
	once sync.Once
}

var _ tusd.Lock = (*lock)(nil)

// of names the lock of an upload. Both of its keys are on one node.
func (l *locks) of(ref, id string) *lock {
	key := l.prefix + "{" + ref + ":" + id + "}"
	return &lock{locks: l, keys: []string{key, key + ":wanted"}, token: rand.Text()}
}

// Lock waits until the lock is had. letGo is called when another request waits for it, or when it was lost.
func (l *lock) Lock(ctx context.Context, letGo func()) error {
	for {
		got, err := l.run(ctx, take)
		switch {
		case ctx.Err() != nil:
			if got == 1 {
				l.release(ctx)
			}
			return errLocked
		case err != nil:
			l.locks.wentDown(ctx, err)
			return nil
		case got == 1:
			l.locks.down.Store(false)
			l.keep(ctx, letGo)
			return nil
		}
		select {
		case <-ctx.Done():
			return errLocked
		case <-time.After(lockPoll):
		}
	}
}

func (l *lock) run(ctx context.Context, script *redis.Script) (int, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), redisWait)
	defer cancel()
	return script.Run(ctx, l.locks.redis, l.keys, l.token, lockLife.Milliseconds()).Int()
}

// keep renews the lock until it is unlocked.
func (l *lock) keep(ctx context.Context, letGo func()) {
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	l.done = make(chan struct{})
	go func() {
		defer close(l.done)
		tick := time.NewTicker(lockRenew)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			switch state, err := l.run(ctx, renew); {
			case err != nil: // the row keeps others apart meanwhile
				l.locks.wentDown(ctx, err)
			case state == 0:
				letGo()
				return
			case state == 2:
				letGo()
			}
		}
	}()
}

// Unlock ends the hold.
func (l *lock) Unlock() error {
	l.once.Do(func() {
		if l.stop == nil { // Redis was down
			return
		}
		l.stop()
		<-l.done
		l.release(context.Background())
	})
	return nil
}

func (l *lock) release(ctx context.Context) {
	if _, err := l.run(ctx, release); err != nil {
		l.locks.wentDown(ctx, err)
	}
}

func (l *locks) wentDown(ctx context.Context, err error) {
	if l.down.CompareAndSwap(false, true) {
		l.log.WarnContext(ctx, "Redis does not answer: resumable uploads go on without locks", "error", err)
	}
}
