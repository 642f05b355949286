// Package object is what can be done with files, whichever protocol asks: it judges by the rules of buckets and plans and by the project's own
// policies, and keeps rows and bytes in agreement.
package object

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Schema is the logical schema of storage's tables.
const Schema = blob.Schema

// Scanner looks for viruses.
type Scanner interface {
	// Begin begins a scan of what is written to the stream, for a project by its ref.
	Begin(ctx context.Context, ref string) (Stream, error)
}

// Stream is one scan.
type Stream = interface {
	io.Writer
	// Verdict ends the scan and returns a fault when the bytes are not to be kept, or cannot be judged.
	Verdict() error
	Close() error
}

// Events tells of what changes.
type Events interface {
	// Watch gives the settings of a transaction that changes objects, and what to call when it has committed.
	Watch(ctx context.Context, p *directory.Project) (settings []projectdb.Setting, told func())
}

// Gauge is told what projects store.
type Gauge interface {
	Stored(project string, bytes, blobs int64)
}

// Deps are what a Service needs.
type Deps struct {
	Blobs *blob.Store
	Queue *outbox.Queue
	Log   *slog.Logger
	// Scanner may be nil: then uploads to buckets that are to be scanned are refused.
	Scanner Scanner
	// Events may be nil.
	Events Events
	// Gauge may be nil.
	Gauge Gauge
}

// Service does what can be done with files. It keeps nothing of projects but how much is on its way to them, and for a moment what their buckets ask for.
type Service struct {
	blobs    *blob.Store
	queue    *outbox.Queue
	log      *slog.Logger
	scanner  Scanner
	events   Events
	gauge    Gauge
	coming   coming
	known    *known
	together together
}

// New makes a Service.
func New(d Deps) *Service {
	return &Service{blobs: d.Blobs, queue: d.Queue, log: d.Log, scanner: d.Scanner, events: d.Events, gauge: d.Gauge, coming: coming{bytes: map[string]int64{}}, known: newKnown(), together: together{lines: map[lineKey]*line{}}}
}

// Metadata is what objects' column metadata holds. Its names are Supabase Storage's.
type Metadata struct {
	// ETag has its quotes.
	ETag               string    `json:"eTag"`
	Size               int64     `json:"size"`
	MimeType           string    `json:"mimetype"`
	CacheControl       string    `json:"cacheControl"`
	LastModified       time.Time `json:"lastModified"`
	ContentLength      int64     `json:"contentLength"`
	HTTPStatusCode     int       `json:"httpStatusCode"`
	ContentEncoding    string    `json:"contentEncoding,omitempty"`
	ContentDisposition string    `json:"contentDisposition,omitempty"`
	ContentLanguage    string    `json:"contentLanguage,omitempty"`
	Expires            string    `json:"expires,omitempty"`
	// Tags are S3's tags of the object.
	Tags map[string]string `json:"tags,omitempty"`
}

// Object is a file.
type Object struct {
	ID                             uuid.UUID
	Bucket, Name, Version, OwnerID string
	Created, Updated, LastAccessed time.Time
	Metadata                       Metadata
	// UserMetadata is a JSON object, or nil.
	UserMetadata json.RawMessage

	read int // bytes of the row
}

// scan reads a row of the columns that this package's statements return, in their order. The project's owner writes to the table: what does not fit is left out.
func scan(row pgx.CollectableRow) (Object, error) {
	var o Object
	var metadata, user []byte
	var bucket, name *string
	if err := row.Scan(&o.ID, &bucket, &name, &o.Version, &o.OwnerID, moment{&o.Created}, moment{&o.Updated}, moment{&o.LastAccessed}, &metadata, &user); err != nil {
		return o, err
	}
	if bucket != nil {
		o.Bucket = *bucket
	}
	if name != nil {
		o.Name = *name
	}
	o.Metadata = parseMetadata(metadata)
	if len(user) > 0 && string(user) != "null" {
		o.UserMetadata = user
	}
	for _, value := range row.RawValues() {
		o.read += len(value)
	}
	return o, nil
}

// moment reads a time that the project's owner may have written. One that JSON has none for, such as infinity, leaves what was there.
type moment struct{ at *time.Time }

// ScanText reads what Postgres writes.
func (m moment) ScanText(v pgtype.Text) error {
	var at pgtype.Timestamptz
	if err := at.Scan(v.String); err == nil && v.Valid {
		return m.ScanTimestamptz(at)
	}
	return nil
}

