// Package failure keeps the newest requests of each project that failed, for its developers to read: what was asked for, by whom, and the
// code of the answer; never a body, a query or a token. They are in Redis, shared by all workers, and best effort: a request does not wait
// for them, and what Redis cannot take in time is lost.
package failure

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// Bounds.
const (
	// Kept is how many failures of a project are kept: so many of the server, and so many of clients. Thus a stranger who is refused
	// all the time pushes out no errors of the server.
	Kept     = 250
	life     = 7 * 24 * time.Hour
	backlog  = 4096                   // failures waiting for Redis
	interval = 500 * time.Millisecond // between two writes
	batch    = 512                    // failures in a write
	patience = time.Second            // for Redis
	// perTurn is how many failures of one project, of each sort, are taken between two writes. Projects that share a slot share it.
	perTurn = 50
	slots   = 1024
	maxPath = 300
	maxCode = 60
)

// Failure is a request that was answered with status 400 or above.
type Failure struct {
	// ID is of this failure alone, and grows with time.
	ID        string    `json:"id"`
	Time      time.Time `json:"time"`
	RequestID string    `json:"request_id"`
	// Service is "rest", "auth", …, or "none" for a path that is no service's.
	Service string `json:"service"`
	Method  string `json:"method"`
	// Path is without the query, which may hold secrets.
	Path   string `json:"path"`
	Status int    `json:"status"`
	// Code is that of the answer, if it had one: a SQLSTATE or a word.
	Code string `json:"code"`
	// Role is who asked: "anon", "authenticated", "service_role", a developer's, or "" for nobody that is known.
	Role string `json:"role"`
	// KeyID is the API key's, or "".
	KeyID string `json:"key_id"`
	// Milliseconds is how long it took.
	Milliseconds float64 `json:"ms"`
}

// Deps are what a Journal needs.
type Deps struct {
	Redis redis.UniversalClient
	// Prefix comes before each key; "" is "fluxbase:failures:".
	Prefix string
	Log    *slog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer
}

// Journal notes failures and tells of them. It is safe for concurrent use.
type Journal struct {
	redis   redis.UniversalClient
	prefix  string
	log     *slog.Logger
	queue   chan noted
	seed    maphash.Seed
	turns   [slots][2]atomic.Int32
	dropped prometheus.Counter
}

type noted struct {
	ref string
	Failure
}

// New makes a Journal. Run must run for it to write.
func New(d Deps) *Journal {
	j := &Journal{redis: d.Redis, prefix: d.Prefix, log: d.Log, queue: make(chan noted, backlog), seed: maphash.MakeSeed()}
	if j.prefix == "" {
		j.prefix = "fluxbase:failures:"
	}
	j.dropped = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "fluxbase_failures_dropped_total", Help: "Failed requests that developers are not told of, because there were too many or Redis was slow.",
	})
	if d.Metrics != nil {
		d.Metrics.MustRegister(j.dropped)
	}
	return j
}

// Note takes a failure of a project, unless there are too many. It never waits.
func (j *Journal) Note(ref string, f Failure) {
	if j.turn(ref, f.Status).Add(1) > perTurn {
		j.dropped.Inc()
		return
	}
	f.Path, f.Code, f.Method, f.RequestID = plain(f.Path, maxPath), plain(f.Code, maxCode), plain(f.Method, 20), plain(f.RequestID, 128)
	select {
	case j.queue <- noted{ref, f}:
	default:
		j.dropped.Inc()
	}
}

// turn counts what was taken since the last write.
func (j *Journal) turn(ref string, status int) *atomic.Int32 {
	return &j.turns[maphash.String(j.seed, ref)%slots][sort(status)]
}

// sort tells the server's failures, 1, from clients', 0.
func sort(status int) int {
	if status >= 500 {
		return 1
	}
	return 0
}

// plain bounds what a client sent, and takes out what is not to be shown.
func plain(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '�'
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// Run writes what was noted until ctx ends, and then what is left.
func (j *Journal) Run(ctx context.Context) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			j.flush(ctx)
		case <-ctx.Done():
			j.flush(context.WithoutCancel(ctx))
			return nil
		}
	}
}

// flush writes what waits, a batch at a time.
func (j *Journal) flush(ctx context.Context) {
	for i := range j.turns {
		j.turns[i][0].Store(0)
		j.turns[i][1].Store(0)
	}
	for {
		byKey, n := j.gather()
		if n == 0 {
			return
		}
		if err := j.write(ctx, byKey); err != nil {
			j.dropped.Add(float64(n))
			j.log.WarnContext(ctx, "failed requests could not be noted for the developers of their projects", "failures", n, "error", err)
			return
		}
		if n < batch {
			return
		}
	}
}

// gather takes at most a batch of what waits, newest last.
func (j *Journal) gather() (byKey map[string][]any, n int) {
	byKey = map[string][]any{}
	for n < batch {
		select {
		case f := <-j.queue:
			f.ID = fmt.Sprintf("%013x%04x", f.Time.UnixMicro(), rand.N(1<<16)) //nolint:gosec // it tells failures apart and guards nothing
			encoded, err := json.Marshal(f.Failure)
			if err != nil { // strings and numbers only
				panic(err)
			}
			key := j.key(f.ref, sort(f.Status))
			byKey[key] = append(byKey[key], encoded)
			n++
		default:
			return byKey, n
		}
	}
	return byKey, n
}

func (j *Journal) key(ref string, sort int) string {
	return fmt.Sprintf("%s{%s}:%s", j.prefix, ref, [...]string{"client", "server"}[sort])
}

func (j *Journal) write(ctx context.Context, byKey map[string][]any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pipe := j.redis.Pipeline()
	for key, list := range byKey {
		pipe.LPush(ctx, key, list...)
		pipe.LTrim(ctx, key, 0, Kept-1)
		pipe.Expire(ctx, key, life)
	}
	_, err := pipe.Exec(ctx)
	return err
}
