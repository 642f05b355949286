// Package render answers /render/image: images made of files, for those who may read the files.
package render

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/serve"
	"github.com/wayli-app/fluxbase/dataplane/storage/sign"
)

// Objects finds files, as the caller or otherwise.
type Objects interface {
	FindPublic(ctx context.Context, session *projectdb.Session, bucket, name string) (*object.Object, error)
	FindFor(ctx context.Context, session *projectdb.Session, operation, bucket, name string) (*object.Object, error)
	Open(ctx context.Context, session *projectdb.Session, o *object.Object, from, to int64) (io.ReadCloser, error)
}

// Images makes them.
type Images interface {
	Get(ctx context.Context, session *projectdb.Session, o *object.Object, recipe job.Recipe) (*imaging.Rendition, error)
	AVIF(ctx context.Context, session *projectdb.Session, bucket string) (bool, error)
}

// Deps are what a Service needs.
type Deps struct {
	Objects Objects
	Images  Images
	Now     func() time.Time
}

// Service is the surface.
type Service struct{ d Deps }

// New makes a Service.
func New(d Deps) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{d}
}

// Routes adds the routes.
func (s *Service) Routes(rt *protocol.Router) {
	rt.Handle(http.MethodGet, "/render/image/public/{bucket}/*", s.public)
	rt.Handle(http.MethodGet, "/render/image/authenticated/{bucket}/*", s.authenticated)
	rt.Handle(http.MethodGet, "/render/image/sign/{bucket}/*", s.signed)
}

func (s *Service) public(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	asked, err := fromQuery(r)
	if err != nil {
		return err
	}
	o, err := s.d.Objects.FindPublic(r.Context(), session, r.PathValue("bucket"), r.PathValue(protocol.Rest))
	if err != nil {
		return err
	}
	return s.send(w, r, session, o, asked, serve.File{Metadata: o.Metadata})
}

func (s *Service) authenticated(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	asked, err := fromQuery(r)
	if err != nil {
		return err
	}
	o, err := s.d.Objects.FindFor(r.Context(), session, "storage.render.image_authenticated", r.PathValue("bucket"), r.PathValue(protocol.Rest))
	if err != nil {
		return err
	}
	return s.send(w, r, session, o, asked, serve.File{Metadata: o.Metadata, Private: true})
}

// signed answers with what the token says, whatever else the address asks for.
func (s *Service) signed(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	token := r.URL.Query().Get("token")
	if token == "" {
		return protocol.ErrMissing("token")
	}
	grant, err := sign.Open(session.Project, token, sign.Render, s.d.Now())
	if err != nil {
		return err
	}
	if err := grant.Names(r.PathValue("bucket"), r.PathValue(protocol.Rest)); err != nil {
		return err
	}
	asked, err := job.Parse(grant.Transform)
	if err != nil {
		return err
	}
	o, err := s.d.Objects.FindFor(r.Context(), session.Elevated(), "storage.render.image_sign", grant.Bucket, grant.Name)
	if err != nil {
		return err
	}
	return s.send(w, r, session, o, asked, serve.File{Metadata: serve.Until(o.Metadata, grant.Expires, s.d.Now()), Private: true})
}

func fromQuery(r *http.Request) (job.Asked, error) { return job.Ask("querystring", r.URL.Query().Get) }

// maxFileName bounds the name that a download is saved by.
const maxFileName = 1024

// send answers with the image, or that the client has it.
func (s *Service) send(w http.ResponseWriter, r *http.Request, session *projectdb.Session, o *object.Object, asked job.Asked, f serve.File) error {
	if query := r.URL.Query(); query.Has("download") {
		name := query.Get("download")
		if len(name) > maxFileName {
			return protocol.ErrParameter("querystring/download must not be longer than %d bytes.", maxFileName)
		}
		f.Disposition = serve.Attachment(name)
	}
	if isSVG(o) { // it has no size, and is drawn by its viewer
		return s.sendAsIs(w, r, session, o, f)
	}
	recipe, err := s.recipe(r, session, o, asked)
	if err != nil {
		return err
	}
	if asked.Format == "" {
		w.Header().Add("Vary", "Accept")
	}
	// What is made is described by the recipe, not by what its source says of itself.
	f.Metadata.ContentEncoding, f.Metadata.ContentDisposition = "", ""
	f.Metadata.ETag = imaging.ETag(o, recipe)
	if serve.Unchanged(r, f.Metadata) { // nothing needs to be made
		return serve.Object(w, r, f)
	}
	made, err := s.d.Images.Get(r.Context(), session, o, recipe)
	if err != nil {
		return err
	}
	defer made.Body.Close()
	f.Metadata.MimeType, f.Metadata.Size = made.MIME, made.Size
	f.Open = func(_ context.Context, from, _ int64) (io.ReadCloser, error) {
		_, err := io.CopyN(io.Discard, made.Body, from)
		return io.NopCloser(made.Body), err
	}
	if text := asked.String(); text != "" {
		w.Header().Set("X-Transformations", text)
	}
	return serve.Object(w, r, f)
}

// recipe decides over the format by what the client shows and the bucket gives.
func (s *Service) recipe(r *http.Request, session *projectdb.Session, o *object.Object, asked job.Asked) (job.Recipe, error) {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if asked.Format != "" || !job.Accepts(accept, "image/avif") {
		return asked.Recipe(accept, false), nil
	}
	avif, err := s.d.Images.AVIF(r.Context(), session, o.Bucket)
	return asked.Recipe(accept, avif), err
}

func (s *Service) sendAsIs(w http.ResponseWriter, r *http.Request, session *projectdb.Session, o *object.Object, f serve.File) error {
	if err := imaging.Check(session, o); err != nil {
		return err
	}
	f.Open = func(ctx context.Context, from, to int64) (io.ReadCloser, error) {
		return s.d.Objects.Open(ctx, session, o, from, to)
	}
	return serve.Object(w, r, f)
}

func isSVG(o *object.Object) bool {
	kind, _, err := mime.ParseMediaType(o.Metadata.MimeType)
	return err == nil && kind == "image/svg+xml"
}
