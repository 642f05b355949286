// Package hot holds the bytes of files that are read often, small ones in memory and large ones on disk, so that reading them takes no way to the object store.
// What is held goes by project and version: it never changes, and is given only to whom the project's own row has been shown.
package hot

import (
	"container/list"
	"context"
	"hash/maphash"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bounds.
const (
	// MostInMemory is the largest file that is held in memory.
	MostInMemory = 2 << 20
	// LeastOnDisk is the smallest file that is held on disk: each is an open file of the process.
	LeastOnDisk = 256 << 10
	// overhead is what holding a file costs besides its bytes, about.
	overhead = 256
	// unused is how long a file is held in memory that nobody reads, and unusedOnDisk on disk.
	unused, unusedOnDisk = 5 * time.Minute, 30 * time.Minute
	// fillTime bounds the reading of a file, which goes on when its reader has left: others may wait for it. On disk, where they do not, it is fillTimeOnDisk.
	fillTime, fillTimeOnDisk = 30 * time.Second, 5 * time.Minute
	// remembered is of how many files it is known how often they were read lately.
	remembered = 16 << 10
	// tried is how many files are looked at for one that makes room: those that are being read stay.
	tried = 64
)

// Deps are what a Cache needs.
type Deps struct {
	// Budget is how many bytes are held at most; of one project half of it.
	Budget int64
	// Least is the smallest file that is held, in bytes, and Most the largest; zero is half of the budget.
	Least, Most int64
	// Dir is the folder in whose file system files are held, without a name there: they end with the process. "" holds them in memory. Systems
	// other than Linux hold none there.
	Dir string
	// Metrics may be nil.
	Metrics prometheus.Registerer
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Cache holds files. A nil one holds none.
type Cache struct {
	budget, share, least, most int64
	now                        func() time.Time
	unused, fillTime           time.Duration
	disk                       *disk // nil: in memory
	reads                      *prometheus.CounterVec
	seed                       maphash.Seed

	mu       sync.Mutex
	used     int64
	files    map[key]*file
	projects map[string]*project
	// before and lately are how often files were read, held or not; lately becomes before when it is full, and as time passes.
	before, lately map[uint64]int
	sweeps         bool
}

type key struct{ ref, version string }

// project is what is held of one.
type project struct {
	used  int64
	files *list.List // of *file, the latest read first
}

// file is a file that is held, or being read to be. All but bytes and open is guarded by the cache's lock; one of the two is there when ready is closed, or
// neither when it failed.
type file struct {
	key     key
	cost    int64
	size    int64
	bytes   []byte
	open    *os.File
	ready   chan struct{}
	element *list.Element // nil: nobody finds it any more, and it counts until its last reader is done
	readers int
	read    time.Time
}

// New makes a Cache, or nil where nothing is to be held.
func New(d Deps) *Cache {
	if d.Budget <= 0 || d.Dir != "" && !onDisk {
		return nil
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	c := &Cache{
		budget: d.Budget, share: d.Budget / 2, least: d.Least, most: d.Most, now: d.Now, unused: unused, fillTime: fillTime,
		seed: maphash.MakeSeed(), files: map[key]*file{}, projects: map[string]*project{}, before: map[uint64]int{}, lately: map[uint64]int{},
	}
	place := "memory"
	if d.Dir != "" {
		place, c.disk, c.unused, c.fillTime = "disk", newDisk(d.Dir, d.Budget), unusedOnDisk, fillTimeOnDisk
	}
	if c.most == 0 {
		c.most = c.share - overhead
	}
	labels := prometheus.Labels{"in": place}
	c.reads = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fluxbase_storage_cache_reads_total", Help: "Reads of files that are of a size to be held, by whether they were.", ConstLabels: labels,
	}, []string{"held"})
	if d.Metrics != nil {
		d.Metrics.MustRegister(c.reads, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "fluxbase_storage_cache_bytes", Help: "Bytes of files that are held.", ConstLabels: labels,
		}, func() float64 { return float64(c.Held()) }))
	}
	return c
}

