package s3

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/storage/bucket"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/document"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// maxBuckets is how many buckets one answer lists.
const maxBuckets = 10_000

// owner is whose things are that belong to no user.
func (c *call) owner(subject string) document.Owner {
	if subject == "" {
		subject = c.session.Project.Ref
	}
	return document.Owner{ID: subject, DisplayName: subject}
}

// number reads a parameter that is one, or is not there.
func (c *call) number(parameter string, otherwise, most int) (int, error) {
	text := c.sig.Query.Get(parameter)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0, fault.New(fault.Invalid, "INVALID_ARGUMENT", "Argument %s must be an integer between 0 and 2147483647", parameter)
	}
	return min(int(n), most), nil
}

func (s *Service) listBuckets(c *call) error {
	most, err := c.number("max-buckets", maxBuckets, maxBuckets)
	if err != nil {
		return err
	}
	most = max(most, 1)
	offset := int64(0)
	if token := c.sig.Query.Get("continuation-token"); token != "" {
		text, err := base64.RawURLEncoding.DecodeString(token)
		if err == nil {
			offset, err = strconv.ParseInt(string(text), 10, 32)
		}
		if err != nil || offset < 0 {
			return errToken()
		}
	}
	found, err := s.d.Buckets.List(c.r.Context(), c.session, bucket.Query{Limit: int64(most), Offset: offset})
	if err != nil {
		return err
	}
	out := document.Buckets{Namespace: document.Namespace(), Owner: c.owner(c.session.Caller.Subject), Prefix: c.sig.Query.Get("prefix")}
	for _, b := range found {
		if strings.HasPrefix(b.ID, out.Prefix) {
			out.Buckets = append(out.Buckets, document.Bucket{Name: b.ID, CreationDate: document.Time(b.Created)})
		}
	}
	if len(found) == most {
		out.ContinuationToken = base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(offset+int64(most), 10)))
	}
	document.Write(c.w, http.StatusOK, out)
	return nil
}

func errToken() error {
	return fault.New(fault.Invalid, "INVALID_ARGUMENT", "The continuation token provided is incorrect")
}

func (s *Service) createBucket(c *call) error {
	body, err := c.sig.Body()
	if err != nil {
		return err
	}
	if body.Size > 0 { // where the bucket is to be, which is decided already
		var constraint struct {
			Location string `xml:"LocationConstraint"`
		}
		if err := document.Read(body, body.Size, &constraint); err != nil {
			return err
		}
	}
	err = s.d.Buckets.Create(c.r.Context(), c.session, bucket.Bucket{ID: c.bucket})
	if fault.From(err) != nil && fault.From(err).Kind == fault.Exists {
		if _, seen := s.d.Buckets.Get(c.r.Context(), c.session, c.bucket); seen == nil {
			return fault.Wrap(err, fault.Exists, "BUCKET_ALREADY_OWNED_BY_YOU", "Your previous request to create the named bucket succeeded and you already own it.")
		}
	}
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", "/"+c.bucket)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) headBucket(c *call) error {
	if _, err := s.d.Buckets.Get(c.r.Context(), c.session, c.bucket); err != nil {
		return err
	}
	c.w.Header().Set("X-Amz-Bucket-Region", s.d.Region)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) deleteBucket(c *call) error {
	if err := s.d.Buckets.Delete(c.r.Context(), c.session, c.bucket); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// tellBucket answers of a bucket that the caller sees.
func (s *Service) tellBucket(c *call, answer any) error {
	if _, err := s.d.Buckets.Get(c.r.Context(), c.session, c.bucket); err != nil {
		return err
	}
	document.Write(c.w, http.StatusOK, answer)
	return nil
}

func (s *Service) getBucketLocation(c *call) error {
	region := s.d.Region
	if region == "us-east-1" { // as S3 has it
		region = ""
	}
	return s.tellBucket(c, document.Location{Namespace: document.Namespace(), Region: region})
}

func (s *Service) getBucketVersioning(c *call) error {
	return s.tellBucket(c, document.Versioning{Namespace: document.Namespace()})
}

func (s *Service) getBucketACL(c *call) error {
	return s.tellBucket(c, document.FullControl(c.owner("")))
}
