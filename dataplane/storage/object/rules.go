package object

import (
	"errors"
	"mime"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// rules are what a bucket asks of uploads, and what the project stores.
type rules struct {
	known, public bool
	sizeLimit     int64
	mimeTypes     []string
	// written are the types as the database writes them.
	written, kind string
	bytes, blobs  int64
	// triggers tells that the project has triggers of its own on objects.
	triggers bool
}

func (r *rules) read(rows pgx.Rows) error {
	*r = rules{}
	for rows.Next() {
		if err := rows.Scan(&r.known, &r.public, &r.sizeLimit, &r.mimeTypes, &r.written, &r.kind, &r.bytes, &r.blobs, &r.triggers); err != nil {
			return err
		}
	}
	return rows.Err()
}

// AllowsMimeType reports whether a list of types, with wildcards, has one. An empty list has all.
func AllowsMimeType(list []string, mimeType string) bool {
	if len(list) == 0 {
		return true
	}
	base, _, err := mime.ParseMediaType(mimeType)
	if err != nil {
		return false
	}
	kind, _, _ := strings.Cut(base, "/")
	return slices.ContainsFunc(list, func(allowed string) bool {
		allowed = strings.ToLower(strings.TrimSpace(allowed))
		return allowed == base || allowed == "*" || allowed == "*/*" || allowed == kind+"/*" || strings.HasPrefix(strings.ToLower(mimeType), allowed+";")
	})
}

// bound sets the most bytes that the upload may have, and refuses one that is known to have more.
func (t *Ticket) bound(session *projectdb.Session, r rules) error {
	if !AllowsMimeType(r.mimeTypes, t.MimeType) {
		return fault.New(fault.Invalid, "INVALID_MIME_TYPE", "mime type %.100s is not supported", t.MimeType)
	}
	p := session.Project
	t.stored.bytes, t.stored.blobs = r.bytes, r.blobs
	t.Limit = setting.Get[int64](p.Settings, "storage.file_size_limit")
	for _, limit := range []int64{r.sizeLimit, p.Limits.MaxFileBytes} {
		if limit > 0 {
			t.Limit = min(t.Limit, limit)
		}
	}
	t.over = fault.New(fault.Exhausted, "ENTITY_TOO_LARGE", "The object exceeded the maximum allowed size: files of up to %d bytes are taken here.", t.Limit)
	if quota := p.Limits.StorageBytes; quota > 0 {
		left := max(quota-r.bytes, 0)
		t.room = left
		if left == 0 || left < t.Limit {
			if t.Size > t.Limit { // too large anyway
				return t.over
			}
			t.Limit = left
			t.over = fault.New(fault.Exhausted, "QUOTA_STORAGE", "The project's storage is full: %d of %d bytes are used. Delete files, or move to a larger plan.", r.bytes, quota)
			if left == 0 {
				return t.over
			}
		}
	}
	if t.Size > t.Limit {
		return t.over
	}
	return nil
}

// Fits reports whether an object of a size and type may be in a bucket: for copies and moves.
func (r rules) fits(size int64, mimeType string) error {
	switch {
	case !r.known:
		return noSuchBucket(errors.New("the destination"))
	case r.sizeLimit > 0 && size > r.sizeLimit:
		return fault.New(fault.Exhausted, "ENTITY_TOO_LARGE", "The object exceeded the maximum allowed size")
	case !AllowsMimeType(r.mimeTypes, mimeType):
		return fault.New(fault.Invalid, "INVALID_MIME_TYPE", "mime type %.100s is not supported", mimeType)
	}
	return nil
}

// scanned reports whether uploads to a bucket are scanned for viruses.
func scanned(session *projectdb.Session, bucket string) bool {
	list := setting.Get[[]string](session.Project.Settings, "storage.scan_buckets")
	return slices.Contains(list, bucket) || slices.Contains(list, "*")
}