// Held is how many bytes are held, those that are on their way included.
func (c *Cache) Held() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used
}

// fits reports whether a file of so many bytes may be held.
func (c *Cache) fits(size int64) bool {
	return c != nil && size > 0 && size >= c.least && size <= c.most
}

// Open returns a reader of a version from an offset to another, both included, or nil: then the object store is to be asked. to is -1 for the end. size is how
// long the version is said to be. One that is read as a whole for the second time is fetched as a whole, once for all, and held: those who ask for it meanwhile
// wait where it is small, and are sent to the object store where it is large.
func (c *Cache) Open(ctx context.Context, ref, version string, size, from, to int64, fetch func(context.Context) (io.ReadCloser, error)) *Reader {
	if !c.fits(size) || from < 0 {
		return nil
	}
	if f := c.take(ctx, key{ref, version}, size, from == 0 && (to < 0 || to == size-1), fetch); f != nil {
		if c.disk == nil {
			select {
			case <-f.ready:
			case <-ctx.Done():
			}
		}
		if r := c.reader(f, from, to); r != nil {
			c.reads.WithLabelValues("yes").Inc()
			return r
		}
		c.release(f)
	}
	c.reads.WithLabelValues("no").Inc()
	return nil
}

// reader is a reader of a file that its caller counts for, or nil where it is not held (yet) or not so long.
func (c *Cache) reader(f *file, from, to int64) *Reader {
	select {
	case <-f.ready:
	default: // not yet
		return nil
	}
	if to < 0 {
		to = f.size - 1
	}
	if from > to || to >= f.size {
		return nil
	}
	r := &Reader{release: sync.OnceFunc(func() { c.release(f) })}
	switch {
	case f.bytes != nil:
		r.bytes = f.bytes[from : to+1]
	case f.open != nil:
		r.file, r.at, r.left = f.open, from, to-from+1
	default:
		return nil
	}
	return r
}

// take finds a file, or begins to read it where it is worth it, and counts a reader of it.
func (c *Cache) take(ctx context.Context, k key, size int64, whole bool, fetch func(context.Context) (io.ReadCloser, error)) *file {
	c.mu.Lock()
	defer c.mu.Unlock()
	reads := c.count(k, whole)
	f, known := c.files[k]
	if known {
		c.projects[k.ref].files.MoveToFront(f.element)
	} else {
		// Who reads a part asks for less than holding the whole would cost.
		if !whole || reads < 2 || !c.disk.begin(k.ref, size, c.now()) {
			return nil
		}
		if !c.room(k.ref, size+overhead, reads) {
			c.disk.refuse(k.ref, size)
			return nil
		}
		f = c.add(k, size)
		go c.fill(context.WithoutCancel(ctx), f, fetch)
	}
	f.readers++
	f.read = c.now()
	return f
}

// count tells how often a file was read lately; a whole reading counts.
func (c *Cache) count(k key, whole bool) int {
	hash := maphash.Comparable(c.seed, k)
	if whole {
		c.lately[hash]++
		if len(c.lately) > remembered/2 {
			c.age()
		}
	}
	return c.lately[hash] + c.before[hash]
}

func (c *Cache) age() { c.before, c.lately = c.lately, map[uint64]int{} }

// room makes room for a file of a project that was read so often: from the project's own files beyond its share, or else from those of whoever has most. It
// reports whether there is. Within a project what was read as often stays where it is: a round through more files than fit would only have each take another's
// place. Other projects' files give way however often they are read.
func (c *Cache) room(ref string, cost int64, reads int) bool {
	if cost > c.share {
		return false
	}
	own := c.projects[ref]
	for own != nil && own.used+cost > c.share {
		if !c.evict(own, reads) {
			return false
		}
		own = c.projects[ref]
	}
	for c.used+cost > c.budget {
		var largest *project
		for _, p := range c.projects {
			if largest == nil || p.used > largest.used {
				largest = p
			}
		}
		seldom := math.MaxInt
		if largest == c.projects[ref] {
			seldom = reads
		}
		if largest == nil || !c.evict(largest, seldom) {
			return false
		}
	}
	return true
}

