package catalog

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/singleflight"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
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

// Cache holds catalogs of many projects. A project that nobody uses costs memory only, and no connection: when it is
// used again its catalog is checked first.
type Cache struct {
	now     func() time.Time
	flights singleflight.Group

	mu      sync.Mutex
	entries *lru.Cache[string, *entry]
	objects int
}

type entry struct {
	key     entryKey
	catalog *Catalog
	checked time.Time
	busy    bool // a check in the background is under way
}

// entryKey changes with where the project lives and what it exposes.
type entryKey struct{ host, database, schemas string }

// NewCache makes a Cache.
func NewCache() *Cache {
	c := &Cache{now: time.Now}
	c.entries, _ = lru.NewWithEvict(maxProjects, func(_ string, e *entry) { c.objects -= e.catalog.objects })
	return c
}

// Schemas returns the logical names of a project's exposed schemas.
func Schemas(s *projectdb.Session) []string {
	return setting.Get[[]string](s.Project.Settings, "rest.schemas")
}

// Get returns the catalog of the session's project. One used within the last second is checked behind the request's back;
// one that was idle for longer is checked first.
func (c *Cache) Get(ctx context.Context, s *projectdb.Session) (*Catalog, error) {
	key := keyOf(s)
	now := c.now()
	c.mu.Lock()
	e, ok := c.entries.Get(s.Project.Ref)
	if ok && e.key == key {
		age := now.Sub(e.checked)
		if age < fresh {
			c.mu.Unlock()
			return e.catalog, nil
		}
		if age < 5*fresh {
			start := !e.busy
			e.busy = true
			c.mu.Unlock()
			if start {
				go func() {
					_, _ = c.Check(context.WithoutCancel(ctx), s)
					c.mu.Lock()
					e.busy = false
					c.mu.Unlock()
				}()
			}
			return e.catalog, nil
		}
	}
	c.mu.Unlock()
	return c.Check(ctx, s)
}

// Check returns a catalog that is certainly as new as the call: for a request that names what the catalog does not have.
func (c *Cache) Check(ctx context.Context, s *projectdb.Session) (*Catalog, error) {
	key := keyOf(s)
	flight := c.flights.DoChan(s.Project.Ref+"\x00"+key.host+"\x00"+key.database+"\x00"+key.schemas, func() (any, error) {
		// The flight is everyone's: it does not end with the request that began it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		return c.refresh(ctx, s, key)
	})
	select {
	case r := <-flight:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*Catalog), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Cache) refresh(ctx context.Context, s *projectdb.Session, key entryKey) (*Catalog, error) {
	c.mu.Lock()
	e, ok := c.entries.Get(s.Project.Ref)
	c.mu.Unlock()
	if ok && e.key == key {
		version, err := schemaVersion(ctx, s)
		if err != nil {
			return nil, err
		}
		if version == e.catalog.Version {
			c.mu.Lock()
			e.checked = c.now()
			c.mu.Unlock()
			return e.catalog, nil
		}
	}
	loaded, err := Load(ctx, s)
	if err != nil {
		return nil, err
	}
	if ok {
		s.Renew()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Remove(s.Project.Ref)
	c.objects += loaded.objects
	c.entries.Add(s.Project.Ref, &entry{key: key, catalog: loaded, checked: c.now()})
	for c.objects > maxObjects && c.entries.Len() > 1 {
		c.entries.RemoveOldest()
	}
	return loaded, nil
}

func keyOf(s *projectdb.Session) entryKey {
	return entryKey{s.Project.Host + ":" + strconv.Itoa(s.Project.Port), s.Project.Database, strings.Join(Schemas(s), ",")}
}

func schemaVersion(ctx context.Context, s *projectdb.Session) (version int64, err error) {
	// Reading the counter runs nothing of the project's.
	stmt := projectdb.Statement{SQL: "select fluxbase.schema_version()", Plain: true}
	err = s.Query(ctx, projectdb.Options{ReadOnly: true}, stmt, func(rows pgx.Rows) error {
		rows.Next()
		return rows.Scan(&version)
	})
	return version, err
}

// Load reads the catalog of a project. What it reads is the same for every role.
func Load(ctx context.Context, s *projectdb.Session) (*Catalog, error) {
	names := Schemas(s)
	c := New(s.Project, names)
	physical := func(logical []string) []string {
		out := make([]string, len(logical))
		for i, name := range logical {
			out[i] = s.Project.Schema(name)
		}
		return out
	}
	searched := slices.Concat([]string{"public", "extensions"}, setting.Get[[]string](s.Project.Settings, "rest.extra_search_path"))
	stmt := projectdb.Statement{SQL: catalogSQL, Args: []any{physical(names), physical(searched)}, Plain: true}
	err := s.Query(ctx, projectdb.Options{ReadOnly: true}, stmt, func(rows pgx.Rows) error {
		for rows.Next() {
			raw := rows.RawValues()
			if err := c.Add(string(raw[0]), raw[1]); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Exposure is what of a database a catalog holds.
type Exposure struct {
	// Schemas are the exposed ones' logical names; the first is the default.
	Schemas []string
	// ExtraSearchPath are logical names of schemas that unqualified names are looked up in besides.
	ExtraSearchPath []string
	// Unversioned tells of a database without fluxbase.schema_version(): the standalone server's.
	Unversioned bool
}
