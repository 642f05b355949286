// Package serve answers with a file's bytes: whole or a range, when conditions hold. What browsers may do with it is the gateway's to say.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// File is what is served.
type File struct {
	// Metadata are the object's. Where they name no cache control, the answer says "no-cache".
	Metadata object.Metadata
	// Open reads from one byte to another, both included; to is -1 for the end.
	Open func(ctx context.Context, from, to int64) (io.ReadCloser, error)
	// Disposition is the value of Content-Disposition, in place of the object's; see Attachment.
	Disposition string
	// Private keeps the answer out of shared caches, whatever the object's cache control.
	Private bool
}

// piece is how much is copied at once.
const piece = 64 << 10

// peeked is how much of a larger file is read before the answer begins, when the rest goes from connection to connection.
const peeked = 1 << 10

// Object answers a GET or HEAD. An error is returned only while nothing has been sent; a failure after that breaks the connection, so that nobody takes a
// part for the whole.
func Object(w http.ResponseWriter, r *http.Request, f File) error {
	m := f.Metadata
	headers(w.Header(), f)
	switch proceed(r, m) {
	case http.StatusNotModified:
		for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Disposition", "Content-Language", "Accept-Ranges"} {
			w.Header().Del(name)
		}
		w.WriteHeader(http.StatusNotModified)
		return nil
	case http.StatusPreconditionFailed:
		return fault.New(fault.FailedPrecondition, "PRECONDITION_FAILED", "The object is not as If-Match or If-Unmodified-Since ask.")
	}
	from, to, err := ranged(r, m)
	if err != nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", m.Size))
		return err
	}
	status, length := http.StatusOK, m.Size
	if to >= 0 {
		status, length = http.StatusPartialContent, to-from+1
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, m.Size))
	}
	w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	if r.Method == http.MethodHead || length == 0 {
		w.WriteHeader(status)
		return nil
	}
	body, err := f.Open(r.Context(), from, to)
	if err != nil {
		w.Header().Del("Content-Range")
		return err
	}
	defer func() { _ = body.Close() }()
	return send(w, status, body, length)
}

// send answers once the first bytes are there.
func send(w http.ResponseWriter, status int, body io.Reader, length int64) error {
	if held, ok := body.(interface{ Bytes() []byte }); ok && int64(len(held.Bytes())) == length { // in memory
		w.WriteHeader(status)
		if _, err := w.Write(held.Bytes()); err != nil {
			panic(http.ErrAbortHandler) // the client left
		}
		return nil
	}
	whole, direct := body.(io.WriterTo) // from connection to connection
	direct = direct && length > piece
	first := int64(piece)
	if direct {
		first = peeked
	}
	buffer := make([]byte, min(first, length))
	n, err := io.ReadFull(body, buffer)
	if err != nil {
		w.Header().Del("Content-Range")
		return fault.Wrap(err, fault.Unavailable, "STORAGE_UNAVAILABLE", "The object store broke off. Try again.")
	}
	w.WriteHeader(status)
	for left := length; ; {
		if _, err := w.Write(buffer[:n]); err != nil {
			panic(http.ErrAbortHandler) // the client left
		}
		if left -= int64(n); left == 0 {
			return nil
		}
		if direct {
			if sent, err := whole.WriteTo(w); err != nil || sent != left {
				panic(http.ErrAbortHandler)
			}
			return nil
		}
		if n, err = io.ReadFull(body, buffer[:min(int64(len(buffer)), left)]); err != nil {
			panic(http.ErrAbortHandler) // what was sent is not all
		}
	}
}

