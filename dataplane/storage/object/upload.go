package object

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/name"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

//go:embed sql/rules.sql
var rulesSQL string

//go:embed sql/keep.sql
var keepSQL string

//go:embed sql/insert.sql
var insertSQL string

//go:embed sql/upsert.sql
var upsertSQL string

//go:embed sql/replace.sql
var replaceSQL string

// Target is where an upload goes, and what it says of itself.
type Target struct {
	Bucket, Name string
	// Upsert replaces an object of the name, MustExist asks for one.
	Upsert, MustExist bool
	// Size is -1 when it is not known.
	Size                                                                                  int64
	MimeType, CacheControl, ContentEncoding, ContentDisposition, ContentLanguage, Expires string
	// UserMetadata is a JSON object, or nil.
	UserMetadata json.RawMessage
	Tags         map[string]string
	// OwnerID is whose the object is; "" is the caller's.
	OwnerID string
	// IfMatch is the ETag, with quotes, that the object must have; IfNoneMatch may be "*": there must be none.
	IfMatch, IfNoneMatch string
	// Operation is what policies read by storage.operation(); "" is storage.object.upload.
	Operation string
	// Most is how many bytes come at most, where that is known and they are there already; else 0.
	Most int64
}

// Bounds of what an upload says of itself.
const (
	maxUserMetadata = 64 << 10
	maxHeader       = 1024
)

// Ticket is an upload that was judged.
type Ticket struct {
	Target
	// Version is where its bytes go.
	Version string
	// ID is the object's, unless it replaces another.
	ID uuid.UUID
	// Limit is the most bytes that it may have.
	Limit int64

	at time.Time // of its last statement
	// plain tells that writing the row runs none of the project's code: no policy holds the caller, and no trigger is the project's.
	plain bool
	// eager are the rules that the upload was begun by without a look; its row is written only where they still hold.
	eager  *rules
	scan   bool
	over   error // what a body beyond the limit is told
	stored stored
	// written is what the row has that an upload does not choose.
	written written
	room    int64 // of the plan, for all that is uploaded; 0 is no limit
}

type written struct {
	id                             uuid.UUID
	created, updated, lastAccessed time.Time
}

// Begin judges an upload before its bytes come: names, the rules of the bucket, the project and the plan, and the project's policies, by a trial
// that is rolled back.
func (s *Service) Begin(ctx context.Context, session *projectdb.Session, target Target) (*Ticket, error) {
	t := &Ticket{Target: target, ID: uuid.New()}
	if err := t.check(); err != nil {
		return nil, err
	}
	if t.OwnerID == "" {
		t.OwnerID = session.Caller.Subject
	}
	if t.Operation == "" {
		t.Operation = "storage.object.upload"
	}
	t.scan = scanned(session, t.Bucket)
	if !s.hurry(session, t) {
		found, err := s.judge(ctx, session, t)
		if err != nil {
			return nil, err
		}
		if err := t.bound(session, found); err != nil {
			return nil, err
		}
		t.plain = unbound(session) && !found.triggers
	}
	if t.scan && s.scanner == nil {
		return nil, fault.New(fault.Unavailable, "SCANNER_UNAVAILABLE", "Uploads to the bucket %q are to be scanned for viruses, and there is no scanner. The operator must set one up.", t.Bucket)
	}
	var err error
	t.Version, err = s.blobs.Lease(ctx, session)
	return t, err
}

// isRefusal tells an answer of the database from its absence.
func isRefusal(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused)
}

// replaces reports whether the upload needs an object of its name.
func (t *Ticket) replaces() bool { return t.MustExist || t.IfMatch != "" && t.IfMatch != "*" }

func (t *Ticket) absent() error {
	if t.IfMatch != "" {
		return fault.New(fault.FailedPrecondition, "PRECONDITION_FAILED", "The object is not there, or is another than If-Match names.")
	}
	return noSuchKey(nil)
}

// refused words the refusal of a conditional upload.
func (t *Ticket) refused(err error) error {
	err = Refused(err)
	if t.IfNoneMatch != "" && errors.Is(err, &fault.Error{Kind: fault.Exists, Reason: "KEY_ALREADY_EXISTS"}) {
		return fault.Wrap(err, fault.FailedPrecondition, "PRECONDITION_FAILED", "There is an object of this name already.")
	}
	return err
}

