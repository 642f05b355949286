package outbox

import (
	"cmp"
	"context"
	_ "embed" // the statements
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

//go:embed sql/add.sql
var addItem string

// Projects finds projects; the directory does.
type Projects interface {
	ByRef(ctx context.Context, ref string) (*directory.Project, error)
}

// Binder makes sessions of projects; the door does.
type Binder interface {
	Bind(p *directory.Project, c projectdb.Caller) *projectdb.Session
}

// Journal remembers, for other workers too, which outboxes the jobs do not know of while their database is down.
type Journal interface {
	Remember(ctx context.Context, outboxes []string) error
	Recall(ctx context.Context) ([]string, error)
	Forget(ctx context.Context, outboxes []string) error
}

// Deps are what a Queue needs.
type Deps struct {
	// URL is the database of the jobs. It may be down: requests go on without it.
	URL      string
	Projects Projects
	Binder   Binder
	// Journal may be nil: then what could not be queued is known to this process alone.
	Journal Journal
	Log     *slog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer
	// Workers is how many items are handled at once, PerProject how many of one project's: its servers may be slow. Zero is 256 and 8.
	Workers, PerProject int
	// Grace is how long after the end of a minute every transaction that began in it has ended. Zero is 90 seconds.
	Grace time.Duration
	// Drain is how long items that are being handled may take when the worker stops. Zero is 20 seconds.
	Drain time.Duration
	// Retry is the wait before the second try of an item, which grows from try to try. Zero is 2 seconds.
	Retry time.Duration
	// Again is the least time until an outbox that still holds something is swept again. Zero is 2 minutes.
	Again time.Duration
}

// Bounds and patience.
const (
	announceWait = time.Second      // for the jobs' database, within a request
	insertWait   = 5 * time.Second  // for it, in the background
	maxWaiting   = 8192             // items that wait to be queued
	maxBehind    = 10_000           // outboxes that the jobs do not know of
	maxInsert    = 500              // jobs inserted at once
	giveUp       = 24 * time.Hour   // after which an item has failed
	maxTries     = 100              // more than a day has room for: of items whose time is none
	maxAsking    = 16               // connections to projects' databases at once
	jobTimeout   = 90 * time.Second // of one try
	rescueAfter  = 2 * time.Minute  // a job whose worker died is begun anew
	maxProbe     = 15 * time.Second // between questions whether the jobs' database is back
)

// Queue writes to outboxes and carries out what is in them.
type Queue struct {
	deps     Deps
	handlers map[string]Handler
	pool     *pgxpool.Pool
	client   *river.Client[pgx.Tx]
	announce *lru.Cache[box, int64] // outbox to the last minute that a sweep is queued for
	// announcedDue are the minutes to come that a sweep is queued for.
	announcedDue *lru.Cache[dueKey, struct{}]
	waiting      chan waiting
	behind       *behind
	down         atomic.Bool
	started      atomic.Bool
	crowd        crowd
	asking       chan struct{} // holds those who use a project's database
	metrics      *metrics
}

// box names an outbox.
type box struct{ ref, schema string }

// New makes a Queue. It opens no connection.
func New(d Deps) (*Queue, error) {
	d.Workers, d.PerProject = cmp.Or(d.Workers, 256), cmp.Or(d.PerProject, 8)
	d.Grace, d.Drain, d.Retry = cmp.Or(d.Grace, 90*time.Second), cmp.Or(d.Drain, 20*time.Second), cmp.Or(d.Retry, 2*time.Second)
	d.Again = cmp.Or(d.Again, 2*time.Minute)
	options, err := pgxpool.ParseConfig(d.URL)
	if err != nil || d.URL == "" {
		return nil, errors.New("FLUXBASE_JOBS_URL is no address of a database") // the cause may hold the password
	}
	options.MaxConns, options.MaxConnIdleTime = 10, time.Minute
	options.ConnConfig.RuntimeParams["application_name"] = "fluxbase-jobs"
	options.ConnConfig.ConnectTimeout = insertWait
	pool, err := pgxpool.NewWithConfig(context.Background(), options)
	if err != nil {
		return nil, fmt.Errorf("jobs database: %w", err)
	}
	q := &Queue{deps: d, handlers: map[string]Handler{}, pool: pool, waiting: make(chan waiting, maxWaiting), asking: make(chan struct{}, maxAsking), behind: newBehind()}
	q.crowd.most, q.crowd.room, q.crowd.closed = d.PerProject, d.Workers*2/3, make(chan struct{})
	if q.announce, err = lru.New[box, int64](maxBehind); err != nil {
		return nil, err
	}
	if q.announcedDue, err = lru.New[dueKey, struct{}](2 * maxBehind); err != nil {
		return nil, err
	}
	q.metrics = newMetrics(d.Metrics, q)
	if q.client, err = q.newClient(); err != nil {
		return nil, err
	}
	return q, nil
}

// Register names the handler of a service's outbox. It is called before Run.
func (q *Queue) Register(schema string, h Handler) { q.handlers[schema] = h }

// Add writes an item to the outbox in a request's transaction on the service's schema, and sees to it that it is handled once that has
// committed. In payload, what is under the key "secret" is taken out when the item fails.
func (q *Queue) Add(ctx context.Context, tx Tx, ref, schema, kind string, payload any) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	encoded, err := json.Marshal(payload)
	if err != nil {
		return uuid.Nil, fmt.Errorf("encode for the outbox: %w", err)
	}
	if _, err := tx.Exec(ctx, addItem, id, kind, encoded); err != nil {
		return uuid.Nil, fmt.Errorf("write to the outbox: %w", err)
	}
	tx.BeforeCommit(func(ctx context.Context) error { q.announceSweep(ctx, box{ref, schema}); return nil })
	tx.AfterCommit(func(context.Context) { q.deliver(waiting{deliverArgs: deliverArgs{ref, schema, id}}) })
	q.metrics.added.Inc()
	return id, nil
}