func headers(h http.Header, f File) {
	m := f.Metadata
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Type", contentType(m.MimeType))
	h.Set("X-Robots-Tag", "none")
	h.Set("Cache-Control", cacheControl(m.CacheControl, f.Private))
	if f.Disposition != "" {
		m.ContentDisposition = f.Disposition
	}
	for name, value := range map[string]string{
		"Etag": m.ETag, "Content-Encoding": m.ContentEncoding, "Content-Disposition": m.ContentDisposition, "Content-Language": m.ContentLanguage, "Expires": m.Expires,
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
	if !m.LastModified.IsZero() {
		h.Set("Last-Modified", m.LastModified.UTC().Format(http.TimeFormat))
	}
}

func contentType(stored string) string {
	if _, _, err := mime.ParseMediaType(stored); err != nil {
		return "application/octet-stream"
	}
	return stored
}

func cacheControl(stored string, private bool) string {
	if stored == "" {
		stored = "no-cache"
	}
	if !private {
		return stored
	}
	var kept []string
	for part := range strings.SplitSeq(stored, ",") {
		part = strings.TrimSpace(part)
		name, _, _ := strings.Cut(strings.ToLower(part), "=")
		switch name {
		case "", "public", "s-maxage", "private", "proxy-revalidate":
		default:
			kept = append(kept, part)
		}
	}
	return strings.Join(append([]string{"private"}, kept...), ", ")
}

// Unchanged reports whether the client has the file already: then Object answers without opening it.
func Unchanged(r *http.Request, m object.Metadata) bool {
	return proceed(r, m) == http.StatusNotModified
}

var maxAge = regexp.MustCompile(`(?i)\bmax-age=([0-9]{1,18})\b`)

// Until ends with a signed URL's time what caches may keep by it.
func Until(m object.Metadata, expires, now time.Time) object.Metadata {
	most := max(int64(expires.Sub(now)/time.Second), 0)
	m.CacheControl = maxAge.ReplaceAllStringFunc(m.CacheControl, func(found string) string {
		if n, err := strconv.ParseInt(found[len("max-age="):], 10, 64); err == nil && n <= most {
			return found
		}
		return fmt.Sprintf("max-age=%d", most)
	})
	m.Expires = expires.UTC().Format(http.TimeFormat)
	return m
}

// proceed evaluates the conditions of RFC 9110 in its order: 200, 304 or 412.
func proceed(r *http.Request, m object.Metadata) int {
	modified := m.LastModified.Truncate(time.Second)
	since := func(name string) (time.Time, bool) {
		at, err := http.ParseTime(r.Header.Get(name))
		return at, err == nil && !m.LastModified.IsZero()
	}
	if list := r.Header.Values("If-Match"); len(list) > 0 {
		if !matches(list, m.ETag, true) {
			return http.StatusPreconditionFailed
		}
	} else if at, ok := since("If-Unmodified-Since"); ok && modified.After(at) {
		return http.StatusPreconditionFailed
	}
	if list := r.Header.Values("If-None-Match"); len(list) > 0 {
		if matches(list, m.ETag, false) {
			return http.StatusNotModified
		}
	} else if at, ok := since("If-Modified-Since"); ok && !modified.After(at) {
		return http.StatusNotModified
	}
	return http.StatusOK
}

// matches looks for an ETag in a list of them.
func matches(list []string, etag string, strong bool) bool {
	if etag == "" {
		return false
	}
	for part := range strings.SplitSeq(strings.Join(list, ","), ",") {
		part = strings.TrimSpace(part)
		weak := strings.TrimPrefix(part, "W/")
		if part == "*" || part == etag || !strong && weak == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

var errRange = fault.New(fault.Invalid, "RANGE_NOT_SATISFIABLE", "The requested range is not satisfiable")

// ranged reads the one range that a request asks for; to is -1 for the whole file. Several ranges, and what is no range, are answered by the whole, as
// RFC 9110 lets a server do: many small ones would cost more than they ask for.
func ranged(r *http.Request, m object.Metadata) (from, to int64, err error) {
	asked, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
	if !ok || strings.Contains(asked, ",") || m.Size == 0 || !sameAs(r.Header.Get("If-Range"), m) {
		return 0, -1, nil
	}
	first, last, ok := strings.Cut(strings.TrimSpace(asked), "-")
	if !ok {
		return 0, -1, nil
	}
	number := func(s string) (int64, bool) {
		n, err := strconv.ParseUint(s, 10, 63)
		if errors.Is(err, strconv.ErrRange) {
			return 1<<63 - 1, true
		}
		return int64(n), err == nil
	}
	if first == "" {
		n, ok := number(last)
		switch {
		case !ok:
			return 0, -1, nil
		case n == 0:
			return 0, 0, errRange
		}
		return max(m.Size-n, 0), m.Size - 1, nil
	}
	from, ok = number(first)
	if !ok {
		return 0, -1, nil
	}
	to = m.Size - 1
	if last != "" {
		n, ok := number(last)
		if !ok || n < from {
			return 0, -1, nil
		}
		to = min(to, n)
	}
	if from >= m.Size {
		return 0, 0, errRange
	}
	return from, to, nil
}

// sameAs reports whether If-Range names the object as it is.
func sameAs(condition string, m object.Metadata) bool {
	switch {
	case condition == "":
		return true
	case strings.HasPrefix(condition, `"`):
		return condition == m.ETag
	}
	at, err := http.ParseTime(condition)
	return err == nil && !m.LastModified.IsZero() && m.LastModified.Truncate(time.Second).Equal(at)
}

// Attachment is the Content-Disposition that has a browser save a file, by a name that may be in any script.
func Attachment(name string) string {
	if name == "" {
		return "attachment"
	}
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
	var extended strings.Builder
	for i := range len(name) {
		c := name[i]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			extended.WriteByte(c)
		} else {
			fmt.Fprintf(&extended, "%%%02X", c)
		}
	}
	return `attachment; filename="` + plain + `"; filename*=UTF-8''` + extended.String()
}
