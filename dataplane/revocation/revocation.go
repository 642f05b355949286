// Package revocation stops access tokens before they expire: those of sessions that were ended, and of users who were banned or deleted. Every worker
// keeps what it needs in memory, so that a request pays a look into a map. Redis carries what one worker revokes to the others, and keeps it for those
// that start later. Without Redis tokens are good until they expire, except on the worker that revoked them.
package revocation

import (
	"context"
	"encoding/hex"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

const (
	channel = "fluxbase:revoked"
	prefix  = "fluxbase:revoked:"
	// silence is how long the subscription may say nothing before it is asked whether it lives.
	silence = time.Second
	// patience bounds the wait of a request for what Redis holds of its project.
	patience = 250 * time.Millisecond
	// retry is how long a worker that could not ask Redis goes on without.
	retry = time.Second
	// forget is how long a project that nobody asks for is kept in mind.
	forget = time.Hour
	// maxEntries bounds what is kept of one project. Beyond it those that expire first go.
	maxEntries = 100_000
	// maxUnsent bounds what waits for a Redis that is down.
	maxUnsent = 10_000
	// slack is kept beyond a token's life, as clocks differ.
	slack = time.Minute
)

// Deps are what a list needs.
type Deps struct {
	Redis   redis.UniversalClient
	Log     *slog.Logger
	Metrics prometheus.Registerer
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// List is what this worker knows to be revoked.
type List struct {
	redis redis.UniversalClient
	log   *slog.Logger
	now   func() time.Time

	projects sync.Map // ref → *project
	// generation grows when messages may have been missed: what was loaded before is to be loaded again.
	generation atomic.Int64
	unsent     chan entry
	lost       prometheus.Counter
}

// entry says that tokens issued until Before are refused, in seconds of Unix time, and until when that must be known.
type entry struct {
	ref           string
	id            uuid.UUID
	before, until int64
}

// project is what is known of one.
type project struct {
	used atomic.Int64

	loading sync.Mutex // held while Redis is asked
	loaded  atomic.Int64
	failed  atomic.Int64 // when Redis did not answer, in nanoseconds

	mu      sync.RWMutex
	entries map[uuid.UUID]bounds
}

type bounds struct{ before, until int64 }

// New makes an empty list. Run must run for it to hear of other workers.
func New(d Deps) *List {
	l := &List{redis: d.Redis, log: d.Log, now: d.Now, unsent: make(chan entry, maxUnsent)}
	if l.now == nil {
		l.now = time.Now
	}
	l.generation.Store(1)
	l.lost = prometheus.NewCounter(prometheus.CounterOpts{Name: "fluxbase_revocations_lost_total",
		Help: "Revocations that other workers were not told of, because Redis was down for too long."})
	d.Metrics.MustRegister(l.lost)
	return l
}

// Sessions revokes the access tokens of sessions. Life is the longest that one of them is still valid.
func (l *List) Sessions(ctx context.Context, ref string, sessions []uuid.UUID, life time.Duration) {
	entries := make([]entry, len(sessions))
	for i, id := range sessions {
		entries[i] = l.entry(ref, id, life)
	}
	l.revoke(ctx, entries)
}

// User revokes all access tokens of a user.
func (l *List) User(ctx context.Context, ref string, user uuid.UUID, life time.Duration) {
	l.revoke(ctx, []entry{l.entry(ref, user, life)})
}

func (l *List) entry(ref string, id uuid.UUID, life time.Duration) entry {
	now := l.now()
	return entry{ref: ref, id: id, before: now.Unix(), until: now.Add(life + slack).Unix()}
}

// Revoked reports whether a token of a project may not be used any more: one of a session or user, each by its id or "", issued at a time.
func (l *List) Revoked(ref, sessionID, subject string, issued time.Time) bool {
	if sessionID == "" && subject == "" {
		return false
	}
	p := l.project(ref)
	now := l.now()
	if at := now.Unix(); p.used.Load() != at {
		p.used.Store(at)
	}
	if p.loaded.Load() != l.generation.Load() && now.UnixNano()-p.failed.Load() > int64(retry) {
		l.load(ref, p)
	}
	at := issued.Unix()
	return p.refuses(sessionID, at) || p.refuses(subject, at)
}

func (p *project) refuses(id string, issued int64) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if len(p.entries) == 0 {
		return false
	}
	parsed, err := uuid.Parse(id)
	if err != nil {
		return false
	}
	found, ok := p.entries[parsed]
	return ok && issued <= found.before
}

func (l *List) project(ref string) *project {
	if p, ok := l.projects.Load(ref); ok {
		return p.(*project)
	}
	p, _ := l.projects.LoadOrStore(ref, &project{})
	return p.(*project)
}

// revoke keeps entries here, and tells the others.
func (l *List) revoke(ctx context.Context, entries []entry) {
	for _, e := range entries {
		l.project(e.ref).keep(e)
	}
	if err := l.send(ctx, entries); err != nil {
		l.log.LogAttrs(ctx, slog.LevelWarn, "other workers could not be told of revoked tokens yet", slog.Any("error", err))
		for _, e := range entries {
			select {
			case l.unsent <- e:
			default:
				l.lost.Inc()
			}
		}
	}
}

func (p *project) keep(e entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.entries == nil {
		p.entries = map[uuid.UUID]bounds{}
	}
	if old, ok := p.entries[e.id]; ok {
		e.before, e.until = max(e.before, old.before), max(e.until, old.until)
	} else if len(p.entries) >= maxEntries {
		p.drop(len(p.entries) / 10)
	}
	p.entries[e.id] = bounds{e.before, e.until}
}

// drop makes room: about so many of those that expire first go.
func (p *project) drop(n int) {
	least, most := int64(1<<62), int64(0)
	for _, b := range p.entries {
		least, most = min(least, b.until), max(most, b.until)
	}
	for span := max((most-least)/10, 1); n > 0; span *= 2 {
		for id, b := range p.entries {
			if n > 0 && b.until <= least+span {
				delete(p.entries, id)
				n--
			}
		}
	}
}

func (p *project) prune(now int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, b := range p.entries {
		if b.until < now {
			delete(p.entries, id)
		}
	}
}

// send writes entries to Redis and tells the workers that listen.
func (l *List) send(ctx context.Context, entries []entry) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	now := l.now().Unix()
	latest := map[string]int64{}
	_, err := l.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, e := range entries {
			pipe.ZAdd(ctx, prefix+e.ref, redis.Z{Score: float64(e.until), Member: e.member()})
			latest[e.ref] = max(latest[e.ref], e.until)
		}
		for ref, until := range latest {
			pipe.ZRemRangeByScore(ctx, prefix+ref, "-inf", strconv.FormatInt(now, 10))
			pipe.ZRemRangeByRank(ctx, prefix+ref, 0, -maxEntries-1)
			pipe.ExpireGT(ctx, prefix+ref, time.Duration(until-now)*time.Second)
			pipe.ExpireNX(ctx, prefix+ref, time.Duration(until-now)*time.Second)
		}
		for _, e := range entries {
			pipe.Publish(ctx, channel, e.ref+" "+e.member()+" "+strconv.FormatInt(e.until, 10))
		}
		return nil
	})
	return err
}

