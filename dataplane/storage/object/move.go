package object

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/name"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

//go:embed sql/share.sql
var shareSQL string

//go:embed sql/move.sql
var moveSQL string

//go:embed sql/delete.sql
var deleteSQL string

//go:embed sql/set_metadata.sql
var setMetadataSQL string

// Copy is what is copied where.
type Copy struct {
	Bucket, Name, ToBucket, ToName string
	Upsert                         bool
	// Replace, when set, is what the copy says of itself in place of what the original says: its types and headers, user metadata and tags.
	Replace *Target
	// IfMatch and IfNoneMatch are ETags, with quotes, that the original must have and must not have; the times bound its LastModified.
	IfMatch, IfNoneMatch                string
	IfModifiedSince, IfUnmodifiedSince  time.Time
	DestinationIfMatch, DestinationNone string
	Operation                           string
}

// shareTries is how often a copy waits for bytes that are looked at for removal.
const shareTries = 20

// Copy makes an object with another's bytes, which both share: the caller must be allowed to read the one and to write the other.
func (s *Service) Copy(ctx context.Context, session *projectdb.Session, c Copy) (*Object, error) {
	if err := errors.Join(checkNames(c.Bucket, c.Name)); err != nil {
		return nil, err
	}
	if c.Operation == "" {
		c.Operation = "storage.object.copy"
	}
	for try := 1; ; try++ {
		out, err := s.copyOnce(ctx, session, c)
		if pg.Code(err) != pgerrcode.SerializationFailure || try == shareTries {
			return out, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *Service) copyOnce(ctx context.Context, session *projectdb.Session, c Copy) (*Object, error) {
	from, err := s.find(ctx, session, findSQL, c.Operation, c.Bucket, c.Name)
	if err != nil {
		return nil, err
	}
	if err := c.conditions(from); err != nil {
		return nil, err
	}
	t := &Ticket{ID: uuid.New(), Target: Target{
		Bucket: c.ToBucket, Name: c.ToName, Upsert: c.Upsert, OwnerID: session.Caller.Subject, Operation: c.Operation, Size: from.Metadata.Size,
		MimeType: from.Metadata.MimeType, CacheControl: from.Metadata.CacheControl, ContentEncoding: from.Metadata.ContentEncoding,
		ContentDisposition: from.Metadata.ContentDisposition, ContentLanguage: from.Metadata.ContentLanguage, Expires: from.Metadata.Expires,
		UserMetadata: from.UserMetadata, Tags: from.Metadata.Tags, IfMatch: c.DestinationIfMatch, IfNoneMatch: c.DestinationNone,
	}}
	if r := c.Replace; r != nil {
		t.MimeType, t.CacheControl, t.ContentEncoding, t.ContentDisposition = r.MimeType, r.CacheControl, r.ContentEncoding, r.ContentDisposition
		t.ContentLanguage, t.Expires, t.UserMetadata, t.Tags = r.ContentLanguage, r.Expires, r.UserMetadata, r.Tags
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	if err := s.admit(ctx, session, from, t.Bucket, t.MimeType); err != nil {
		return nil, err
	}
	if t.Upsert || t.replaces() {
		s.told(ctx, session)
	}
	return s.writeCopy(ctx, session, t, from)
}

func (s *Service) writeCopy(ctx context.Context, session *projectdb.Session, t *Ticket, from *Object) (out *Object, err error) {
	etag := from.Metadata.ETag
	if n := len(etag); n >= 2 && etag[0] == '"' && etag[n-1] == '"' {
		etag = etag[1 : n-1]
	}
	o, told := s.changing(ctx, session, t.Operation)
	err = session.InTx(ctx, o, func(tx pgx.Tx) error {
		var size *int64
		if err := tx.QueryRow(ctx, shareSQL, from.Version).Scan(&size); err != nil {
			return err
		}
		if size == nil {
			return noSuchKey(errors.New("the bytes of the version are not there"))
		}
		row := t.statement(*size, from.Version, etag)
		rows, err := tx.Query(ctx, row.SQL, row.Args...)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, scan)
		switch {
		case err != nil:
			return err
		case len(list) > 0:
			out = &list[0]
		case t.replaces():
			return t.absent()
		default:
			out = t.object(from.Version, *size, etag)
		}
		return nil
	})
	if err != nil {
		return nil, t.refused(err)
	}
	told()
	return out, nil
}

func (c Copy) conditions(from *Object) error {
	m := from.Metadata
	modified := m.LastModified.Truncate(time.Second)
	switch {
	case c.IfMatch != "" && c.IfMatch != "*" && c.IfMatch != m.ETag, c.IfNoneMatch != "" && (c.IfNoneMatch == "*" || c.IfNoneMatch == m.ETag),
		c.IfMatch == "" && !c.IfUnmodifiedSince.IsZero() && modified.After(c.IfUnmodifiedSince),
		c.IfNoneMatch == "" && !c.IfModifiedSince.IsZero() && !modified.After(c.IfModifiedSince):
		return fault.New(fault.FailedPrecondition, "PRECONDITION_FAILED", "The object to copy is not as the conditions ask.")
	}
	return nil
}

// admit judges an object by the rules of the bucket that it is to be in. What was not scanned where it was is scanned now.
func (s *Service) admit(ctx context.Context, session *projectdb.Session, from *Object, bucket, mimeType string) error {
	var found rules
	err := session.Query(ctx, options(session, "", false), reading(session, rulesSQL, bucket), found.read)
	if err != nil {
		return err
	}
	if err := found.fits(from.Metadata.Size, mimeType); err != nil {
		return err
	}
	if scanned(session, from.Bucket) || !scanned(session, bucket) {
		return nil
	}
	if s.scanner == nil {
		return fault.New(fault.Unavailable, "SCANNER_UNAVAILABLE", "Files of the bucket %q are to be scanned for viruses, and there is no scanner. The operator must set one up.", bucket)
	}
	return s.ScanStored(ctx, session, &Ticket{Version: from.Version, scan: true}, from.Metadata.Size)
}

// Move is what is moved where.
type Move struct {
	Bucket, Name, ToBucket, ToName string
	Operation                      string
}

// Move gives an object another name or bucket. Its bytes stay where they are.
func (s *Service) Move(ctx context.Context, session *projectdb.Session, m Move) (*Object, error) {
	if err := checkNames(m.Bucket, m.Name); err != nil {
		return nil, err
	}
	if err := checkNames(m.ToBucket, m.ToName); err != nil {
		return nil, err
	}
	if m.Operation == "" {
		m.Operation = "storage.object.move"
	}
	for try := 1; ; try++ {
		out, from, err := s.moveOnce(ctx, session, m)
		if err != nil || out != nil {
			return out, err
		}
		// The caller may read it, and not change it; or it has just gone, or become another.
		now, err := s.find(ctx, session, findSQL, m.Operation, m.Bucket, m.Name)
		switch {
		case err != nil:
			return nil, err
		case now.Version == from.Version && now.Metadata.MimeType == from.Metadata.MimeType:
			return nil, fault.New(fault.Denied, "ACCESS_DENIED", "new row violates row-level security policy")
		case try == moveTries:
			return nil, fault.New(fault.FailedPrecondition, "TRANSACTION_ERROR", "Other requests changed the object meanwhile. Try again.")
		}
	}
}

// moveTries is how often a move begins again when the object has become another while it was judged.
const moveTries = 3

// moveOnce moves an object as it was judged, or nothing.
func (s *Service) moveOnce(ctx context.Context, session *projectdb.Session, m Move) (out, from *Object, err error) {
	if from, err = s.find(ctx, session, findSQL, m.Operation, m.Bucket, m.Name); err != nil {
		return nil, nil, err
	}
	across := m.Bucket != m.ToBucket
	if across {
		if err := s.admit(ctx, session, from, m.ToBucket, from.Metadata.MimeType); err != nil {
			return nil, nil, err
		}
	}
	o, told := s.changing(ctx, session, m.Operation)
	err = session.Query(ctx, o, projectdb.Statement{
		SQL: moveSQL, Args: []any{m.Bucket, m.Name, m.ToBucket, m.ToName, from.Version, from.Metadata.MimeType, across},
	}, one(&out))
	if err != nil {
		return nil, nil, Refused(err)
	}
	if out != nil {
		told()
	}
	return out, from, nil
}

// MaxDelete is how many objects one request removes.
const MaxDelete = 1000

// Delete removes those of the named objects that the caller may remove, and returns them. Their bytes go later.
func (s *Service) Delete(ctx context.Context, session *projectdb.Session, bucket string, names []string) ([]Object, error) {
	if err := name.Bucket(bucket); err != nil {
		return nil, err
	}
	if len(names) > MaxDelete {
		return nil, fault.New(fault.Invalid, "INVALID_REQUEST", "Name at most %d objects in one request.", MaxDelete)
	}
	for _, n := range names {
		if err := name.Object(n); err != nil {
			return nil, err
		}
	}
	s.told(ctx, session)
	var out []Object
	operation := "storage.object.delete_many"
	if len(names) == 1 {
		operation = "storage.object.delete"
	}
	o, told := s.changing(ctx, session, operation)
	if err := session.Query(ctx, o, projectdb.Statement{SQL: deleteSQL, Args: []any{bucket, names}}, removed(&out)); err != nil {
		return nil, Refused(err)
	}
	told()
	return out, nil
}

// Edit is what an object is to say of itself; nil leaves it.
type Edit struct {
	MimeType, CacheControl, ContentDisposition *string
	// UserMetadata replaces all of it; an empty one removes it.
	UserMetadata *json.RawMessage
	Tags         *map[string]string
	Operation    string
}

// SetMetadata changes what an object says of itself. Its bytes, version and ETag stay.
func (s *Service) SetMetadata(ctx context.Context, session *projectdb.Session, bucket, object string, e Edit) (*Object, error) {
	if e.Operation == "" {
		e.Operation = "storage.object.update_metadata"
	}
	from, err := s.find(ctx, session, findSQL, e.Operation, bucket, object)
	if err != nil {
		return nil, err
	}
	m, user := from.Metadata, from.UserMetadata
	for to, value := range map[*string]*string{&m.MimeType: e.MimeType, &m.CacheControl: e.CacheControl, &m.ContentDisposition: e.ContentDisposition} {
		if value != nil {
			*to = *value
		}
	}
	if e.UserMetadata != nil {
		user = *e.UserMetadata
	}
	if e.Tags != nil {
		m.Tags = *e.Tags
	}
	t := Ticket{Target: Target{Bucket: bucket, Name: object, MimeType: m.MimeType, CacheControl: m.CacheControl, ContentDisposition: m.ContentDisposition, UserMetadata: user}}
	if err := t.check(); err != nil {
		return nil, err
	}
	m.MimeType, m.CacheControl = t.MimeType, t.CacheControl
	if e.MimeType != nil {
		if err := s.admit(ctx, session, from, bucket, m.MimeType); err != nil {
			return nil, err
		}
	}
	metadata, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var userColumn any
	if len(user) > 0 {
		userColumn = string(user)
	}
	var out *Object
	o, told := s.changing(ctx, session, e.Operation)
	err = session.Query(ctx, o,
		projectdb.Statement{SQL: setMetadataSQL, Args: []any{bucket, object, from.Version, string(metadata), userColumn}}, one(&out))
	switch {
	case err != nil:
		return nil, Refused(err)
	case out == nil:
		return nil, fault.New(fault.Denied, "ACCESS_DENIED", "new row violates row-level security policy")
	}
	told()
	return out, nil
}
