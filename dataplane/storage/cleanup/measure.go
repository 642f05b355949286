package cleanup

import (
	"context"
	_ "embed" // the statement
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

//go:embed sql/used.sql
var usedSQL string

// Gauge is told what projects store.
type Gauge interface {
	Stored(project string, bytes, blobs int64)
}

// measured tells the gauge what the project's files take after an item that may have changed it, unless the item failed. Uploads tell what they found
// when they began and their own bytes: what runs side by side is put right here.
func (s *Service) measured(ctx context.Context, session *projectdb.Session, err error) error {
	if err != nil || s.Gauge == nil {
		return err
	}
	var bytes, blobs int64
	failed := session.InService(ctx, schema, func(tx pgx.Tx) error { return tx.QueryRow(ctx, usedSQL).Scan(&bytes, &blobs) })
	if failed != nil { // the item is done
		s.Log.WarnContext(ctx, "what a project stores could not be measured", slog.String("project", session.Project.Ref), slog.Any("error", failed))
		return nil
	}
	s.Gauge.Stored(session.Project.ID, bytes, blobs)
	return nil
}