// evict drops the file of a project that was not read for the longest and is not being read, if it was read fewer times than so many.
func (c *Cache) evict(p *project, reads int) bool {
	e := p.files.Back()
	for range tried {
		if e == nil {
			return false
		}
		if f := e.Value.(*file); f.readers == 0 {
			if c.count(f.key, false) >= reads {
				return false
			}
			c.drop(f)
			return true
		}
		e = e.Prev()
	}
	return false
}

func (c *Cache) add(k key, size int64) *file {
	cost := size + overhead
	p := c.projects[k.ref]
	if p == nil {
		p = &project{files: list.New()}
		c.projects[k.ref] = p
	}
	f := &file{key: k, cost: cost, size: size, ready: make(chan struct{}), readers: 1} // who reads it in
	f.element = p.files.PushFront(f)
	c.files[k] = f
	p.used += cost
	c.used += cost
	if !c.sweeps {
		c.sweeps = true
		time.AfterFunc(c.unused/4, c.sweep)
	}
	return f
}

// fill reads a file in.
func (c *Cache) fill(ctx context.Context, f *file, fetch func(context.Context) (io.ReadCloser, error)) {
	ctx, cancel := context.WithTimeout(ctx, c.fillTime)
	defer cancel()
	if c.disk == nil {
		f.bytes = read(ctx, f.size, fetch)
	} else {
		f.open = c.disk.read(ctx, f.size, c.Held(), fetch)
		c.disk.end()
	}
	if f.bytes == nil && f.open == nil {
		c.mu.Lock()
		c.drop(f)
		c.mu.Unlock()
	}
	c.release(f)
	close(f.ready)
}

// read reads a file that is as long as it is said to be, or nothing: the rows are the project's own, and may say anything.
func read(ctx context.Context, size int64, fetch func(context.Context) (io.ReadCloser, error)) []byte {
	body, err := fetch(ctx)
	if err != nil {
		return nil
	}
	defer func() { _ = body.Close() }()
	whole := make([]byte, size)
	if _, err := io.ReadFull(body, whole); err != nil || !ended(body) {
		return nil
	}
	return whole
}

// ended reports whether nothing is left of a body.
func ended(body io.Reader) bool {
	var more [1]byte
	n, err := body.Read(more[:])
	return n == 0 && err == io.EOF
}

// drop has nobody find a file any more.
func (c *Cache) drop(f *file) {
	if f.element == nil {
		return
	}
	c.projects[f.key.ref].files.Remove(f.element)
	f.element = nil
	delete(c.files, f.key)
	c.forget(f)
}

// release ends a reader's hold.
func (c *Cache) release(f *file) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.readers--
	c.forget(f)
}

// forget counts a file no more that nobody finds and nobody reads.
func (c *Cache) forget(f *file) {
	if f.element != nil || f.readers > 0 {
		return
	}
	if f.open != nil {
		go func() { _ = f.open.Close() }() // gives the blocks back, which takes its time
	}
	p := c.projects[f.key.ref]
	p.used -= f.cost
	c.used -= f.cost
	if p.used == 0 {
		delete(c.projects, f.key.ref)
	}
}

// Drop drops versions of a project, whose bytes are being removed.
func (c *Cache) Drop(ref string, versions ...string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, version := range versions {
		if f := c.files[key{ref, version}]; f != nil {
			c.drop(f)
		}
	}
}

// sweep drops what nobody reads, and comes again while anything is held.
func (c *Cache) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.age()
	since := c.now().Add(-c.unused)
	for _, f := range c.files {
		if f.readers == 0 && f.read.Before(since) {
			c.drop(f)
		}
	}
	if c.sweeps = len(c.files) > 0; c.sweeps {
		time.AfterFunc(c.unused/4, c.sweep)
	}
}