// announceSweep queues a sweep of the outbox for after this minute, unless this process has done so. Then whatever dies between the commit
// and the queuing of the item itself, the item is found. It holds up a request for a moment only, and fails none.
func (q *Queue) announceSweep(ctx context.Context, b box) {
	minute := time.Now().Truncate(time.Minute)
	if at, ok := q.announce.Get(b); ok && at == minute.Unix() {
		return
	}
	if q.tryAnnounce(ctx, b, q.sweepFor(b, minute)) {
		q.announce.Add(b, minute.Unix())
	}
}

// tryAnnounce queues a sweep, or leaves it to the background to sweep the outbox as soon as the jobs' database is back.
func (q *Queue) tryAnnounce(ctx context.Context, b box, sweep river.InsertManyParams) bool {
	if q.down.Load() {
		q.fallBehind(b)
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceWait)
	defer cancel()
	if err := q.insert(ctx, sweep); err != nil {
		q.wentDown(err)
		q.fallBehind(b)
		return false
	}
	return true
}

// waiting is an item that is to be queued, for a time to come when that is not zero.
type waiting struct {
	deliverArgs
	at time.Time
}

// deliver queues an item in the background.
func (q *Queue) deliver(item waiting) {
	select {
	case q.waiting <- item:
	default:
		q.metrics.overflowed.Inc() // the sweep finds it
	}
}

func (q *Queue) fallBehind(b box) {
	if !q.behind.add(b) {
		q.metrics.overflowed.Inc()
		q.deps.Log.Error("too many outboxes wait for the jobs' database; one is swept only when its project writes to it again", "ref", b.ref, "schema", b.schema)
	}
}

func (q *Queue) wentDown(err error) {
	q.metrics.failures.Inc()
	if q.down.CompareAndSwap(false, true) {
		q.deps.Log.Warn("the jobs' database does not answer: what projects left for later waits in their outboxes", "error", err)
	}
}

func (q *Queue) cameBack() {
	if q.down.CompareAndSwap(true, false) {
		q.deps.Log.Info("the jobs' database answers again")
	}
}
