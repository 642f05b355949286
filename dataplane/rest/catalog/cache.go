package catalog

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/singleflight"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/layout"
)

const (
	// fresh is how long a catalog is believed without asking the database whether its schema changed.
	fresh = time.Second
	// loadTimeout bounds a load.
	loadTimeout = 15 * time.Second
	// maxProjects and maxObjects bound the memory of all catalogs.
	maxProjects = 4096
	maxObjects  = 2_000_000
)

// Exposure is what of a database a catalog holds.
type Exposure struct {
	// Schemas are the exposed ones' logical names; the first is the default.
	Schemas []string
	// ExtraSearchPath are logical names of schemas that unqualified names are looked up in besides.
	ExtraSearchPath []string
	// Unversioned tells of a database without fluxbase.schema_version(): the standalone server's.
	Unversioned bool
}

func (e Exposure) same(o Exposure) bool {
	return e.Unversioned == o.Unversioned && slices.Equal(e.Schemas, o.Schemas) && slices.Equal(e.ExtraSearchPath, o.ExtraSearchPath)
}

// Cache holds catalogs of many projects. A project that nobody uses costs memory only, and no connection: when it is
// used again its catalog is checked first.
type Cache struct {
	now     func() time.Time
	flights singleflight.Group

	mu        sync.Mutex
	entries   *lru.Cache[string, *entry]
	objects   int
	loads     int64 // counts Invalidate
	timezones map[int]map[string]bool
}

// entry is a project's catalog. It changes with where the project lives and what it exposes.
type entry struct {
	host, database string
	port           int
	exposure       Exposure
	catalog        *Catalog
	checked        time.Time
	invalidated    int64 // what Cache.loads was when it was loaded
	busy           bool  // a check in the background is under way
}

// NewCache makes a Cache.
func NewCache() *Cache {
	c := &Cache{now: time.Now, timezones: map[int]map[string]bool{}}
	c.entries, _ = lru.NewWithEvict(maxProjects, func(_ string, e *entry) { c.objects -= e.catalog.objects })
	return c
}

// Invalidate makes the catalogs of unversioned databases be loaded again: what was asked for before is given on until then, and a Get
// or Check that begins after it waits for the new one.
func (c *Cache) Invalidate() {
	c.mu.Lock()
	c.loads++
	c.mu.Unlock()
}

// find returns the entry of a session's project, if it is of the same place and exposure. The caller holds the lock.
func (c *Cache) find(s *projectdb.Session, e Exposure) *entry {
	found, ok := c.entries.Get(s.Project.Ref)
	if !ok || found.host != s.Project.Host || found.port != s.Project.Port || found.database != s.Project.Database || !found.exposure.same(e) {
		return nil
	}
	return found
}

// Get returns the catalog of the session's project. One used within the last second is checked behind the request's back;
// one that was idle for longer is checked first. An unversioned database's is what was loaded after the last Invalidate.
func (c *Cache) Get(ctx context.Context, s *projectdb.Session, e Exposure) (*Catalog, error) {
	c.mu.Lock()
	found := c.find(s, e)
	if found == nil {
		c.mu.Unlock()
		return c.Check(ctx, s, e)
	}
	if e.Unversioned {
		current := found.invalidated == c.loads && !(found.catalog.partial && c.now().Sub(found.checked) > 5*fresh)
		c.mu.Unlock()
		if current {
			return found.catalog, nil
		}
		loaded, err := c.Check(ctx, s, e)
		if err != nil && ctx.Err() == nil {
			return found.catalog, nil // better an old one than none; the next request tries again
		}
		return loaded, err
	}
	age := c.now().Sub(found.checked)
	if age < fresh {
		c.mu.Unlock()
		return found.catalog, nil
	}
	if age < 5*fresh {
		start := !found.busy
		found.busy = true
		c.mu.Unlock()
		if start {
			go func() {
				_, _ = c.Check(context.WithoutCancel(ctx), s, e)
				c.mu.Lock()
				found.busy = false
				c.mu.Unlock()
			}()
		}
		return found.catalog, nil
	}
	c.mu.Unlock()
	return c.Check(ctx, s, e)
}

