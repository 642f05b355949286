package catalog

import (
	"context"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// Reload loads a catalog with what an earlier one has.
func Reload(ctx context.Context, s *projectdb.Session, e Exposure, previous *Catalog) (*Catalog, error) {
	return load(ctx, s, e, previous, maxCatalog)
}

// LoadBounded loads a catalog that may be as large as room.
func LoadBounded(ctx context.Context, s *projectdb.Session, e Exposure, room int) (*Catalog, error) {
	return load(ctx, s, e, nil, room)
}

// At stops the cache's clock so long after some moment.
func (c *Cache) At(later time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = func() time.Time { return time.Unix(0, 0).Add(later) }
}
