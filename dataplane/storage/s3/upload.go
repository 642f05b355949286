package s3

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/storage/name"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/document"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/multipart"
	"github.com/wayli-app/fluxbase/internal/fault"
)

func (s *Service) createMultipartUpload(c *call) error {
	target, err := c.target()
	if err != nil {
		return err
	}
	target.IfMatch, target.IfNoneMatch, target.MustExist = "", "", false // they count at the end
	id, err := s.uploads.Create(c.r.Context(), c.session, target)
	if err != nil {
		return err
	}
	document.Write(c.w, http.StatusOK, document.Initiated{Namespace: document.Namespace(), Bucket: c.bucket, Key: c.key, UploadID: id})
	return nil
}

// partNumber reads the part's number.
func (c *call) partNumber() (int32, error) {
	n, err := strconv.ParseInt(c.sig.Query.Get("partNumber"), 10, 32)
	if err != nil || n < 1 || n > multipart.MaxParts {
		return 0, fault.New(fault.Invalid, "INVALID_ARGUMENT", "Part number must be an integer between 1 and 10000, inclusive")
	}
	return int32(n), nil
}

func (c *call) uploadID() string { return c.sig.Query.Get("uploadId") }

func (s *Service) uploadPart(c *call) error {
	number, err := c.partNumber()
	if err != nil {
		return err
	}
	body, err := c.sig.Body()
	if err != nil {
		return err
	}
	etag, err := s.uploads.Put(c.r.Context(), c.session, c.bucket, c.key, c.uploadID(), number, body, body.Size)
	if err != nil {
		return err
	}
	c.w.Header().Set("Etag", quoted(etag))
	showSums(c.w.Header(), body)
	c.w.Header().Del("X-Amz-Checksum-Type")
	c.w.WriteHeader(http.StatusOK)
	return nil
}

var copyRange = regexp.MustCompile(`^bytes=([0-9]{1,15})-([0-9]{1,15})$`)

