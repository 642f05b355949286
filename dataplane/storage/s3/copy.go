package s3

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/storage/name"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/document"
	"github.com/wayli-app/fluxbase/internal/fault"
)

func checkKey(key string) error { return name.Object(key) }

// source reads x-amz-copy-source: [/]bucket/key, escaped, with ?versionId=null at most.
func (c *call) source() (bucket, key string, err error) {
	path, query, _ := strings.Cut(c.r.Header.Get("X-Amz-Copy-Source"), "?")
	if query != "" && query != "versionId=null" {
		return "", "", fault.New(fault.NotFound, "NO_SUCH_VERSION", "The specified version does not exist: there are no versions.")
	}
	path, err = url.PathUnescape(path)
	if err != nil {
		return "", "", fault.New(fault.Invalid, "INVALID_ARGUMENT", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	bucket, key, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !ok || strings.HasPrefix(bucket, "arn:") {
		return "", "", fault.New(fault.Invalid, "INVALID_ARGUMENT", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	if err := name.Bucket(bucket); err != nil {
		return "", "", err
	}
	return bucket, key, name.Object(key)
}

// directive reads whether something is copied or replaced.
func (c *call) directive(header string) (replace bool, err error) {
	switch value := c.r.Header.Get(header); value {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	default:
		return false, fault.New(fault.Invalid, "INVALID_ARGUMENT", "Unknown directive %.20q: it is COPY or REPLACE.", value)
	}
}

func (s *Service) copyObject(c *call) error {
	bucket, key, err := c.source()
	if err != nil {
		return err
	}
	replace, err := c.directive("X-Amz-Metadata-Directive")
	if err != nil {
		return err
	}
	retag, err := c.directive("X-Amz-Tagging-Directive")
	if err != nil {
		return err
	}
	if bucket == c.bucket && key == c.key && !replace && !retag {
		return fault.New(fault.Invalid, "INVALID_REQUEST", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	said, err := c.target()
	if err != nil {
		return err
	}
	h := c.r.Header
	ask := object.Copy{
		Bucket: bucket, Name: key, ToBucket: c.bucket, ToName: c.key, Upsert: true, Operation: "storage.s3.object.copy",
		IfModifiedSince: day(h, "X-Amz-Copy-Source-If-Modified-Since"), IfUnmodifiedSince: day(h, "X-Amz-Copy-Source-If-Unmodified-Since"),
		DestinationIfMatch: said.IfMatch, DestinationNone: said.IfNoneMatch,
	}
	if etag := h.Get("X-Amz-Copy-Source-If-Match"); etag != "" {
		ask.IfMatch = quoted(etag)
	}
	if etag := h.Get("X-Amz-Copy-Source-If-None-Match"); etag != "" {
		ask.IfNoneMatch = quoted(etag)
	}
	if replace || retag {
		if ask.Replace, err = s.replacement(c, ask, said, replace, retag); err != nil {
			return err
		}
	}
	o, err := s.d.Objects.Copy(c.r.Context(), c.session, ask)
	if err != nil {
		return err
	}
	document.Write(c.w, http.StatusOK, document.Copied{Namespace: document.Namespace(), LastModified: document.Time(modified(o)), ETag: o.Metadata.ETag})
	return nil
}

// replacement is what the copy says of itself, where the headers say a part of it.
func (s *Service) replacement(c *call, ask object.Copy, said object.Target, replace, retag bool) (*object.Target, error) {
	if replace && retag {
		return &said, nil
	}
	from, err := s.d.Objects.FindFor(c.r.Context(), c.session, ask.Operation, ask.Bucket, ask.Name)
	if err != nil {
		return nil, err
	}
	if replace {
		said.Tags = from.Metadata.Tags
		return &said, nil
	}
	m := from.Metadata
	return &object.Target{
		MimeType: m.MimeType, CacheControl: m.CacheControl, ContentEncoding: m.ContentEncoding, ContentDisposition: m.ContentDisposition,
		ContentLanguage: m.ContentLanguage, Expires: m.Expires, UserMetadata: from.UserMetadata, Tags: said.Tags,
	}, nil
}
