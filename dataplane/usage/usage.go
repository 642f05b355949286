// Package usage counts what projects use, and hands it in to the control plane. Counting takes no lock; what cannot be
// handed in is kept and counted once.
package usage

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wayli-app/fluxbase/internal/fault"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

// Reporter hands a report in. A fault of kind Invalid says that trying again is of no use.
type Reporter interface {
	ReportUsage(ctx context.Context, report *directoryv1.ReportUsageRequest) error
}

// Deps are what a Recorder needs.
type Deps struct {
	Reporter Reporter
	WorkerID string
	Log      *slog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Interval is how often usage is handed in; zero is five seconds.
	Interval time.Duration
}

// Bounds.
const (
	maxBacklog = 200_000 // sums waiting for the control plane; beyond, the minutes of one project and service are put together
	maxRecords = 5_000   // in a report
	drainTime  = 5 * time.Second
)

// Recorder counts. It is safe for concurrent use.
type Recorder struct {
	reporter Reporter
	workerID string
	log      *slog.Logger
	now      func() time.Time
	interval time.Duration

	services table[serviceKey, *counts]
	keys     table[apiKey, *keyUse]

	mu sync.Mutex
	// since is the minute that the counters belong to.
	since    time.Time
	waiting  map[sumKey]*sum
	keysUsed map[apiKey]int64
	// stored are the newest measures of projects' files.
	stored map[string]*directoryv1.StorageUse
	// sending is a report that the control plane may or may not have counted: it is sent again as it is.
	sending *directoryv1.ReportUsageRequest

	failures prometheus.Counter
}

type serviceKey struct{ project, service string }

type apiKey struct{ project, key string }

// counts are written by requests and emptied by the recorder. The requests are the sum of their latencies, so that one that is answered
// well costs two additions.
type counts struct {
	latency                      histogram
	egress, errors, clientErrors atomic.Int64
	gone                         atomic.Bool // the recorder looks no more
	idle                         int         // flushes without use; the recorder's own
}

func (c *counts) take() sum {
	return sum{latency: c.latency.take(), egress: take(&c.egress), errors: take(&c.errors), clientErrors: take(&c.clientErrors)}
}

// give adds what was taken before.
func (c *counts) give(s sum) {
	c.latency.give(s.latency)
	c.egress.Add(s.egress)
	c.errors.Add(s.errors)
	c.clientErrors.Add(s.clientErrors)
}

// take empties a counter; most are empty, and then it is not written to.
func take(n *atomic.Int64) int64 {
	if n.Load() == 0 {
		return 0
	}
	return n.Swap(0)
}

type keyUse struct {
	last atomic.Int64 // Unix seconds; zero when it was handed in
	idle int
}

type sumKey struct {
	project, service string
	minute           int64 // Unix seconds
}

type sum struct {
	latency                      latencies
	egress, errors, clientErrors int64
}

// New makes a Recorder.
func New(d Deps) *Recorder {
	r := &Recorder{
		reporter: d.Reporter, workerID: d.WorkerID, log: d.Log, now: d.Now, interval: d.Interval,
		waiting: map[sumKey]*sum{}, keysUsed: map[apiKey]int64{}, stored: map[string]*directoryv1.StorageUse{},
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "fluxbase_usage_report_failures_total", Help: "Reports of usage that the control plane did not take.",
		}),
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.interval == 0 {
		r.interval = 5 * time.Second
	}
	r.since = r.now().Truncate(time.Minute)
	if d.Metrics != nil {
		d.Metrics.MustRegister(r.failures, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "fluxbase_usage_backlog", Help: "Sums of usage that wait for the control plane.",
		}, func() float64 {
			r.mu.Lock()
			defer r.mu.Unlock()
			return float64(len(r.waiting))
		}))
	}
	return r
}

// Request counts one answer of a service, and how long it took.
func (r *Recorder) Request(project, service string, egress int64, status int, took time.Duration) {
	bucket := bucketOf(took)
	r.count(serviceKey{project, service}, func(c *counts) {
		c.latency[bucket].Add(1)
		if egress != 0 {
			c.egress.Add(egress)
		}
		switch {
		case status >= 500:
			c.errors.Add(1)
		case status >= 400:
			c.clientErrors.Add(1)
		}
	})
}

// Refused counts a request of a client's that reached no service. It is no request that is billed.
func (r *Recorder) Refused(project, service string) {
	r.count(serviceKey{project, service}, func(c *counts) { c.clientErrors.Add(1) })
}

// Egress counts bytes of an answer that is still under way.
func (r *Recorder) Egress(project, service string, bytes int64) {
	r.count(serviceKey{project, service}, func(c *counts) { c.egress.Add(bytes) })
}

func (r *Recorder) count(k serviceKey, add func(*counts)) {
	c := r.services.get(k, newCounts)
	add(c)
	for c.gone.Load() { // it left the table since we found it: what nobody has taken goes to its successor
		left := c.take()
		c = r.services.get(k, newCounts)
		c.give(left)
	}
}

func newCounts() *counts { return &counts{} }

