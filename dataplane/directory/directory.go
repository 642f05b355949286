package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1/directoryv1connect"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// What a lookup answers when there is no project to serve.
var (
	// ErrNotFound says that there is no such project.
	ErrNotFound = fault.New(fault.NotFound, "PROJECT_NOT_FOUND", "There is no project at this address. Check the project's ref, or the domain.")
	// ErrUnavailable says that the project is not known here and the control plane cannot be asked.
	ErrUnavailable = fault.New(fault.Unavailable, "DIRECTORY_UNAVAILABLE", "The control plane cannot be reached and this project is not known here yet. Try again shortly.")
	// ErrStale says that the last word of the control plane on the project is too old to be acted on.
	ErrStale = fault.New(fault.Unavailable, "DIRECTORY_STALE", "The control plane has not been reached for too long to go on serving this project. Try again later.")
)

// Deps are what a Directory needs.
type Deps struct {
	// URL is the control plane's address.
	URL string
	// ServiceToken opens it.
	ServiceToken string
	// HTTP carries the calls; nil is a client of the directory's own. It must not limit the time of a whole call.
	HTTP *http.Client
	// CacheDir holds the sealed last-good copies; "" keeps none.
	CacheDir string
	Sealer   *seal.Sealer
	// StaleLimit is how long a project is served on without word from the control plane.
	StaleLimit time.Duration
	// WorkerID tells workers apart in logs.
	WorkerID string
	Log      *slog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Bounds and patience.
const (
	callTimeout     = 3 * time.Second        // of one call to the control plane
	silenceLimit    = 15 * time.Second       // without a sign of life, the stream counts as broken
	downPause       = 300 * time.Millisecond // after a failed call, others fail at once for this long
	unwatchedFor    = time.Second            // without the stream, a project in use is asked for this often
	inUse           = time.Minute            // since the last use, for what is revalidated in the background
	idleLimit       = 30 * time.Minute       // since the last use, until a project leaves the memory
	absentFor       = 5 * time.Second        // that "there is none" is remembered
	maxAbsent       = 10_000                 // names remembered as absent
	maxFiles        = 20_000                 // last-good copies on disk
	maxCalls        = 32                     // calls to the control plane at once
	recentRevisions = 4096                   // changes remembered, to find answers that were overtaken
)

// Bounds of the questions for keys that no snapshot knows.
const (
	keyTimeout  = time.Second      // of one question
	noKeyFor    = 10 * time.Second // that "there is no such key" is remembered
	maxNoKeys   = 10_000           // keys remembered as unknown
	maxAskers   = 4096             // projects whose questions are counted
	keyBurst    = 100              // questions for one project at once
	keyInterval = 200 * time.Millisecond
)

// Directory finds projects: in memory, else by the control plane, else in the last good copy.
type Directory struct {
	client     directoryv1connect.DirectoryServiceClient
	log        *slog.Logger
	now        func() time.Time
	staleLimit time.Duration
	workerID   string
	disk       *disk

	mu      sync.RWMutex
	entries map[string]*entry // by ref
	hosts   map[string]string // custom host to ref
	subs    []func(ref string)

	absent *lru.Cache[string, time.Time]
	recent *lru.Cache[string, int64]
	noKeys *lru.Cache[keyName, time.Time]
	// keyAsks are the theoretical arrival times of questions for keys, by ref; guarded by keyMu.
	keyMu   sync.Mutex
	keyAsks *simplelru.LRU[string, time.Time]
	flight  singleflight.Group
	calls   chan struct{}

	// generation counts the streams; it is odd while one is watched.
	generation atomic.Int64
	// lastWatched is when the last stream was known to live, in Unix nanoseconds.
	lastWatched atomic.Int64
	downUntil   atomic.Int64
	background  sync.WaitGroup
	metrics     metrics
}

// entry is a project in memory.
type entry struct {
	state   atomic.Pointer[state]
	used    atomic.Int64 // Unix nanoseconds
	asked   atomic.Int64 // Unix nanoseconds of the last question in the background
	pending atomic.Bool  // a question is under way
	flagged atomic.Bool  // a change is known that has not been fetched
}

// state is what is known of a project and since when.
type state struct {
	project *Project
	// generation is that of the stream under which it was confirmed.
	generation int64
	confirmed  time.Time
}

// New makes a Directory. Its cache folder is made when it is missing.
func New(d Deps) (*Directory, error) {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.HTTP == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = maxCalls
		transport.ResponseHeaderTimeout = 2 * silenceLimit
		d.HTTP = &http.Client{Transport: transport}
	}
	absent, err := lru.New[string, time.Time](maxAbsent)
	if err != nil {
		return nil, err
	}
	recent, err := lru.New[string, int64](recentRevisions)
	if err != nil {
		return nil, err
	}
	noKeys, err := lru.New[keyName, time.Time](maxNoKeys)
	if err != nil {
		return nil, err
	}
	keyAsks, err := simplelru.NewLRU[string, time.Time](maxAskers, nil)
	if err != nil {
		return nil, err
	}
	store, err := openDisk(d.CacheDir, d.Sealer, d.Log)
	if err != nil {
		return nil, err
	}
	out := &Directory{
		client: directoryv1connect.NewDirectoryServiceClient(d.HTTP, d.URL, connect.WithInterceptors(bearer(d.ServiceToken))),
		log:    d.Log, now: d.Now, staleLimit: d.StaleLimit, workerID: d.WorkerID, disk: store,
		entries: map[string]*entry{}, hosts: map[string]string{}, absent: absent, recent: recent, noKeys: noKeys, keyAsks: keyAsks,
		calls: make(chan struct{}, maxCalls),
	}
	out.metrics = newMetrics(d.Metrics, out)
	return out, nil
}

