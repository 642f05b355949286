// Package bucket makes, changes, empties and deletes buckets, as the caller: the project's policies on storage.buckets decide.
package bucket

import (
	"context"
	_ "embed" // the statements
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/name"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

//go:embed sql/create.sql
var createSQL string

//go:embed sql/get.sql
var getSQL string

//go:embed sql/list.sql
var listSQL string

//go:embed sql/update.sql
var updateSQL string

//go:embed sql/delete.sql
var deleteSQL string

// schema is the logical schema of storage's tables.
const schema = "storage"

// Objects removes the files of a bucket, as the caller; package object does.
type Objects interface {
	// Clear removes a page of the files of a bucket that were made by a time, in the order of their names after one. It returns the last of their
	// names, how many the caller sees, and how many of them were removed.
	Clear(ctx context.Context, session *projectdb.Session, bucket, after string, before time.Time) (last string, seen, removed int, err error)
}

// Queue leaves work for later; outbox.Queue does.
type Queue interface {
	Add(ctx context.Context, tx outbox.Tx, ref, schema, kind string, payload any) (uuid.UUID, error)
}

// Events tells of what changes; package event does.
type Events interface {
	// Watch gives the settings of a transaction that changes a bucket, and what to call when it has committed.
	Watch(ctx context.Context, p *directory.Project) (settings []projectdb.Setting, told func())
}

// Deps are what a Service needs.
type Deps struct {
	Objects Objects
	Queue   Queue
	// Events may be nil.
	Events Events
	// Patience is how long a request empties a bucket itself, before it leaves the rest for later. Zero is 8 seconds.
	Patience time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Service does what can be done with buckets. It keeps nothing of them.
type Service struct{ deps Deps }

// New makes a Service.
func New(d Deps) *Service {
	if d.Patience == 0 {
		d.Patience = 8 * time.Second
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{d}
}

// Bucket is a row of storage.buckets.
type Bucket struct {
	ID, Name string
	// Owner is the subject who made it, or "".
	Owner  string
	Public bool
	// FileSizeLimit is in bytes; nil is the project's.
	FileSizeLimit *int64
	// AllowedMIMETypes are what may be uploaded; nil is everything.
	AllowedMIMETypes []string
	Type             string
	Created, Updated time.Time
}

var errNoSuchBucket = fault.New(fault.NotFound, "NO_SUCH_BUCKET", "Bucket not found")

// options are how statements run as the caller. Policies read the operation by storage.operation().
func options(operation string, readOnly bool) projectdb.Options {
	return projectdb.Options{
		ReadOnly: readOnly, SearchPath: []string{schema, "public", "extensions"},
		Settings: []projectdb.Setting{{Name: "storage.operation", Value: "storage.bucket." + operation}},
	}
}

// Create makes a bucket, whose name is its id unless it has another.
func (s *Service) Create(ctx context.Context, session *projectdb.Session, b Bucket) error {
	if b.Name == "" {
		b.Name = b.ID
	}
	if err := errors.Join(name.Bucket(b.ID), name.Bucket(b.Name)); err != nil {
		return err
	}
	if b.Type != "" && b.Type != "STANDARD" {
		return fault.New(fault.Unimplemented, "FEATURE_NOT_ENABLED", "Buckets of the type %s are not served here: leave the type out, or set it to STANDARD.", b.Type)
	}
	limit, err := checkLimit(session.Project, b.FileSizeLimit)
	if err != nil {
		return err
	}
	types, err := checkTypes(b.AllowedMIMETypes)
	if err != nil {
		return err
	}
	var owner *uuid.UUID
	if id, err := uuid.Parse(session.Caller.Subject); err == nil {
		owner = &id
	}
	var ownerID *string
	if session.Caller.Subject != "" {
		ownerID = &session.Caller.Subject
	}
	err = session.Query(ctx, options("create", false), projectdb.Statement{SQL: createSQL, Args: []any{b.ID, b.Name, owner, ownerID, b.Public, limit, types}}, nil)
	if pg.Code(err) == pgerrcode.UniqueViolation {
		return fault.Wrap(err, fault.Exists, "BUCKET_ALREADY_EXISTS", "The resource already exists")
	}
	return err
}

// Get finds a bucket that the caller sees.
func (s *Service) Get(ctx context.Context, session *projectdb.Session, id string) (*Bucket, error) {
	if err := name.Bucket(id); err != nil {
		return nil, err
	}
	found, err := s.query(ctx, session, "get", projectdb.Statement{SQL: getSQL, Args: []any{id}})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errNoSuchBucket
	}
	return &found[0], nil
}

// Query is which buckets are listed, and in what order.
type Query struct {
	// Search is part of a name, in any case.
	Search string
	// Limit zero is all.
	Limit, Offset int64
	// SortColumn is id, name, created_at or updated_at; "" is name.
	SortColumn string
	Descending bool
}

// List lists the buckets that the caller sees.
func (s *Service) List(ctx context.Context, session *projectdb.Session, q Query) ([]Bucket, error) {
	switch q.SortColumn {
	case "":
		q.SortColumn = "name"
	case "id", "name", "created_at", "updated_at":
	default:
		return nil, fault.New(fault.Invalid, "INVALID_PARAMETER", "Buckets are sorted by id, name, created_at or updated_at.")
	}
	var limit *int64
	if q.Limit > 0 {
		limit = &q.Limit
	}
	return s.query(ctx, session, "list", projectdb.Statement{SQL: listSQL, Args: []any{q.Search, q.SortColumn, q.Descending, limit, max(q.Offset, 0)}})
}

func (s *Service) query(ctx context.Context, session *projectdb.Session, operation string, stmt projectdb.Statement) (found []Bucket, err error) {
	err = session.Query(ctx, options(operation, true), stmt, func(rows pgx.Rows) error {
		var err error
		found, err = pgx.CollectRows(rows, object.Held(func(row pgx.CollectableRow) (b Bucket, err error) {
			err = row.Scan(&b.ID, &b.Name, &b.Owner, &b.Public, &b.FileSizeLimit, &b.AllowedMIMETypes, &b.Type, &b.Created, &b.Updated)
			return b, err
		}))
		return err
	})
	return found, err
}

// Change is what is to be changed of a bucket; nil and false leave things as they are.
type Change struct {
	Public *bool
	// SetLimit sets FileSizeLimit, SetTypes sets AllowedMIMETypes.
	SetLimit         bool
	FileSizeLimit    *int64
	SetTypes         bool
	AllowedMIMETypes []string
}

// Update changes a bucket. Files that are there stay, whatever the new rules are.
func (s *Service) Update(ctx context.Context, session *projectdb.Session, id string, c Change) error {
	if err := name.Bucket(id); err != nil {
		return err
	}
	limit, err := checkLimit(session.Project, c.FileSizeLimit)
	if err != nil {
		return err
	}
	types, err := checkTypes(c.AllowedMIMETypes)
	if err != nil {
		return err
	}
	o, told := options("update", false), func() {}
	if s.deps.Events != nil && c.Public != nil && !*c.Public { // caches may hold what nobody may read any more
		var settings []projectdb.Setting
		settings, told = s.deps.Events.Watch(ctx, session.Project)
		o.Settings = append(o.Settings, settings...)
	}
	if err := s.one(ctx, session, o, projectdb.Statement{SQL: updateSQL, Args: []any{id, c.Public, c.SetLimit, limit, c.SetTypes, types}}); err != nil {
		return err
	}
	told()
	return nil
}

// Delete deletes a bucket that holds nothing.
func (s *Service) Delete(ctx context.Context, session *projectdb.Session, id string) error {
	if err := name.Bucket(id); err != nil {
		return err
	}
	err := s.one(ctx, session, options("delete", false), projectdb.Statement{SQL: deleteSQL, Args: []any{id}})
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && refused.Code == pgerrcode.ForeignKeyViolation {
		switch refused.TableName {
		case "objects":
			return fault.Wrap(err, fault.FailedPrecondition, "RESOURCE_NOT_EMPTY", "The bucket you tried to delete is not empty")
		case "s3_multipart_uploads", "s3_multipart_uploads_parts":
			return fault.Wrap(err, fault.FailedPrecondition, "RESOURCE_NOT_EMPTY",
				"The bucket you tried to delete has uploads under way by the S3 protocol. Complete or abort them, or wait until they expire.")
		}
	}
	return err
}

// one runs a statement that is to change one bucket. Whoever may not change it is told that it is not there, as documented.
func (s *Service) one(ctx context.Context, session *projectdb.Session, o projectdb.Options, stmt projectdb.Statement) error {
	return session.Query(ctx, o, stmt, func(rows pgx.Rows) error {
		rows.Close()
		if err := rows.Err(); err != nil {
			return err
		}
		if rows.CommandTag().RowsAffected() == 0 {
			return errNoSuchBucket
		}
		return nil
	})
}