func (t *Ticket) check() error {
	if err := name.Bucket(t.Bucket); err != nil {
		return err
	}
	if err := name.Object(t.Name); err != nil {
		return err
	}
	if t.MimeType == "" {
		t.MimeType = "application/octet-stream"
	}
	if err := CheckMimeType(t.MimeType); err != nil {
		return err
	}
	if t.CacheControl == "" {
		t.CacheControl = "no-cache"
	}
	for header, value := range map[string]string{
		"Cache-Control": t.CacheControl, "Content-Encoding": t.ContentEncoding, "Content-Disposition": t.ContentDisposition,
		"Content-Language": t.ContentLanguage, "Expires": t.Expires,
	} {
		if err := CheckHeader(header, value); err != nil {
			return err
		}
	}
	return CheckUserMetadata(t.UserMetadata)
}

// CheckMimeType takes what is one, with or without parameters.
func CheckMimeType(s string) error {
	base, _, err := mime.ParseMediaType(s)
	if err != nil || !strings.Contains(base, "/") || CheckHeader("Content-Type", s) != nil {
		return fault.New(fault.Invalid, "INVALID_MIME_TYPE", "mime type %.100q is not valid", s)
	}
	return nil
}

// CheckHeader takes what can be sent as the value of a header when the object is read.
func CheckHeader(header, value string) error {
	bad := len(value) > maxHeader
	for i := range len(value) {
		bad = bad || value[i] < ' ' || value[i] > '~'
	}
	if bad {
		return fault.New(fault.Invalid, "INVALID_REQUEST", "%s must be up to %d printable characters of ASCII.", header, maxHeader)
	}
	return nil
}

// CheckUserMetadata takes a JSON object of a bounded size, or nothing.
func CheckUserMetadata(data json.RawMessage) error {
	if len(data) == 0 {
		return nil
	}
	var object map[string]any
	if len(data) > maxUserMetadata {
		return fault.New(fault.Invalid, "INVALID_REQUEST", "The metadata is larger than %d KiB.", maxUserMetadata>>10)
	}
	if err := json.Unmarshal(data, &object); err != nil || object == nil {
		return fault.Wrap(err, fault.Invalid, "INVALID_REQUEST", "The metadata is no JSON object.")
	}
	if !keepable(data) {
		return fault.New(fault.Invalid, "INVALID_REQUEST", "The metadata holds a zero character or half of a surrogate pair, which the database cannot keep.")
	}
	return nil
}

// keepable reports whether the database can keep a text of JSON: it has neither \u0000 nor halves of surrogate pairs.
func keepable(data []byte) bool {
	for i := 0; i+1 < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		if i++; data[i] != 'u' {
			continue
		}
		c := escaped(data[i-1:])
		if i += 4; c == 0 || utf16.IsSurrogate(c) && utf16.DecodeRune(c, escaped(data[min(i+1, len(data)):])) == utf8.RuneError {
			return false
		}
		if utf16.IsSurrogate(c) {
			i += 6
		}
	}
	return true
}

// escaped reads the \uXXXX that a text of JSON begins with; 0 is none.
func escaped(data []byte) rune {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}

// statement writes the row of the upload.
func (t *Ticket) statement(size int64, version, etag string) projectdb.Statement {
	t.at = time.Now().UTC()
	t.written = written{t.ID, t.at, t.at, t.at}
	metadata, _ := json.Marshal(t.metadata(size, etag)) // strings and numbers
	var owner, ownerID, user any
	if t.OwnerID != "" {
		ownerID = t.OwnerID
		if id, err := uuid.Parse(t.OwnerID); err == nil {
			owner = id.String()
		}
	}
	if len(t.UserMetadata) > 0 {
		user = string(t.UserMetadata)
	}
	args := []any{t.Bucket, t.Name, t.ID.String(), owner, ownerID, version, string(metadata), user}
	switch {
	case t.replaces():
		var match any
		if t.IfMatch != "" && t.IfMatch != "*" {
			match = t.IfMatch
		}
		return projectdb.Statement{SQL: replaceSQL, Args: append(args, match)}
	case t.Upsert && t.IfNoneMatch == "":
		return projectdb.Statement{SQL: upsertSQL, Args: args}
	}
	return projectdb.Statement{SQL: insertSQL, Args: args}
}