func (e entry) member() string {
	return hex.EncodeToString(e.id[:]) + " " + strconv.FormatInt(e.before, 10)
}

func parse(ref, member string, until int64) (entry, bool) {
	id, before, _ := strings.Cut(member, " ")
	parsed, err := uuid.Parse(id)
	at, err2 := strconv.ParseInt(before, 10, 64)
	return entry{ref: ref, id: parsed, before: at, until: until}, err == nil && err2 == nil
}

// load asks Redis what is revoked of a project. Requests of the project wait for it, a little.
func (l *List) load(ref string, p *project) {
	if !p.loading.TryLock() {
		p.loading.Lock() // another request asks already
		defer p.loading.Unlock()
		if p.loaded.Load() == l.generation.Load() || l.now().UnixNano()-p.failed.Load() <= int64(retry) {
			return
		}
	} else {
		defer p.loading.Unlock()
	}
	generation := l.generation.Load()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	found, err := l.redis.ZRangeByScoreWithScores(ctx, prefix+ref, &redis.ZRangeBy{Min: strconv.FormatInt(l.now().Unix(), 10), Max: "+inf"}).Result()
	if err != nil {
		p.failed.Store(l.now().UnixNano())
		return
	}
	for _, z := range found {
		if member, ok := z.Member.(string); ok {
			if e, ok := parse(ref, member, int64(z.Score)); ok {
				p.keep(e)
			}
		}
	}
	p.loaded.Store(generation)
}

// Run listens to other workers until ctx ends.
func (l *List) Run(ctx context.Context) error {
	sweep := time.NewTicker(10 * time.Minute)
	defer sweep.Stop()
	go l.resend(ctx)
	for ctx.Err() == nil {
		l.listen(ctx, sweep.C)
		select {
		case <-ctx.Done():
		case <-time.After(retry / 2):
		}
	}
	return nil
}

// listen takes messages until the connection breaks.
func (l *List) listen(ctx context.Context, sweep <-chan time.Time) {
	subscription := l.redis.Subscribe(ctx, channel)
	defer func() { _ = subscription.Close() }()
	for pinged := false; ; {
		message, err := subscription.ReceiveTimeout(ctx, silence)
		select {
		case <-sweep:
			l.sweep()
		default:
		}
		switch m := message.(type) {
		case *redis.Subscription:
			l.generation.Add(1) // nothing is missed from here on, but something may have been before
		case *redis.Message:
			l.hear(m.Payload)
		}
		if err == nil {
			pinged = false
			continue
		}
		if ctx.Err() != nil || pinged || subscription.Ping(ctx) != nil {
			return
		}
		pinged = true
	}
}

func (l *List) hear(payload string) {
	parts := strings.Split(payload, " ")
	if len(parts) != 4 {
		return
	}
	until, err := strconv.ParseInt(parts[3], 10, 64)
	if e, ok := parse(parts[0], parts[1]+" "+parts[2], until); ok && err == nil {
		if p, known := l.projects.Load(e.ref); known { // one that nobody has asked for is loaded when somebody does
			p.(*project).keep(e)
		}
	}
}

// resend tells the others what they could not be told at once.
func (l *List) resend(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-l.unsent:
			for l.send(ctx, []entry{e}) != nil && l.now().Unix() < e.until {
				select {
				case <-ctx.Done():
					return
				case <-time.After(retry / 2):
				}
			}
		}
	}
}

// sweep forgets what has expired, and projects that nobody asks for.
func (l *List) sweep() {
	now := l.now()
	l.projects.Range(func(ref, value any) bool {
		p := value.(*project)
		p.prune(now.Unix())
		p.mu.RLock()
		empty := len(p.entries) == 0
		p.mu.RUnlock()
		if empty && now.Unix()-p.used.Load() > int64(forget.Seconds()) {
			l.projects.Delete(ref)
		}
		return true
	})
}
