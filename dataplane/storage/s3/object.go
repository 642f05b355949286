package s3

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/document"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/sigv4"
	"github.com/wayli-app/fluxbase/dataplane/storage/serve"
	"github.com/wayli-app/fluxbase/internal/fault"
)

func itoa(n int) string { return strconv.Itoa(n) }

func (s *Service) putObject(c *call) error {
	if c.sig.Query.Has("uploadId") || c.sig.Query.Has("partNumber") { // half of what a part has
		return fault.New(fault.Invalid, "INVALID_REQUEST", "A part is named by uploadId and partNumber.")
	}
	body, err := c.sig.Body()
	if err != nil {
		return err
	}
	target, err := c.target()
	if err != nil {
		return err
	}
	target.Size, target.Operation = body.Size, "storage.s3.upload"
	o, err := s.d.Objects.Upload(c.r.Context(), c.session, target, body)
	if err != nil {
		return err
	}
	c.w.Header().Set("Etag", o.Metadata.ETag)
	showSums(c.w.Header(), body)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// showSums tells the checksums that were found right.
func showSums(h http.Header, body *sigv4.Body) {
	for header, sum := range body.Sums() {
		h.Set(header, base64.StdEncoding.EncodeToString(sum))
		h.Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
}

// override changes headers of an answer by the parameters that are there for it.
func override(c *call, m *object.Metadata) error {
	for parameter, to := range map[string]*string{
		"response-content-type": &m.MimeType, "response-cache-control": &m.CacheControl, "response-content-encoding": &m.ContentEncoding,
		"response-content-disposition": &m.ContentDisposition, "response-content-language": &m.ContentLanguage, "response-expires": &m.Expires,
	} {
		if !c.sig.Query.Has(parameter) {
			continue
		}
		value := c.sig.Query.Get(parameter)
		if err := object.CheckHeader(parameter, value); err != nil {
			return err
		}
		*to = value
	}
	return nil
}

func (s *Service) getObject(c *call) error { return s.read(c, "storage.s3.object.get") }

func (s *Service) headObject(c *call) error { return s.read(c, "storage.s3.object.info") }

// read answers GetObject and HeadObject.
func (s *Service) read(c *call, operation string) error {
	o, err := s.d.Objects.FindFor(c.r.Context(), c.session, operation, c.bucket, c.key)
	if err != nil {
		return err
	}
	m := o.Metadata
	m.LastModified = modified(o)
	if err := override(c, &m); err != nil {
		return err
	}
	if err := s.part(c, o); err != nil {
		return err
	}
	for _, name := range []string{"If-Match", "If-None-Match"} { // S3 takes ETags without their quotes too
		if value := c.r.Header.Get(name); value != "" && value != "*" && !strings.Contains(value, `"`) {
			c.r.Header.Set(name, quoted(value))
		}
	}
	h := c.w.Header()
	showMetadata(h, o.UserMetadata)
	if len(m.Tags) > 0 {
		h.Set("X-Amz-Tagging-Count", itoa(len(m.Tags)))
	}
	return serve.Object(c.w, c.r, serve.File{Metadata: m, Open: func(ctx context.Context, from, to int64) (io.ReadCloser, error) {
		return s.d.Objects.Open(ctx, c.session, o, from, to)
	}})
}

// part makes a range of the parameter partNumber: a part of an object that was uploaded in parts.
func (s *Service) part(c *call, o *object.Object) error {
	if !c.sig.Query.Has("partNumber") {
		return nil
	}
	number, err := c.number("partNumber", 0, multipartMax)
	switch {
	case err != nil:
		return err
	case number == 0 || c.r.Header.Get("Range") != "":
		return fault.New(fault.Invalid, "INVALID_REQUEST", "partNumber is 1 to 10000, and excludes a Range.")
	}
	count := partCount(o.Metadata.ETag)
	if number > max(count, 1) {
		return fault.New(fault.Invalid, "INVALID_PART_NUMBER", "The requested partnumber is not satisfiable")
	}
	if count == 0 {
		return nil
	}
	first, last, err := s.uploads.Range(c.r.Context(), c.session, o, int32(number))
	if err != nil {
		return err
	}
	c.r.Header.Set("Range", "bytes="+strconv.FormatInt(first, 10)+"-"+strconv.FormatInt(last, 10))
	c.w.Header().Set("X-Amz-Mp-Parts-Count", itoa(count))
	return nil
}

const multipartMax = 10_001

// partCount is in how many parts an object was uploaded, as its ETag tells; 0 is in one piece.
func partCount(etag string) int {
	_, count, ok := strings.Cut(strings.Trim(etag, `"`), "-")
	n, err := strconv.Atoi(count)
	if !ok || err != nil || n < 1 {
		return 0
	}
	return n
}

func (s *Service) deleteObject(c *call) error {
	if c.r.Header.Get("If-Match") != "" {
		return notImplemented("If-Match of DeleteObject")
	}
	gone, err := s.d.Objects.Delete(c.r.Context(), c.session, c.bucket, []string{c.key})
	if err != nil {
		return err
	}
	if len(gone) == 0 { // what is not there is deleted; what may be seen only is not
		left, err := s.d.Objects.FindMany(c.r.Context(), c.session, "storage.s3.object.delete", c.bucket, []string{c.key})
		if err == nil && len(left) > 0 {
			return fault.New(fault.Denied, "ACCESS_DENIED", "Access Denied")
		}
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) deleteObjects(c *call) error {
	body, err := c.sig.Body()
	if err != nil {
		return err
	}
	var ask document.Delete
	if err := document.Read(body, body.Size, &ask); err != nil {
		return err
	}
	if len(ask.Objects) == 0 || len(ask.Objects) > object.MaxDelete {
		return fault.New(fault.Invalid, "MALFORMED_XML", "Name 1 to %d objects.", object.MaxDelete)
	}
	out := document.Deleted{Namespace: document.Namespace()}
	refuse := func(key string, err error) {
		told := document.Tell(err)
		out.Errors = append(out.Errors, document.DeletedError{Key: key, Code: told.Code, Message: told.Message})
	}
	var keys []string
	for _, o := range ask.Objects {
		switch {
		case checkKey(o.Key) != nil:
			refuse(o.Key, checkKey(o.Key))
		case o.VersionID != "" && o.VersionID != "null":
			refuse(o.Key, fault.New(fault.NotFound, "NO_SUCH_VERSION", "The specified version does not exist: there are no versions."))
		case o.ETag != "":
			refuse(o.Key, notImplemented("ETag of DeleteObjects"))
		default:
			keys = append(keys, o.Key)
		}
	}
	if len(keys) > 0 {
		left, err := s.deleteKeys(c, keys)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if left[key] {
				refuse(key, fault.New(fault.Denied, "ACCESS_DENIED", "Access Denied"))
			} else if !ask.Quiet {
				out.Deleted = append(out.Deleted, document.DeletedKey{Key: key})
			}
		}
	}
	document.Write(c.w, http.StatusOK, out)
	return nil
}

// deleteKeys deletes what the caller may, and returns what they see still.
func (s *Service) deleteKeys(c *call, keys []string) (map[string]bool, error) {
	gone, err := s.d.Objects.Delete(c.r.Context(), c.session, c.bucket, keys)
	if err != nil {
		return nil, err
	}
	deleted := map[string]bool{}
	for _, o := range gone {
		deleted[o.Name] = true
	}
	var rest []string
	for _, key := range keys {
		if !deleted[key] {
			rest = append(rest, key)
		}
	}
	left := map[string]bool{}
	if len(rest) == 0 {
		return left, nil
	}
	seen, err := s.d.Objects.FindMany(c.r.Context(), c.session, "storage.s3.object.delete", c.bucket, rest)
	for _, o := range seen {
		left[o.Name] = true
	}
	if fault.From(err) != nil && fault.From(err).Kind == fault.NotFound { // the caller sees nothing
		err = nil
	}
	return left, err
}

// day reads a condition's time; what is none is no condition.
func day(h http.Header, header string) time.Time {
	t, err := http.ParseTime(h.Get(header))
	if err != nil {
		return time.Time{}
	}
	return t
}
