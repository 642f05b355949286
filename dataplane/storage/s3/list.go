package s3

import (
	"net/http"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/document"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// maxKeys is how many entries one answer lists.
const maxKeys = 1000

// afterFolder sorts after all that is in a folder.
const afterFolder = "\U0010ffff"

// encoding is the encoding-type that a listing is asked for.
func (c *call) encoding() (string, error) {
	switch kind := c.sig.Query.Get("encoding-type"); kind {
	case "", "url":
		return kind, nil
	}
	return "", fault.New(fault.Invalid, "INVALID_ARGUMENT", "Invalid Encoding Method specified in Request")
}

func (s *Service) listObjects(c *call) error {
	q := c.sig.Query
	second := q.Get("list-type") == "2"
	if q.Has("list-type") && !second {
		return fault.New(fault.Invalid, "INVALID_ARGUMENT", "The list-type must be 2, or left out.")
	}
	most, err := c.number("max-keys", maxKeys, maxKeys)
	if err != nil {
		return err
	}
	encoding, err := c.encoding()
	if err != nil {
		return err
	}
	ask := object.ListQuery{Bucket: c.bucket, Prefix: q.Get("prefix"), Delimiter: q.Get("delimiter"), Limit: max(most, 1), Operation: "storage.s3.object.list"}
	start := q.Get("marker")
	if second {
		if start, ask.Cursor = q.Get("start-after"), q.Get("continuation-token"); ask.Cursor == "" && q.Has("continuation-token") {
			return errToken()
		}
	}
	if ask.Cursor == "" {
		ask.After = pastFolder(start, ask.Prefix, ask.Delimiter)
	}
	page, err := s.d.Objects.List(c.r.Context(), c.session, ask)
	if err != nil {
		return err
	}
	if len(page.Entries) == 0 && ask.Cursor == "" { // a bucket that is not there, or one of which nothing may be seen
		if _, err := s.d.Buckets.Get(c.r.Context(), c.session.Elevated(), c.bucket); err != nil {
			return err
		}
	}
	if most == 0 {
		page = &object.Page{}
	}
	out := document.List{
		Namespace: document.Namespace(), Name: c.bucket, Prefix: document.Encode(ask.Prefix, encoding), MaxKeys: most,
		Delimiter: document.Encode(ask.Delimiter, encoding), EncodingType: encoding, IsTruncated: page.Next != "",
	}
	c.fill(&out, page, encoding, !second || q.Get("fetch-owner") == "true")
	if second {
		count := len(page.Entries)
		out.KeyCount, out.StartAfter, out.ContinuationToken, out.NextContinuationToken = &count, document.Encode(start, encoding), ask.Cursor, page.Next
	} else {
		marker := document.Encode(start, encoding)
		out.Marker = &marker
		if page.Next != "" {
			out.NextMarker = document.Encode(page.Entries[len(page.Entries)-1].Name(), encoding)
		}
	}
	document.Write(c.w, http.StatusOK, out)
	return nil
}

// pastFolder is the name after which a listing goes on that had ended with a folder: not within it.
func pastFolder(start, prefix, delimiter string) string {
	rest, below := strings.CutPrefix(start, prefix)
	if at := strings.Index(rest, delimiter); delimiter != "" && below && at >= 0 && at == len(rest)-len(delimiter) {
		return start + afterFolder
	}
	return start
}

func (c *call) fill(out *document.List, page *object.Page, encoding string, owners bool) {
	for _, e := range page.Entries {
		if e.Object == nil {
			out.CommonPrefixes = append(out.CommonPrefixes, document.CommonPrefix{Prefix: document.Encode(e.Folder, encoding)})
			continue
		}
		content := document.Content{
			Key: document.Encode(e.Object.Name, encoding), LastModified: document.Time(modified(e.Object)), ETag: e.Object.Metadata.ETag,
			Size: e.Object.Metadata.Size, StorageClass: "STANDARD",
		}
		if owners {
			owner := c.owner(e.Object.OwnerID)
			content.Owner = &owner
		}
		out.Contents = append(out.Contents, content)
	}
}

// modified is when an object's bytes came.
func modified(o *object.Object) time.Time {
	if o.Metadata.LastModified.IsZero() {
		return o.Updated
	}
	return o.Metadata.LastModified
}
