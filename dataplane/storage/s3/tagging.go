package s3

import (
	"net/http"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/document"
	"github.com/wayli-app/fluxbase/internal/fault"
)

func (s *Service) getObjectTagging(c *call) error {
	o, err := s.d.Objects.FindFor(c.r.Context(), c.session, "storage.s3.object.get_tagging", c.bucket, c.key)
	if err != nil {
		return err
	}
	document.Write(c.w, http.StatusOK, document.Tagging{Namespace: document.Namespace(), Tags: sortedTags(o.Metadata.Tags)})
	return nil
}

func (s *Service) putObjectTagging(c *call) error {
	body, err := c.sig.Body()
	if err != nil {
		return err
	}
	var ask document.Tagging
	if err := document.Read(body, body.Size, &ask); err != nil {
		return err
	}
	tags, err := checkTags(ask.Tags)
	if err != nil {
		return err
	}
	return s.tag(c, tags, http.StatusOK)
}

func (s *Service) deleteObjectTagging(c *call) error {
	return s.tag(c, map[string]string{}, http.StatusNoContent)
}

func (s *Service) tag(c *call, tags map[string]string, status int) error {
	_, err := s.d.Objects.SetMetadata(c.r.Context(), c.session, c.bucket, c.key, object.Edit{Tags: &tags, Operation: "storage.s3.object.put_tagging"})
	if err != nil {
		return err
	}
	c.w.WriteHeader(status)
	return nil
}

func (s *Service) getObjectACL(c *call) error {
	o, err := s.d.Objects.FindFor(c.r.Context(), c.session, "storage.s3.object.info", c.bucket, c.key)
	if err != nil {
		return err
	}
	document.Write(c.w, http.StatusOK, document.FullControl(c.owner(o.OwnerID)))
	return nil
}

func (s *Service) getObjectAttributes(c *call) error {
	asked := strings.Split(strings.Join(c.r.Header.Values("X-Amz-Object-Attributes"), ","), ",")
	o, err := s.d.Objects.FindFor(c.r.Context(), c.session, "storage.s3.object.info", c.bucket, c.key)
	if err != nil {
		return err
	}
	out := document.Attributes{Namespace: document.Namespace()}
	for _, attribute := range asked {
		switch strings.TrimSpace(attribute) {
		case "ETag":
			out.ETag = strings.Trim(o.Metadata.ETag, `"`)
		case "StorageClass":
			out.StorageClass = "STANDARD"
		case "ObjectSize":
			out.ObjectSize = &o.Metadata.Size
		case "ObjectParts":
			if n := partCount(o.Metadata.ETag); n > 0 {
				out.ObjectParts = &document.PartCount{Count: n}
			}
		case "Checksum": // none is kept
		default:
			return fault.New(fault.Invalid, "INVALID_ARGUMENT", "Invalid attribute name specified.")
		}
	}
	c.w.Header().Set("Last-Modified", modified(o).UTC().Format(http.TimeFormat))
	document.Write(c.w, http.StatusOK, out)
	return nil
}