// Check returns a catalog that is certainly as new as the call: for a request that names what the catalog does not have. An unversioned
// database's is as new as the last Invalidate.
func (c *Cache) Check(ctx context.Context, s *projectdb.Session, e Exposure) (*Catalog, error) {
	asked := time.Now()
	for {
		flight := c.flights.DoChan(flightOf(s, e), func() (any, error) {
			// The flight is everyone's: it does not end with the request that began it.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
			defer cancel()
			began := time.Now()
			loaded, err := c.refresh(ctx, s, e)
			return landed{loaded, began}, err
		})
		select {
		case r := <-flight:
			got := r.Val.(landed)
			switch {
			case r.Err != nil:
				return nil, r.Err
			case got.began.Before(asked):
				continue // it may have looked before the change that the caller means
			}
			return got.catalog, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// landed is what a flight brought, and when it began.
type landed struct {
	catalog *Catalog
	began   time.Time
}

// reader is the session that reads a catalog: the catalog is everyone's, so that the time it may take is not the caller's.
func reader(s *projectdb.Session) *projectdb.Session {
	if s.Caller.Role == "" {
		return s
	}
	own := *s
	own.Caller = projectdb.Caller{Role: layout.ServiceRole}
	return &own
}

func (c *Cache) refresh(ctx context.Context, s *projectdb.Session, e Exposure) (*Catalog, error) {
	s = reader(s)
	c.mu.Lock()
	found, loads := c.find(s, e), c.loads
	var previous *Catalog
	if found != nil {
		previous = found.catalog
	}
	c.mu.Unlock()
	if found != nil && !previous.partial {
		same, err := c.unchanged(ctx, s, found, loads)
		if err != nil {
			return nil, err
		}
		if same {
			return previous, nil
		}
	}
	loaded, err := load(ctx, s, e, previous, maxCatalog)
	if err != nil {
		return nil, err
	}
	if loaded.Timezones, err = c.zones(ctx, s, loaded.ServerVersion); err != nil {
		return nil, err
	}
	if found != nil && (e.Unversioned || loaded.Version != previous.Version) {
		s.Renew()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Remove(s.Project.Ref)
	c.objects += loaded.objects
	c.entries.Add(s.Project.Ref, &entry{
		host: s.Project.Host, port: s.Project.Port, database: s.Project.Database,
		exposure: Exposure{slices.Clone(e.Schemas), slices.Clone(e.ExtraSearchPath), e.Unversioned},
		catalog:  loaded, checked: c.now(), invalidated: loads,
	})
	for c.objects > maxObjects && c.entries.Len() > 1 {
		c.entries.RemoveOldest()
	}
	return loaded, nil
}

// unchanged reports whether an entry's catalog is still as the database is.
func (c *Cache) unchanged(ctx context.Context, s *projectdb.Session, found *entry, loads int64) (bool, error) {
	if found.exposure.Unversioned {
		return found.invalidated == loads, nil
	}
	version, err := schemaVersion(ctx, s)
	if err != nil || version != found.catalog.Version {
		return false, err
	}
	c.mu.Lock()
	found.checked = c.now()
	c.mu.Unlock()
	return true, nil
}

// zones returns the names of time zones, which a server reads from files: it is asked once for each version of servers.
func (c *Cache) zones(ctx context.Context, s *projectdb.Session, version int) (map[string]bool, error) {
	c.mu.Lock()
	known := c.timezones[version]
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	known, err := timezones(ctx, s)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timezones[version] = known
	return known, nil
}

func timezones(ctx context.Context, s *projectdb.Session) (map[string]bool, error) {
	var known map[string]bool
	stmt := projectdb.Statement{SQL: timezonesSQL, Plain: true}
	err := s.Query(ctx, projectdb.Options{ReadOnly: true}, stmt, func(rows pgx.Rows) error {
		known = map[string]bool{}
		for rows.Next() {
			known[intern(string(rows.RawValues()[0]))] = true
		}
		return rows.Err()
	})
	return known, err
}

func schemaVersion(ctx context.Context, s *projectdb.Session) (version int64, err error) {
	// Reading the counter runs nothing of the project's.
	stmt := projectdb.Statement{SQL: "select fluxbase.schema_version()", Plain: true}
	err = s.Query(ctx, projectdb.Options{ReadOnly: true}, stmt, func(rows pgx.Rows) error {
		for rows.Next() {
			version = number(rows.RawValues()[0])
		}
		return rows.Err()
	})
	return version, err
}

// flightOf names a load, so that requests that want the same one share it.
func flightOf(s *projectdb.Session, e Exposure) string {
	return fmt.Sprintf("%s\x00%s:%d\x00%s\x00%q\x00%q\x00%t", s.Project.Ref, s.Project.Host, s.Project.Port, s.Project.Database, e.Schemas, e.ExtraSearchPath, e.Unversioned)
}
