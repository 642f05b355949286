// Package cleanup removes what storage no longer needs: bytes that lost their last object, what dead uploads left below their leases, and uploads
// that were never finished. Every step may be done twice, and may be cut short anywhere.
package cleanup

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
)

const schema = blob.Schema

// The kinds of items that this package does. Others are given to it by kind.
const (
	KindRemove     = "remove" // triggers of the project's database write it: migrations/project/0014
	KindLeaseEnded = blob.KindLeaseEnded
	KindReconcile  = "reconcile"
	// These name an upload by its id: {"id": …}.
	KindResumableExpired = "resumable_expired"
	KindMultipartExpired = "multipart_expired"
)

// Expired is the payload of the two kinds that end an upload.
type Expired struct {
	ID string `json:"id"`
}

// Blobs keeps bytes; package blob does.
type Blobs interface {
	Remove(ctx context.Context, p *directory.Project, versions ...string) error
	RemoveKeys(ctx context.Context, p *directory.Project, keys ...string) error
	Client() *s3.Client
}

// Queue carries items out later; the outbox does.
type Queue interface {
	AddAt(ctx context.Context, tx outbox.Tx, ref, schema, kind string, payload any, at time.Time) (uuid.UUID, error)
}

// Renditions are images made of others.
type Renditions interface {
	// Forget removes those that were made of some versions.
	Forget(ctx context.Context, session *projectdb.Session, versions []string) error
}

// Expirer ends uploads of one protocol that took too long. One that is not there any more is ended.
type Expirer interface {
	Expire(ctx context.Context, session *projectdb.Session, id string) error
}

// Deps are what a Service needs.
type Deps struct {
	Blobs Blobs
	Queue Queue
	// Renditions, Resumable and Multipart may be nil: then there are none.
	Renditions           Renditions
	Resumable, Multipart Expirer
	// Gauge may be nil.
	Gauge Gauge
	// Others do the items of other kinds.
	Others map[string]outbox.Handler
	Log    *slog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer
	// Stale is after how long bytes that a worker was about to remove are another's to remove. Zero is two minutes.
	Stale time.Duration
	// Slice is how long one item goes on before it leaves the rest to a next one. Zero is 45 seconds.
	Slice time.Duration
	// Page is how many versions are handled at once. Zero is 1,000, the most that the object store lists and removes in one request.
	Page int
}

// Service does what is in the outbox of storage.
type Service struct {
	Deps
	metrics *metrics
}

var _ outbox.Handler = (*Service)(nil)

// New makes a Service.
func New(d Deps) *Service {
	d.Stale, d.Slice, d.Page = cmp.Or(d.Stale, 2*time.Minute), cmp.Or(d.Slice, 45*time.Second), cmp.Or(d.Page, 1000)
	return &Service{Deps: d, metrics: newMetrics(d.Metrics)}
}

// Handle does one item.
func (s *Service) Handle(ctx context.Context, session *projectdb.Session, item outbox.Item) error {
	switch item.Kind {
	case KindRemove:
		return s.measured(ctx, session, s.remove(ctx, session))
	case KindLeaseEnded:
		var of leaseEnded
		if err := json.Unmarshal(item.Payload, &of); err != nil {
			return unreadable(err)
		}
		return s.measured(ctx, session, s.endLease(ctx, session, item.ID, of))
	case KindReconcile:
		var at periodic
		if err := json.Unmarshal(item.Payload, &at); err != nil {
			return unreadable(err)
		}
		return s.measured(ctx, session, s.reconcileOn(ctx, session, item, at))
	case KindResumableExpired:
		return s.expire(ctx, session, s.Resumable, item)
	case KindMultipartExpired:
		return s.expire(ctx, session, s.Multipart, item)
	}
	if other := s.Others[item.Kind]; other != nil {
		return other.Handle(ctx, session, item)
	}
	// A newer worker may know it; after a day the outbox gives it up.
	return outbox.Retry(nil, fmt.Sprintf("No worker does items of the kind %.60q yet.", item.Kind))
}

func unreadable(err error) error { return outbox.Refuse(err, "It cannot be read.") }

// away is for a store or a database that does not answer.
func away(err error) error {
	return outbox.Retry(err, "The files or their table cannot be reached; it is tried again.")
}

func (s *Service) expire(ctx context.Context, session *projectdb.Session, uploads Expirer, item outbox.Item) error {
	var of Expired
	if err := json.Unmarshal(item.Payload, &of); err != nil || of.ID == "" {
		return unreadable(err)
	}
	if uploads == nil {
		return outbox.Retry(nil, "This worker has no uploads of that kind.")
	}
	return uploads.Expire(ctx, session, of.ID)
}

// later leaves an item for a time.
func (s *Service) later(ctx context.Context, session *projectdb.Session, kind string, payload any, at time.Time) error {
	err := outbox.InService(ctx, session, schema, func(tx *outbox.ServiceTx) error {
		_, err := s.Queue.AddAt(ctx, tx, session.Project.Ref, schema, kind, payload, at)
		return err
	})
	if err != nil {
		return away(fmt.Errorf("leave the rest for later: %w", err))
	}
	return nil
}

// strings asks the service's tables for a list of texts.
func (s *Service) strings(ctx context.Context, session *projectdb.Session, sql string, args ...any) (out []string, err error) {
	err = session.InService(ctx, schema, func(tx pgx.Tx) error {
		out, err = texts(ctx, tx, sql, args...)
		return err
	})
	return out, err
}

func texts(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]string, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// exec changes the service's tables.
func (s *Service) exec(ctx context.Context, session *projectdb.Session, sql string, args ...any) error {
	return session.InService(ctx, schema, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql, args...)
		return err
	})
}

// elevated asks the project's own tables, past row security: what it would hide is an error.
func elevated(ctx context.Context, session *projectdb.Session, sql string, args []any, read func(pgx.Rows) error) error {
	return session.Elevated().Query(ctx, elevatedOptions(), projectdb.Statement{SQL: sql, Args: args}, read)
}

func elevatedOptions() projectdb.Options {
	return projectdb.Options{SearchPath: []string{schema, "public", "extensions"}, Settings: []projectdb.Setting{{Name: "row_security", Value: "off"}}}
}

// inUse tells which of some versions objects have.
func (s *Service) inUse(ctx context.Context, session *projectdb.Session, versions []string) (map[string]bool, error) {
	used := map[string]bool{}
	if len(versions) == 0 {
		return used, nil
	}
	err := elevated(ctx, session, inUseSQL, []any{versions}, func(rows pgx.Rows) error {
		clear(used)
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, v := range list {
			used[v] = true
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask which versions objects have: %w", err)
	}
	return used, nil
}
