// Package render answers /render/image: images made of files, for those who may read the files.
package render

import (
	"context"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/sign"
	"github.com/wayli-app/fluxbase/internal/fault"
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
	Log     *slog.Logger
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
	return s.send(w, r, session, o, asked, cached(o))
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
	return s.send(w, r, session, o, asked, cached(o))
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
	expires := func(h http.Header) { h.Set("Expires", grant.Expires.UTC().Format(http.TimeFormat)) }
	return s.send(w, r, session, o, asked, expires)
}

func fromQuery(r *http.Request) (job.Asked, error) { return job.Ask("querystring", r.URL.Query().Get) }

func cached(o *object.Object) func(http.Header) {
	return func(h http.Header) {
		control := o.Metadata.CacheControl
		if control == "" || strings.ContainsAny(control, "\r\n") {
			control = "no-cache"
		}
		h.Set("Cache-Control", control)
	}
}

// send answers with the image, or that the client has it.
func (s *Service) send(w http.ResponseWriter, r *http.Request, session *projectdb.Session, o *object.Object, asked job.Asked, lasts func(http.Header)) error {
	if isSVG(o) {
		return s.sendAsIs(w, r, session, o, lasts)
	}
	accept := strings.Join(r.Header.Values("Accept"), ",")
	avif := false
	if asked.Format == "" && job.Accepts(accept, "image/avif") {
		var err error
		if avif, err = s.d.Images.AVIF(r.Context(), session, o.Bucket); err != nil {
			return err
		}
	}
	recipe := asked.Recipe(accept, avif)
	h := w.Header()
	if asked.Format == "" {
		h.Add("Vary", "Accept")
	}
	etag := imaging.ETag(o, recipe)
	if matches(r.Header.Values("If-None-Match"), etag) {
		h.Set("ETag", etag)
		lasts(h)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	made, err := s.d.Images.Get(r.Context(), session, o, recipe)
	if err != nil {
		return err
	}
	defer made.Body.Close()
	h.Set("ETag", etag)
	lasts(h)
	if asked := asked.String(); asked != "" {
		h.Set("X-Transformations", asked)
	}
	h.Set("Content-Type", made.MIME)
	h.Set("Content-Length", strconv.FormatInt(made.Size, 10))
	return s.copy(w, r, o, made.Body, "default-src 'none'; sandbox")
}

// sendAsIs answers with the file itself: an SVG image has no size, and is drawn by its viewer, where it may run nothing.
func (s *Service) sendAsIs(w http.ResponseWriter, r *http.Request, session *projectdb.Session, o *object.Object, lasts func(http.Header)) error {
	if o.Metadata.Size > job.MaxInput {
		return fault.New(fault.Invalid, "INVALID_REQUEST", "The source image file is too large to process")
	}
	h := w.Header()
	if etag := o.Metadata.ETag; etag != "" && matches(r.Header.Values("If-None-Match"), etag) {
		h.Set("ETag", etag)
		lasts(h)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	body, err := s.d.Objects.Open(r.Context(), session, o, 0, -1)
	if err != nil {
		return err
	}
	defer body.Close()
	lasts(h)
	if o.Metadata.ETag != "" {
		h.Set("ETag", o.Metadata.ETag)
	}
	h.Set("Content-Type", "image/svg+xml")
	return s.copy(w, r, o, body, "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox")
}

// copy sends a body. The policy keeps an address that is opened by itself from running anything.
func (s *Service) copy(w http.ResponseWriter, r *http.Request, o *object.Object, body io.Reader, policy string) error {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	if !o.Metadata.LastModified.IsZero() {
		h.Set("Last-Modified", o.Metadata.LastModified.UTC().Format(http.TimeFormat))
	}
	if query := r.URL.Query(); query.Has("download") {
		h.Set("Content-Disposition", attachment(query.Get("download")))
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := io.Copy(w, body); err != nil { // too late for another answer
		s.d.Log.LogAttrs(r.Context(), slog.LevelDebug, "an image was not sent to its end", slog.Any("error", err))
		panic(http.ErrAbortHandler)
	}
	return nil
}

// attachment makes a download of an answer, under another name if there is one.
func attachment(name string) string {
	if name == "" {
		return "attachment;"
	}
	encoded := strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	return "attachment; filename=" + encoded + "; filename*=UTF-8''" + encoded + ";"
}

func isSVG(o *object.Object) bool {
	kind, _, err := mime.ParseMediaType(o.Metadata.MimeType)
	return err == nil && kind == "image/svg+xml"
}

// matches compares entity tags weakly, as If-None-Match wants.
func matches(headers []string, etag string) bool {
	plain := strings.TrimPrefix(etag, "W/")
	for _, header := range headers {
		for one := range strings.SplitSeq(header, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == plain {
				return true
			}
		}
	}
	return false
}