// OnChange calls fn with a project's ref after its snapshot changed or went away. It must be called before Run and before
// the first lookup; fn must not wait.
func (d *Directory) OnChange(fn func(ref string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.subs = append(d.subs, fn)
}

// ByRef finds a project by its ref. The error is one of this package's faults, or that of ctx.
func (d *Directory) ByRef(ctx context.Context, ref string) (*Project, error) {
	d.mu.RLock()
	e := d.entries[ref]
	d.mu.RUnlock()
	if e != nil {
		if p := d.fresh(e); p != nil { //nolint:contextcheck // what it asks in the background outlives the request
			return p, nil
		}
	}
	if !id.ValidRef(ref) {
		return nil, ErrNotFound
	}
	return d.lookup(ctx, name{ref: ref})
}

// ByHost finds a project by one of its verified custom domains, which must be in lower case and without a port.
func (d *Directory) ByHost(ctx context.Context, host string) (*Project, error) {
	d.mu.RLock()
	e := d.entries[d.hosts[host]]
	d.mu.RUnlock()
	if e != nil {
		if p := d.fresh(e); p != nil { //nolint:contextcheck // what it asks in the background outlives the request
			return p, nil
		}
	}
	if host == "" || len(host) > 253 {
		return nil, ErrNotFound
	}
	return d.lookup(ctx, name{host: host})
}

// Holds reports whether memory or disk knows a project by its ref, or without one by its host. It asks nobody.
func (d *Directory) Holds(ref, host string) bool {
	if ref == "" {
		d.mu.RLock()
		ref = d.hosts[host]
		d.mu.RUnlock()
		if ref == "" {
			ref = d.disk.refOf(host)
		}
	}
	return ref != "" && (d.entry(ref) != nil || d.disk.has(ref))
}

// Known returns what memory holds of a project, or nil. It asks nobody.
func (d *Directory) Known(ref string) *Project {
	if e := d.entry(ref); e != nil {
		return e.state.Load().project
	}
	return nil
}

// Ready reports why nothing can be served: the control plane was never reached and there is no last good copy.
func (d *Directory) Ready() error {
	if d.generation.Load() == 0 && d.disk.count() == 0 {
		return errors.New("the control plane has not been reached yet")
	}
	return nil
}

// Watching reports whether changes are being heard.
func (d *Directory) Watching() bool { return d.generation.Load()%2 == 1 }

// fresh returns the entry's project when it may be served without asking first, or nil. What is in use while the stream
// is broken is asked for in the background.
func (d *Directory) fresh(e *entry) *Project {
	now := d.now()
	s := e.state.Load()
	e.used.Store(now.UnixNano())
	generation := d.generation.Load()
	if generation%2 == 1 {
		if s.generation == generation && !e.flagged.Load() {
			return s.project
		}
		if e.pending.Load() { // it is being revalidated
			return d.young(s, now)
		}
		return nil
	}
	if p := d.young(s, now); p != nil {
		if now.Sub(s.confirmed) > unwatchedFor {
			d.askInBackground(e, s.project.Ref, now)
		}
		return p
	}
	return nil
}

// young returns the project unless the last word on it is older than the limit.
func (d *Directory) young(s *state, now time.Time) *Project {
	if now.Sub(d.confirmed(s)) > d.staleLimit {
		return nil
	}
	return s.project
}

// confirmed is when the state was last known to be current: while the stream under which it was read lived, it was.
func (d *Directory) confirmed(s *state) time.Time {
	current := d.generation.Load()
	if s.generation%2 == 1 && (s.generation == current || s.generation+1 == current) {
		if watched := time.Unix(0, d.lastWatched.Load()); watched.After(s.confirmed) {
			return watched
		}
	}
	return s.confirmed
}

// askInBackground revalidates a project, at most once at a time and once in unwatchedFor.
func (d *Directory) askInBackground(e *entry, ref string, now time.Time) {
	if now.UnixNano()-e.asked.Load() < int64(unwatchedFor) || !e.pending.CompareAndSwap(false, true) {
		return
	}
	e.asked.Store(now.UnixNano())
	d.background.Add(1)
	go func() {
		defer d.background.Done()
		defer e.pending.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		_, _ = d.fetch(ctx, name{ref: ref})
	}()
}

// lookup asks the control plane, all callers of one name together, and falls back on what is known.
func (d *Directory) lookup(ctx context.Context, n name) (*Project, error) {
	if until, ok := d.absent.Get(n.key()); ok {
		if d.now().Before(until) {
			return nil, ErrNotFound
		}
		d.absent.Remove(n.key())
	}
	found := d.flight.DoChan(n.key(), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
		defer cancel()
		p, err := d.fetch(ctx, n)
		if err == nil || errors.Is(err, ErrNotFound) {
			return p, err
		}
		return d.lastGood(n, err)
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for project: %w", context.Cause(ctx))
	case r := <-found:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*Project), nil
	}
}

