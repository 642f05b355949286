package native

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/serve"
	"github.com/wayli-app/fluxbase/dataplane/storage/sign"
)

// finder looks for an object by its names.
type finder func(ctx context.Context, session *projectdb.Session, bucket, name string) (*object.Object, error)

// found looks for an object as the caller, and else for a public one: files of public buckets need no policy to be read by their names.
func (s *Service) found(r *http.Request, session *projectdb.Session, find finder) (o *object.Object, public bool, err error) {
	bucket, name := r.PathValue("bucket"), r.PathValue(protocol.Rest)
	if o, err = find(r.Context(), session, bucket, name); errors.Is(err, protocol.ErrNoSuchKey) {
		if other, publicErr := s.Objects.FindPublic(r.Context(), session, bucket, name); publicErr == nil {
			return other, true, nil
		}
	}
	return o, false, err
}

func (s *Service) download(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	o, public, err := s.found(r, session, s.Objects.Find)
	if err != nil {
		return err
	}
	return s.serve(w, r, session, o, serve.File{Metadata: o.Metadata, Private: !public})
}

func (s *Service) downloadPublic(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	o, err := s.Objects.FindPublic(r.Context(), session, r.PathValue("bucket"), r.PathValue(protocol.Rest))
	if err != nil {
		return err
	}
	return s.serve(w, r, session, o, serve.File{Metadata: o.Metadata})
}

func (s *Service) downloadSigned(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	grant, err := s.opened(r, session, sign.Download)
	if err != nil {
		return err
	}
	o, err := s.Objects.FindFor(r.Context(), session.Elevated(), "storage.object.get_signed", grant.Bucket, grant.Name)
	if err != nil {
		return err
	}
	return s.serve(w, r, session, o, serve.File{Metadata: serve.Until(o.Metadata, grant.Expires, s.Now()), Private: true})
}

// opened opens the token of a signed URL.
func (s *Service) opened(r *http.Request, session *projectdb.Session, use sign.Use) (sign.Grant, error) {
	text := r.URL.Query().Get("token")
	if text == "" {
		return sign.Grant{}, protocol.ErrMissing("token")
	}
	grant, err := sign.Open(session.Project, text, use, s.Now())
	if err != nil {
		return grant, err
	}
	return grant, grant.Names(r.PathValue("bucket"), r.PathValue(protocol.Rest))
}

// maxFileName bounds the name that a download is saved by.
const maxFileName = 1024

func (s *Service) serve(w http.ResponseWriter, r *http.Request, session *projectdb.Session, o *object.Object, f serve.File) error {
	if query := r.URL.Query(); query.Has("download") {
		name := query.Get("download")
		if len(name) > maxFileName {
			return protocol.ErrParameter("querystring/download must not be longer than %d bytes.", maxFileName)
		}
		f.Disposition = serve.Attachment(name)
	}
	f.Open = func(ctx context.Context, from, to int64) (io.ReadCloser, error) {
		return s.Objects.Open(ctx, session, o, from, to)
	}
	return serve.Object(w, r, f)
}

// infoBody is what tells of an object, as clients read it.
type infoBody struct {
	ID           string          `json:"id"`
	Name         string          `json:"name"`
	Version      string          `json:"version"`
	Bucket       string          `json:"bucket_id"`
	Size         int64           `json:"size"`
	ContentType  string          `json:"content_type"`
	CacheControl string          `json:"cache_control"`
	ETag         string          `json:"etag"`
	Metadata     json.RawMessage `json:"metadata"`
	LastModified stamp           `json:"last_modified"`
	Created      stamp           `json:"created_at"`
}

func (s *Service) info(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	o, _, err := s.found(r, session, s.Objects.FindInfo)
	if err != nil {
		return err
	}
	return tell(w, o)
}

func (s *Service) infoPublic(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	o, err := s.Objects.FindPublic(r.Context(), session, r.PathValue("bucket"), r.PathValue(protocol.Rest))
	if err != nil {
		return err
	}
	return tell(w, o)
}

func tell(w http.ResponseWriter, o *object.Object) error {
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	if o.Metadata.ETag != "" {
		h.Set("ETag", o.Metadata.ETag)
	}
	h.Set("Last-Modified", o.Updated.UTC().Format(http.TimeFormat))
	m := o.Metadata
	protocol.WriteJSON(w, http.StatusOK, infoBody{
		o.ID.String(), o.Name, o.Version, o.Bucket, m.Size, m.MimeType, m.CacheControl, m.ETag, o.UserMetadata, stamp(o.Updated), stamp(o.Created),
	})
	return nil
}
