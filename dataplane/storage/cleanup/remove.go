package cleanup

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

//go:embed sql/take_removals.sql
var takeRemovalsSQL string

//go:embed sql/mark.sql
var markSQL string

//go:embed sql/marked.sql
var markedSQL string

//go:embed sql/in_use.sql
var inUseSQL string

//go:embed sql/unmark.sql
var unmarkSQL string

//go:embed sql/forget_blobs.sql
var forgetBlobsSQL string

//go:embed sql/left.sql
var leftSQL string

// remove removes the bytes of versions that lost their last object, page by page, for a while.
func (s *Service) remove(ctx context.Context, session *projectdb.Session) error {
	until := time.Now().Add(s.Slice)
	for {
		more, err := s.removePage(ctx, session)
		if err != nil {
			return away(err)
		}
		if !more {
			break
		}
		if time.Now().After(until) {
			return s.later(ctx, session, KindRemove, struct{}{}, time.Now())
		}
	}
	var noted, begun bool
	err := session.InService(ctx, schema, func(tx pgx.Tx) error { return tx.QueryRow(ctx, leftSQL).Scan(&noted, &begun) })
	switch {
	case err != nil:
		return away(err)
	case noted || begun: // by another worker, or by one that died
		return s.later(ctx, session, KindRemove, struct{}{}, time.Now().Add(s.Stale))
	}
	return nil
}

// marks are versions that are about to be removed, and when each was marked.
type marks struct {
	versions []string
	at       []time.Time
}

// removePage reports whether there may be more.
func (s *Service) removePage(ctx context.Context, session *projectdb.Session) (more bool, err error) {
	marked, more, err := s.mark(ctx, session)
	if err != nil || len(marked.versions) == 0 {
		return more, err
	}
	used, err := s.inUse(ctx, session, marked.versions)
	if err != nil {
		return false, err
	}
	var kept marks
	var gone []string
	for i, v := range marked.versions {
		if used[v] {
			kept.versions, kept.at = append(kept.versions, v), append(kept.at, marked.at[i])
		} else {
			gone = append(gone, v)
		}
	}
	if len(kept.versions) > 0 { // first: copies wait for it
		if err := s.exec(ctx, session, unmarkSQL, kept.versions, kept.at); err != nil {
			return false, fmt.Errorf("keep shared bytes: %w", err)
		}
	}
	if err := s.removeBytes(ctx, session, gone); err != nil {
		return false, err
	}
	return more, nil
}

// mark takes notes of versions that lost an object, and marks their bytes: from then on no copy can begin to share them. A note is taken for good:
// whoever loses an object later notes that anew. Bytes that were marked by a worker that died are taken too.
func (s *Service) mark(ctx context.Context, session *projectdb.Session) (out marks, more bool, err error) {
	err = session.InService(ctx, schema, func(tx pgx.Tx) error {
		out = marks{}
		noted, err := texts(ctx, tx, takeRemovalsSQL, s.Page)
		if err != nil {
			return err
		}
		more = len(noted) == s.Page
		begun, err := texts(ctx, tx, markedSQL, s.Stale.Seconds(), s.Page)
		if err != nil {
			return err
		}
		more = more || len(begun) == s.Page
		versions := slices.Concat(noted, begun)
		if len(versions) == 0 {
			return nil
		}
		slices.Sort(versions)
		rows, err := tx.Query(ctx, markSQL, slices.Compact(versions))
		if err != nil {
			return err
		}
		var version string
		var at time.Time
		_, err = pgx.ForEachRow(rows, []any{&version, &at}, func() error {
			out.versions, out.at = append(out.versions, version), append(out.at, at)
			return nil
		})
		return err
	})
	if err != nil {
		err = fmt.Errorf("mark bytes to remove: %w", err)
	}
	return out, more, err
}

// removeBytes removes marked versions that no object has: first the bytes and what was made of them, then what is known of them.
func (s *Service) removeBytes(ctx context.Context, session *projectdb.Session, versions []string) error {
	if len(versions) == 0 {
		return nil
	}
	if s.Renditions != nil {
		if err := s.Renditions.Forget(ctx, session, versions); err != nil {
			return fmt.Errorf("forget renditions: %w", err)
		}
	}
	if err := s.Blobs.Remove(ctx, session.Project, versions...); err != nil {
		return err
	}
	if err := s.exec(ctx, session, forgetBlobsSQL, versions); err != nil {
		return fmt.Errorf("forget removed bytes: %w", err)
	}
	s.metrics.removed.WithLabelValues("deleted").Add(float64(len(versions)))
	return nil
}