// lastGood returns what memory or disk holds, if the last word on it is young enough.
func (d *Directory) lastGood(n name, cause error) (*Project, error) {
	now := d.now()
	ref := n.ref
	if ref == "" {
		d.mu.RLock()
		ref = d.hosts[n.host]
		d.mu.RUnlock()
	}
	if e := d.entry(ref); e != nil {
		if p := d.young(e.state.Load(), now); p != nil {
			return p, nil
		}
		return nil, stale(cause)
	}
	if ref == "" {
		ref = d.disk.refOf(n.host)
	}
	snapshot, saved, ok := d.disk.load(ref)
	if !ok {
		return nil, fault.Wrap(cause, ErrUnavailable.Kind, ErrUnavailable.Reason, "%s", ErrUnavailable.Message)
	}
	if now.Sub(saved) > d.staleLimit {
		return nil, stale(cause)
	}
	p, err := FromSnapshot(snapshot)
	if err == nil && n.host != "" && !slices.Contains(p.Hosts, n.host) {
		err = fmt.Errorf("the last good copy of %s no longer has the host", ref)
	}
	if err != nil {
		return nil, fault.Wrap(err, ErrUnavailable.Kind, ErrUnavailable.Reason, "%s", ErrUnavailable.Message)
	}
	d.log.Warn("control plane is down, serving the last good copy", "ref", ref, "saved", saved, "error", cause)
	d.keep(p, &state{project: p, confirmed: saved})
	return p, nil
}

func stale(cause error) error {
	return fault.Wrap(cause, ErrStale.Kind, ErrStale.Reason, "%s", ErrStale.Message)
}

func (d *Directory) entry(ref string) *entry {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.entries[ref]
}

// name is a project's ref or one of its hosts.
type name struct{ ref, host string }

func (n name) key() string {
	if n.ref != "" {
		return "ref/" + n.ref
	}
	return "host/" + n.host
}
