package standalone

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
)

// catalogs holds the one catalog of the server. It changes when it is told to, not by itself.
type catalogs struct {
	cache   *catalog.Cache
	current atomic.Pointer[catalog.Catalog]
}

var _ engine.Catalogs = (*catalogs)(nil)

// Get returns the catalog as it was loaded last.
func (c *catalogs) Get(context.Context, *projectdb.Session, catalog.Exposure) (*catalog.Catalog, error) {
	if loaded := c.current.Load(); loaded != nil {
		return loaded, nil
	}
	return nil, errStarting
}

// Check is Get: whoever changes the schema tells us.
func (c *catalogs) Check(ctx context.Context, s *projectdb.Session, e catalog.Exposure) (*catalog.Catalog, error) {
	return c.Get(ctx, s, e)
}

// load reads what has changed since the last time.
func (c *catalogs) load(ctx context.Context, s *projectdb.Session, e catalog.Exposure) (*catalog.Catalog, error) {
	c.cache.Invalidate()
	loaded, err := c.cache.Check(ctx, s, e)
	if err != nil {
		return nil, err
	}
	c.current.Store(loaded)
	return loaded, nil
}

// hear listens until the connection is lost. What it may have missed before makes it load the schema cache.
func (s *Server) hear(ctx context.Context, c *Config, missed bool, listening func()) error {
	conn, err := connect(ctx, c.URI)
	if err != nil {
		return unreachable{err}
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "listen "+pgx.Identifier{c.Channel}.Sanitize()); err != nil {
		return unreachable{fmt.Errorf("listen: %w", err)}
	}
	s.lost.Store(false)
	if missed {
		s.ReloadSchema()
	}
	listening()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return nil // lost, or at the end
		}
		switch n.Payload {
		case "", "reload schema":
			s.ReloadSchema()
		case "reload config":
			s.ReloadConfig()
		}
	}
}