// KeyUsed notes that an API key was used now.
func (r *Recorder) KeyUsed(project, key string) {
	u := r.keys.get(apiKey{project, key}, func() *keyUse { return &keyUse{} })
	if now := r.now().Unix(); u.last.Load() < now {
		u.last.Store(now)
	}
}

// Stored notes what a project's files take now: the newest measure is handed in.
func (r *Recorder) Stored(project string, bytes, blobs int64) {
	measured := timestamppb.New(r.now())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stored[project] = &directoryv1.StorageUse{ProjectId: project, Bytes: bytes, Blobs: blobs, MeasureTime: measured}
}

// Run hands usage in until ctx ends, and then what is left.
func (r *Recorder) Run(ctx context.Context) error {
	for {
		timer := time.NewTimer(r.untilNext())
		select {
		case <-timer.C:
			r.Flush(ctx)
		case <-ctx.Done():
			timer.Stop()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
			defer cancel()
			r.Flush(last)
			return nil
		}
	}
}

// untilNext is the time to the next flush: the interval, but a minute's end is never passed by.
func (r *Recorder) untilNext() time.Duration {
	now := r.now()
	return max(time.Millisecond, min(r.interval, now.Truncate(time.Minute).Add(time.Minute).Sub(now)))
}

// Flush gathers the counters and hands in everything that waits. It reports whether nothing is left.
func (r *Recorder) Flush(ctx context.Context) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gather()
	for {
		if r.sending == nil {
			r.sending = r.next()
		}
		if r.sending == nil {
			return true
		}
		report := r.sending
		r.mu.Unlock()
		err := r.reporter.ReportUsage(ctx, report)
		r.mu.Lock()
		if r.sending != report { // another flush handed it in meanwhile
			continue
		}
		switch {
		case err == nil:
		case fault.From(err).Kind == fault.Invalid:
			r.log.ErrorContext(ctx, "a report of usage was not accepted and is lost", "records", len(report.GetRecords()), "error", err)
		default:
			r.failures.Inc()
			r.log.WarnContext(ctx, "usage could not be handed in and is kept", "waiting", len(r.waiting), "error", err)
			return false
		}
		r.sending = nil
	}
}

// gather empties the counters into the sums that wait. It needs the lock.
func (r *Recorder) gather() {
	minute := r.since.Unix()
	r.since = r.now().Truncate(time.Minute)
	r.services.sweep(func(k serviceKey, c *counts, gone bool) bool {
		if gone {
			c.gone.Store(true) // before the look: whoever counts after it sees this
		}
		taken := c.take()
		if taken == (sum{}) {
			c.idle++
			return c.idle > idleFlushes
		}
		c.idle = 0
		r.add(sumKey{k.project, k.service, minute}, taken)
		return false
	})
	r.keys.sweep(func(k apiKey, u *keyUse, _ bool) bool {
		last := u.last.Swap(0)
		if last == 0 {
			u.idle++
			return u.idle > idleFlushes
		}
		u.idle = 0
		r.keysUsed[k] = max(r.keysUsed[k], last)
		return false
	})
}

// add needs the lock.
func (r *Recorder) add(k sumKey, taken sum) {
	s := r.waiting[k]
	if s == nil && len(r.waiting) >= maxBacklog {
		k.minute -= k.minute % 86400 // nothing is lost but the minute
		s = r.waiting[k]
	}
	if s == nil {
		s = &sum{}
		r.waiting[k] = s
	}
	s.latency.add(taken.latency)
	s.egress += taken.egress
	s.errors += taken.errors
	s.clientErrors += taken.clientErrors
}

// next makes a report of what waits, or nil. It needs the lock.
func (r *Recorder) next() *directoryv1.ReportUsageRequest {
	if len(r.waiting) == 0 && len(r.keysUsed) == 0 && len(r.stored) == 0 {
		return nil
	}
	report := &directoryv1.ReportUsageRequest{ReportId: uuid.NewString(), WorkerId: r.workerID}
	for k, s := range r.waiting {
		if len(report.Records) == maxRecords {
			break
		}
		report.Records = append(report.Records, &directoryv1.UsageRecord{
			ProjectId: k.project, Service: k.service, Minute: timestamppb.New(time.Unix(k.minute, 0)),
			Requests: s.latency.requests(), EgressBytes: s.egress, Errors: s.errors, ClientErrors: s.clientErrors, Latency: s.latency.trimmed(),
		})
		delete(r.waiting, k)
	}
	for k, last := range r.keysUsed {
		if len(report.KeyUses) == maxRecords {
			break
		}
		report.KeyUses = append(report.KeyUses, &directoryv1.KeyUse{
			ProjectId: k.project, KeyId: k.key, LastUseTime: timestamppb.New(time.Unix(last, 0)),
		})
		delete(r.keysUsed, k)
	}
	for project, use := range r.stored {
		if len(report.Storage) == maxRecords {
			break
		}
		report.Storage = append(report.Storage, use)
		delete(r.stored, project)
	}
	return report
}
