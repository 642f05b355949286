package object

import (
	"context"
	_ "embed" // the statements
	"encoding/base64"
	"encoding/json"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/name"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

//go:embed sql/list_up.sql
var listUpSQL string

//go:embed sql/list_down.sql
var listDownSQL string

//go:embed sql/list_by_time.sql
var listByTimeSQL string

// Bounds of a listing.
const (
	MaxList     = 10_000
	maxOffset   = 10_000_000
	maxFolderBy = 16 // bytes of a delimiter
	// maxHeld is how many bytes of rows are held for one answer.
	maxHeld = 8 << 20
	// maxRow is the same of one object that is about to be read.
	maxRow = 1 << 20
)

// ListQuery asks for a part of a bucket's objects.
type ListQuery struct {
	Bucket string
	// Prefix is what all names begin with: "folder/" for a folder's.
	Prefix string
	// Delimiter ends the names of folders, mostly "/": what is in a folder below the prefix is shown as the folder. "" shows every object.
	Delimiter string
	// After is the name after which to begin, Cursor the Next of the page before; at most one is given.
	After, Cursor string
	// Search is what names begin with after the prefix, in any case.
	Search string
	// Limit is 1 to MaxList, Offset how many to leave out first.
	Limit, Offset int
	// SortBy is name (or ""), created_at, updated_at or last_accessed_at. Names sort by their bytes; by time folders come first.
	SortBy     string
	Descending bool
	Operation  string
	// UserMetadata asks for it too. Whole tells that the caller cannot go on by Next.
	UserMetadata, Whole bool
}

// Entry is an object or a folder.
type Entry struct {
	// Folder is the folder's whole name with the delimiter at its end, or "" for an object.
	Folder string
	Object *Object
	after  string
}

// Name is the whole name of either.
func (e Entry) Name() string {
	if e.Object != nil {
		return e.Object.Name
	}
	return e.Folder
}

// Page is a part of a listing.
type Page struct {
	Entries []Entry
	// Next continues the listing; "" at its end.
	Next string
}

// Objects are those of the page.
func (p *Page) Objects() []Object {
	out := make([]Object, 0, len(p.Entries))
	for _, e := range p.Entries {
		if e.Object != nil {
			out = append(out, *e.Object)
		}
	}
	return out
}

// Folders are those of the page, each with the delimiter at its end.
func (p *Page) Folders() []string {
	out := []string{}
	for _, e := range p.Entries {
		if e.Object == nil {
			out = append(out, e.Folder)
		}
	}
	return out
}

// cursor is what Next holds. It is bound to nothing: whoever changes it sees no more than they may.
type cursor struct {
	After  string `json:"a,omitempty"`
	Offset int    `json:"o,omitempty"`
}

func (c cursor) String() string {
	text, _ := json.Marshal(c) // strings and numbers
	return base64.RawURLEncoding.EncodeToString(text)
}

func parseCursor(s string) (c cursor, err error) {
	text, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil || c.Offset < 0 || c.Offset > maxOffset || name.Prefix(c.cut()) != nil {
		return c, fault.Wrap(err, fault.Invalid, "INVALID_REQUEST", "The cursor is none that a listing gave. Begin without one.")
	}
	return c, nil
}

// afterAll is the last character of Unicode, which no name has: what follows a folder.
const afterAll = "\U0010ffff"

// cut is the name of what the page ended with.
func (c cursor) cut() string {
	if n := len(c.After) - len(afterAll); n >= 0 && c.After[n:] == afterAll {
		return c.After[:n]
	}
	return c.After
}

func (q *ListQuery) check() error {
	if err := name.Bucket(q.Bucket); err != nil {
		return err
	}
	for _, s := range []string{q.Prefix, q.Search} {
		if err := name.Prefix(s); err != nil {
			return err
		}
	}
	invalid := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "INVALID_REQUEST", format, args...)
	}
	switch {
	case q.Limit < 1 || q.Limit > MaxList:
		return invalid("limit must be 1 to %d.", MaxList)
	case q.Offset < 0 || q.Offset > maxOffset:
		return invalid("offset must be 0 to %d.", maxOffset)
	case len(q.Delimiter) > maxFolderBy:
		return invalid("The delimiter is longer than %d bytes.", maxFolderBy)
	case len(q.After) > name.MaxObject+len(afterAll):
		return invalid("The name to begin after is too long.")
	}
	switch q.SortBy {
	case "", "name", "created_at", "updated_at", "last_accessed_at":
		return nil
	}
	return invalid("Sort by name, created_at, updated_at or last_accessed_at.")
}

// List returns the objects of a bucket that the caller may see, and their folders.
func (s *Service) List(ctx context.Context, session *projectdb.Session, q ListQuery) (*Page, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	byName := q.SortBy == "" || q.SortBy == "name"
	if q.Cursor != "" {
		c, err := parseCursor(q.Cursor)
		if err != nil {
			return nil, err
		}
		q.After, q.Offset = c.After, c.Offset
	}
	operation := q.Operation
	if operation == "" {
		operation = "storage.object.list"
	}
	args := []any{q.Bucket, q.Prefix, q.Delimiter, q.After, q.Search, q.Limit + 1, q.Offset}
	sql := listUpSQL
	switch {
	case !byName:
		sign := 1
		if q.Descending {
			sign = -1
		}
		sql, args = listByTimeSQL, append(args, q.SortBy, sign)
	case q.Descending:
		sql = listDownSQL
	}
	args = append(args, q.UserMetadata)
	page, more := &Page{}, false
	err := session.Query(ctx, options(session, operation, false), reading(session, sql, args...), func(rows pgx.Rows) (err error) {
		page.Entries, more, err = q.read(rows)
		return err
	})
	if pg.Code(err) == pgerrcode.InsufficientPrivilege { // of the whole table: there is nothing to be seen
		return &Page{}, nil
	}
	if err != nil {
		return nil, err
	}
	if more {
		next := cursor{After: page.Entries[len(page.Entries)-1].after}
		if !byName {
			next = cursor{Offset: q.Offset + len(page.Entries)}
		}
		page.Next = next.String()
	}
	return page, nil
}

// read reads the entries of a page, as many as were asked for and can be held, and reports whether there are more.
func (q *ListQuery) read(rows pgx.Rows) (entries []Entry, more bool, err error) {
	held, scan := 0, scanEntry(q.Bucket)
	for rows.Next() {
		for _, value := range rows.RawValues() {
			held += len(value)
		}
		if full := held > maxHeld && len(entries) > 0; full && q.Whole {
			return nil, false, errTooMuch
		} else if full || len(entries) == q.Limit {
			return entries, true, nil
		}
		e, err := scan(rows)
		if err != nil {
			return nil, false, err
		}
		entries = append(entries, e)
	}
	return entries, false, rows.Err()
}

func scanEntry(bucket string) pgx.RowToFunc[Entry] {
	return func(row pgx.CollectableRow) (Entry, error) {
		var folder bool
		var metadata, user []byte
		var e Entry
		o := Object{Bucket: bucket}
		err := row.Scan(&folder, &o.Name, &o.ID, &o.Version, &o.OwnerID, moment{&o.Created}, moment{&o.Updated}, moment{&o.LastAccessed}, &metadata, &user, &e.after)
		if err != nil {
			return e, err
		}
		if folder {
			e.Folder = o.Name
			return e, nil
		}
		o.Metadata = parseMetadata(metadata)
		if len(user) > 0 && string(user) != "null" {
			o.UserMetadata = user
		}
		e.Object = &o
		return e, nil
	}
}