// ScanTimestamptz takes what was read.
func (m moment) ScanTimestamptz(v pgtype.Timestamptz) error {
	if year := v.Time.UTC().Year(); v.Valid && v.InfinityModifier == pgtype.Finite && year > 0 && year < 9999 {
		*m.at = v.Time
	}
	return nil
}

func parseMetadata(column []byte) (m Metadata) {
	defer func() { m.Size, m.ContentLength = max(m.Size, 0), max(m.ContentLength, 0) }() // the project's owner may have written anything
	if json.Unmarshal(column, &m) == nil {
		return m
	}
	var loose map[string]any
	_ = json.Unmarshal(column, &loose)
	if size, ok := loose["size"].(float64); ok {
		m.Size, m.ContentLength = int64(size), int64(size)
	}
	m.ETag, _ = loose["eTag"].(string)
	m.MimeType, _ = loose["mimetype"].(string)
	m.CacheControl, _ = loose["cacheControl"].(string)
	return m
}

// searchPath is what unqualified names mean: storage's own first, then what policies and triggers of projects expect.
var searchPath = []string{"storage", "public", "extensions"}

// options are how statements run as the caller. operation is what policies read by storage.operation(): whom no policy holds has none.
func options(session *projectdb.Session, operation string, write bool) projectdb.Options {
	if !write && unbound(session) {
		return projectdb.Options{ReadOnly: true, SearchPath: searchPath}
	}
	return projectdb.Options{ReadOnly: !write, SearchPath: searchPath, Settings: []projectdb.Setting{{Name: "storage.operation", Value: operation}}}
}

// unbound reports whether no policy holds the caller. What such a caller reads of our tables runs no code of the project's.
func unbound(session *projectdb.Session) bool { return session.Caller.Role == "service_role" }

// reading is a statement that reads our tables.
func reading(session *projectdb.Session, sql string, args ...any) projectdb.Statement {
	return projectdb.Statement{SQL: sql, Args: args, Plain: unbound(session)}
}

// changing are the options of what changes objects for good. When it has committed, told is to be called.
func (s *Service) changing(ctx context.Context, session *projectdb.Session, operation string) (o projectdb.Options, told func()) {
	o = options(session, operation, true)
	if s.events == nil {
		return o, func() {}
	}
	settings, told := s.events.Watch(ctx, session.Project)
	o.Settings = append(o.Settings, settings...)
	return o, told
}

// noSuchBucket and noSuchKey say so also to who may not know.
func noSuchBucket(err error) error {
	return fault.Wrap(err, fault.NotFound, "NO_SUCH_BUCKET", "Bucket not found")
}

func noSuchKey(err error) error {
	return fault.Wrap(err, fault.NotFound, "NO_SUCH_KEY", "Object not found")
}

// Refused tells what the database refused by the project's policies or by a constraint of our tables. Other errors stay what they are.
func Refused(err error) error {
	var known *fault.Error
	var refused *pgconn.PgError
	if err == nil || errors.As(err, &known) || !errors.As(err, &refused) {
		return err
	}
	switch {
	case refused.Code == pgerrcode.InsufficientPrivilege:
		return fault.Wrap(err, fault.Denied, "ACCESS_DENIED", "new row violates row-level security policy")
	case refused.Code == pgerrcode.UniqueViolation && refused.ConstraintName == "bucketid_objname":
		return fault.Wrap(err, fault.Exists, "KEY_ALREADY_EXISTS", "The resource already exists")
	case refused.Code == pgerrcode.ForeignKeyViolation && refused.ConstraintName == "objects_bucketId_fkey":
		return noSuchBucket(err)
	case refused.Code == pgerrcode.DiskFull && refused.Message == "the storage is full": // keep_blob
		return fault.Wrap(err, fault.Exhausted, "QUOTA_STORAGE", "The project's storage is full. Delete files, or move to a larger plan.")
	case refused.Code == pgerrcode.ObjectNotInPrerequisiteState && strings.Contains(refused.Message, "took too long"): // keep_blob
		return fault.Wrap(err, fault.FailedPrecondition, "UPLOAD_EXPIRED", "The upload took too long. Upload the file again.")
	}
	return err
}

// told lets workers know of what triggers have left for later. What has committed is safe without it.
func (s *Service) told(ctx context.Context, session *projectdb.Session) {
	if s.queue != nil {
		s.queue.Announce(ctx, session.Project.Ref, Schema, time.Now().Truncate(time.Minute).Add(time.Minute))
	}
}