func (t *Ticket) metadata(size int64, etag string) Metadata {
	if etag != "" {
		etag = `"` + etag + `"`
	}
	return Metadata{
		ETag: etag, Size: size, MimeType: t.MimeType, CacheControl: t.CacheControl, LastModified: t.at.Truncate(time.Millisecond), ContentLength: size, HTTPStatusCode: 200,
		ContentEncoding: t.ContentEncoding, ContentDisposition: t.ContentDisposition, ContentLanguage: t.ContentLanguage, Expires: t.Expires, Tags: t.Tags,
	}
}

// Store takes the bytes of an upload. They are durable when it returns, and belong to nothing until Commit.
func (s *Service) Store(ctx context.Context, session *projectdb.Session, t *Ticket, body io.Reader) (blob.Written, error) {
	come := &bounded{from: body, left: t.Limit, over: t.over, coming: &s.coming, ref: session.Project.Ref, room: t.room}
	defer come.end()
	body = come
	if !t.scan {
		return s.blobs.Put(ctx, session.Project, t.Version, body, t.Size, t.MimeType)
	}
	stream, err := s.scanner.Begin(ctx, session.Project.Ref)
	if err != nil {
		return blob.Written{}, err
	}
	defer func() { _ = stream.Close() }()
	written, err := s.blobs.Put(ctx, session.Project, t.Version, io.TeeReader(body, stream), t.Size, t.MimeType)
	if err != nil {
		return written, err
	}
	if err := stream.Verdict(); err != nil {
		s.drop(ctx, session, t.Version)
		return blob.Written{}, err
	}
	return written, nil
}

// ScanStored judges bytes that came in several requests. It is nil where the bucket is not scanned.
func (s *Service) ScanStored(ctx context.Context, session *projectdb.Session, t *Ticket, size int64) error {
	if !t.scan || size == 0 {
		return nil
	}
	stream, err := s.scanner.Begin(ctx, session.Project.Ref)
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }()
	body, err := s.blobs.Get(ctx, session.Project, t.Version, 0, -1)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	if _, err := io.Copy(stream, body); err != nil {
		return err
	}
	return stream.Verdict()
}

// Restate changes what an upload says of itself when its bytes have come: its headers and metadata, not where it goes and what it is.
func (t *Ticket) Restate(change func(*Target) error) error {
	said := t.Target
	if err := change(&said); err != nil {
		return err
	}
	t.CacheControl, t.UserMetadata = said.CacheControl, said.UserMetadata
	return t.check()
}

// Discard removes bytes that are not to become an object.
func (s *Service) Discard(ctx context.Context, session *projectdb.Session, w blob.Written) {
	s.drop(ctx, session, w.Version)
}

// commitTime bounds the writing of a row, which goes on when the client has left.
const commitTime = 30 * time.Second

// Commit makes bytes that are durable an object, as the caller. When that is refused the bytes are removed.
func (s *Service) Commit(ctx context.Context, session *projectdb.Session, t *Ticket, w blob.Written) (*Object, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	if w.Size > t.Limit {
		s.drop(ctx, session, w.Version)
		return nil, t.over
	}
	if t.Upsert || t.replaces() {
		s.told(ctx, session) // before: the sweep finds what commits within its minute, whatever dies after
	}
	o, told := s.changing(ctx, session, t.Operation)
	if t.plain && len(o.Settings) == 1 { // the operation, which nobody reads
		o.Settings = nil
	}
	var out *Object
	err := errAlone
	if t.joins(o) {
		err = s.commitTogether(ctx, session, t, w, o)
	}
	if errors.Is(err, errAlone) {
		out, err = s.commitAlone(ctx, session, t, w, o)
	}
	if t.eager != nil && pg.Code(err) == pgerrcode.DivisionByZero {
		return s.again(ctx, session, t, w)
	}
	if err != nil {
		if settled(err) {
			s.drop(ctx, session, w.Version)
		}
		return nil, t.refused(err)
	}
	told()
	if unbound(session) {
		s.known.stored(session, t.Bucket, t.stored.bytes, t.stored.blobs)
	}
	if s.gauge != nil {
		s.gauge.Stored(session.Project.ID, t.stored.bytes, t.stored.blobs)
	}
	if out == nil { // an insert returns no row: to read it takes a policy of its own
		out = t.object(w.Version, w.Size, w.ETag)
	}
	return out, nil
}