func (s *Service) uploadPartCopy(c *call) error {
	number, err := c.partNumber()
	if err != nil {
		return err
	}
	bucket, key, err := c.source()
	if err != nil {
		return err
	}
	from, err := s.d.Objects.FindFor(c.r.Context(), c.session, "storage.s3.upload.part_copy", bucket, key)
	if err != nil {
		return err
	}
	if err := c.sourceConditions(from); err != nil {
		return err
	}
	first, last := int64(0), from.Metadata.Size-1
	if text := c.r.Header.Get("X-Amz-Copy-Source-Range"); text != "" {
		parts := copyRange.FindStringSubmatch(text)
		if parts == nil {
			return fault.New(fault.Invalid, "INVALID_ARGUMENT", "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
		}
		first, _ = strconv.ParseInt(parts[1], 10, 64) // fifteen digits
		last, _ = strconv.ParseInt(parts[2], 10, 64)
	}
	if first > last || last >= from.Metadata.Size {
		return fault.New(fault.Invalid, "INVALID_ARGUMENT", "Range specified is not valid for source object of size: %d", from.Metadata.Size)
	}
	part, err := s.uploads.Copy(c.r.Context(), c.session, c.bucket, c.key, c.uploadID(), number, from, first, last)
	if err != nil {
		return err
	}
	document.Write(c.w, http.StatusOK, document.CopiedPart{Namespace: document.Namespace(), LastModified: document.Time(part.Modified), ETag: quoted(part.ETag)})
	return nil
}

// sourceConditions judges what a copied part's source must be.
func (c *call) sourceConditions(from *object.Object) error {
	h, etag, when := c.r.Header, from.Metadata.ETag, modified(from).Truncate(1e9)
	match, none := h.Get("X-Amz-Copy-Source-If-Match"), h.Get("X-Amz-Copy-Source-If-None-Match")
	since, until := day(h, "X-Amz-Copy-Source-If-Modified-Since"), day(h, "X-Amz-Copy-Source-If-Unmodified-Since")
	switch {
	case match != "" && match != "*" && quoted(match) != etag, none != "" && (none == "*" || quoted(none) == etag),
		match == "" && !until.IsZero() && when.After(until), none == "" && !since.IsZero() && !when.After(since):
		return fault.New(fault.FailedPrecondition, "PRECONDITION_FAILED", "At least one of the preconditions you specified did not hold.")
	}
	return nil
}

func (s *Service) listParts(c *call) error {
	most, err := c.number("max-parts", maxKeys, maxKeys)
	if err != nil {
		return err
	}
	after, err := c.number("part-number-marker", 0, multipart.MaxParts)
	if err != nil {
		return err
	}
	encoding, err := c.encoding()
	if err != nil {
		return err
	}
	up, err := s.uploads.Find(c.r.Context(), c.session, c.bucket, c.key, c.uploadID())
	if err != nil {
		return err
	}
	parts, more, err := s.uploads.Parts(c.r.Context(), c.session, up, int32(after), max(most, 1))
	if err != nil {
		return err
	}
	if most == 0 {
		parts, more = nil, false
	}
	out := document.Parts{
		Namespace: document.Namespace(), Bucket: c.bucket, Key: document.Encode(c.key, encoding), UploadID: up.ID, Initiator: c.owner(up.Owner), Owner: c.owner(up.Owner),
		StorageClass: "STANDARD", PartNumberMarker: int32(after), MaxParts: most, EncodingType: encoding, IsTruncated: more,
	}
	for _, p := range parts {
		out.Parts = append(out.Parts, document.Part{PartNumber: p.Number, LastModified: document.Time(p.Modified), ETag: quoted(p.ETag), Size: p.Size})
		out.NextPartNumberMarker = p.Number
	}
	document.Write(c.w, http.StatusOK, out)
	return nil
}

func (s *Service) completeMultipartUpload(c *call) error {
	body, err := c.sig.Body()
	if err != nil {
		return err
	}
	var ask document.Complete
	if err := document.Read(body, body.Size, &ask); err != nil {
		return err
	}
	done := multipart.Completion{Bucket: c.bucket, Key: c.key, ID: c.uploadID(), Size: -1}
	var mustExist bool
	if done.IfMatch, done.IfNoneMatch, mustExist, err = c.writeConditions(); err != nil {
		return err
	}
	if mustExist {
		return notImplemented("If-Match: *")
	}
	if text := c.r.Header.Get("X-Amz-Mp-Object-Size"); text != "" {
		if done.Size, err = strconv.ParseInt(text, 10, 64); err != nil || done.Size < 0 {
			return fault.New(fault.Invalid, "INVALID_REQUEST", "Value for x-amz-mp-object-size header is invalid.")
		}
	}
	for _, p := range ask.Parts {
		done.Parts = append(done.Parts, multipart.Part{Number: p.PartNumber, ETag: strings.Trim(p.ETag, `"`)})
	}
	etag, err := s.uploads.Complete(c.r.Context(), c.session, done)
	if err != nil {
		return err
	}
	document.Write(c.w, http.StatusOK, document.Completed{
		Namespace: document.Namespace(), Location: fmt.Sprintf("%s/storage/v1/s3/%s/%s", c.session.Project.URL, c.bucket, c.key), Bucket: c.bucket, Key: c.key, ETag: quoted(etag)})
	return nil
}

func (s *Service) abortMultipartUpload(c *call) error {
	if err := s.uploads.Abort(c.r.Context(), c.session, c.bucket, c.key, c.uploadID()); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) listMultipartUploads(c *call) error {
	q := c.sig.Query
	most, err := c.number("max-uploads", maxKeys, maxKeys)
	if err != nil {
		return err
	}
	encoding, err := c.encoding()
	if err != nil {
		return err
	}
	prefix, delimiter := q.Get("prefix"), q.Get("delimiter")
	if err := name.Prefix(prefix); err != nil {
		return err
	}
	if _, err := s.d.Buckets.Get(c.r.Context(), c.session.Elevated(), c.bucket); err != nil {
		return err
	}
	out := document.Uploads{
		Namespace: document.Namespace(), Bucket: c.bucket, KeyMarker: document.Encode(q.Get("key-marker"), encoding), UploadIDMarker: q.Get("upload-id-marker"),
		Prefix: document.Encode(prefix, encoding), Delimiter: document.Encode(delimiter, encoding), EncodingType: encoding, MaxUploads: most,
	}
	if err := s.fillUploads(c, &out, prefix, delimiter); err != nil {
		return err
	}
	if !out.IsTruncated {
		out.NextKeyMarker, out.NextUploadIDMarker = "", ""
	}
	document.Write(c.w, http.StatusOK, out)
	return nil
}

// fillUploads lists up to MaxUploads uploads and folders. Each folder begins a new question, for what follows it.
func (s *Service) fillUploads(c *call, out *document.Uploads, prefix, delimiter string) error {
	after, afterID := pastFolder(c.sig.Query.Get("key-marker"), prefix, delimiter), c.sig.Query.Get("upload-id-marker")
	for n, again := 0, out.MaxUploads > 0; again; {
		page, err := s.uploads.List(c.r.Context(), c.session, c.bucket, prefix, after, afterID, out.MaxUploads-n+1)
		if err != nil {
			return err
		}
		again = false
		for _, up := range page {
			if n == out.MaxUploads {
				out.IsTruncated = true
				return nil
			}
			n++
			after, afterID = up.Key, up.ID
			at := strings.Index(up.Key[len(prefix):], delimiter)
			if delimiter == "" || at < 0 {
				out.NextKeyMarker, out.NextUploadIDMarker = document.Encode(up.Key, out.EncodingType), up.ID
				out.Uploads = append(out.Uploads, document.Upload{
					Key: document.Encode(up.Key, out.EncodingType), UploadID: up.ID, Initiator: c.owner(up.Owner), Owner: c.owner(up.Owner),
					StorageClass: "STANDARD", Initiated: document.Time(up.Created)})
				continue
			}
			folder := up.Key[:len(prefix)+at+len(delimiter)]
			out.CommonPrefixes = append(out.CommonPrefixes, document.CommonPrefix{Prefix: document.Encode(folder, out.EncodingType)})
			out.NextKeyMarker, out.NextUploadIDMarker = document.Encode(folder, out.EncodingType), ""
			after, afterID, again = folder+afterFolder, "", true
			break
		}
	}
	return nil
}