// commitAlone commits an upload in a transaction of its own. The object is nil where the statement does not return it.
func (s *Service) commitAlone(ctx context.Context, session *projectdb.Session, t *Ticket, w blob.Written, o projectdb.Options) (out *Object, err error) {
	batch := t.batch(session, w)
	for i := range batch.Statements {
		batch.Statements[i].Plain = t.plain && len(o.Settings) == 0
	}
	err = session.Run(ctx, o, batch, func(i int, rows pgx.Rows) error {
		switch i {
		case 0:
			for rows.Next() {
				if err := rows.Scan(&t.stored.bytes, &t.stored.blobs); err != nil {
					return err
				}
			}
			return rows.Err()
		case len(batch.Statements) - 2: // the rules are the same
			return nil
		}
		list, err := pgx.CollectRows(rows, scan)
		switch {
		case err != nil:
			return err
		case len(list) > 0:
			out = &list[0]
		case t.replaces():
			return t.absent()
		}
		return nil
	})
	return out, err
}

// batch makes of bytes that are durable an object.
func (t *Ticket) batch(session *projectdb.Session, w blob.Written) projectdb.Batch {
	row := t.statement(w.Size, w.Version, w.ETag)
	size, most := strconv.FormatInt(w.Size, 10), strconv.FormatInt(session.Project.Limits.StorageBytes, 10)
	keep := projectdb.Statement{SQL: keepSQL, Args: []any{w.Version, size, most}, Fresh: true}
	if t.eager != nil {
		return projectdb.Batch{Statements: []projectdb.Statement{keep, t.eager.same(t.Bucket), row}}
	}
	return projectdb.Batch{Statements: []projectdb.Statement{keep, row}, Hold: t.replaces()}
}

// object is what the ticket's statement wrote.
func (t *Ticket) object(version string, size int64, etag string) *Object {
	return &Object{
		ID: t.written.id, Bucket: t.Bucket, Name: t.Name, Version: version, OwnerID: t.OwnerID, Created: t.written.created, Updated: t.written.updated, LastAccessed: t.written.lastAccessed,
		Metadata: t.metadata(size, etag), UserMetadata: t.UserMetadata,
	}
}

// settled reports whether a transaction that failed has not committed, for certain: bytes of one that may have must stay. The end of their
// lease removes them when it did not.
func settled(err error) bool {
	var known *fault.Error
	if errors.As(err, &known) {
		return known.Kind != fault.Unavailable && known.Kind != fault.Internal && known.Kind != fault.DeadlineExceeded && known.Kind != fault.Canceled
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.ConstraintName == "blobs_pkey" { // the bytes are an object's already
		return false
	}
	return isRefusal(err)
}

// drop removes bytes that belong to nothing.
func (s *Service) drop(ctx context.Context, session *projectdb.Session, version string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := s.blobs.Remove(ctx, session.Project, version); err != nil {
		s.log.WarnContext(ctx, "bytes of a refused upload stay until their lease ends", "project", session.Project.Ref, "version", version, "error", err)
	}
}

// Upload judges, stores and commits.
func (s *Service) Upload(ctx context.Context, session *projectdb.Session, target Target, body io.Reader) (*Object, error) {
	target.Most = max(target.Size, 0)
	t, err := s.Begin(ctx, session, target)
	if err != nil {
		return nil, err
	}
	w, err := s.Store(ctx, session, t, body)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", t.Version, err)
	}
	return s.Commit(ctx, session, t, w)
}
