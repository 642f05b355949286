// Package native answers Supabase Storage's own protocol: /bucket, /object, /cdn and what tells that the service is there. It decodes, calls and encodes;
// what may be done is decided by the domains and the project's policies.
package native

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/bucket"
	"github.com/wayli-app/fluxbase/dataplane/storage/name"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
)

// Purger has a cache in front of a project forget what it holds; package event does. Name is "" for a whole bucket, bucket is "" for everything.
type Purger interface {
	Purge(ctx context.Context, session *projectdb.Session, bucket, name string, transformations bool) error
}

// Deps are what a Service needs.
type Deps struct {
	Objects *object.Service
	Buckets *bucket.Service
	Purger  Purger
	// Transform reads what an image is to be made into, as parameters of a URL, and returns it in the one form that signed URLs carry. It may be nil:
	// then images are not transformed.
	Transform func(options url.Values) (string, error)
	// Version is told by /version.
	Version string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Service answers the protocol. It keeps nothing of projects.
type Service struct{ Deps }

// New makes a Service.
func New(d Deps) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{d}
}

// Routes adds the routes.
func (s *Service) Routes(rt *protocol.Router) {
	for _, route := range []struct {
		method, pattern string
		handler         protocol.Handler
	}{
		{http.MethodGet, "/bucket", s.listBuckets},
		{http.MethodPost, "/bucket", s.createBucket},
		{http.MethodGet, "/bucket/{bucket}", s.getBucket},
		{http.MethodPut, "/bucket/{bucket}", s.updateBucket},
		{http.MethodDelete, "/bucket/{bucket}", s.deleteBucket},
		{http.MethodPost, "/bucket/{bucket}/empty", s.emptyBucket},

		{http.MethodPost, "/object/{bucket}/*", s.upload},
		{http.MethodPut, "/object/{bucket}/*", s.update},
		{http.MethodGet, "/object/{bucket}/*", s.download},
		{http.MethodHead, "/object/{bucket}/*", s.download},
		{http.MethodGet, "/object/authenticated/{bucket}/*", s.download},
		{http.MethodHead, "/object/authenticated/{bucket}/*", s.download},
		{http.MethodGet, "/object/public/{bucket}/*", s.downloadPublic},
		{http.MethodHead, "/object/public/{bucket}/*", s.downloadPublic},
		{http.MethodGet, "/object/info/{bucket}/*", s.info},
		{http.MethodGet, "/object/info/authenticated/{bucket}/*", s.info},
		{http.MethodGet, "/object/info/public/{bucket}/*", s.infoPublic},
		{http.MethodDelete, "/object/{bucket}/*", s.deleteOne},
		{http.MethodDelete, "/object/{bucket}", s.deleteMany},
		{http.MethodPost, "/object/copy", s.copy},
		{http.MethodPost, "/object/move", s.move},
		{http.MethodPost, "/object/list/{bucket}", s.list},
		{http.MethodPost, "/object/list-v2/{bucket}", s.listV2},
		{http.MethodPost, "/object/sign/{bucket}/*", s.sign},
		{http.MethodPost, "/object/sign/{bucket}", s.signMany},
		{http.MethodGet, "/object/sign/{bucket}/*", s.downloadSigned},
		{http.MethodHead, "/object/sign/{bucket}/*", s.downloadSigned},
		{http.MethodPost, "/object/upload/sign/{bucket}/*", s.signUpload},
		{http.MethodPut, "/object/upload/sign/{bucket}/*", s.uploadSigned},

		{http.MethodDelete, "/cdn", s.purge},
		{http.MethodDelete, "/cdn/{bucket}", s.purge},
		{http.MethodDelete, "/cdn/{bucket}/*", s.purge},
		{http.MethodGet, "/status", s.status},
		{http.MethodGet, "/health", s.health},
		{http.MethodGet, "/version", s.version},
	} {
		rt.Handle(route.method, route.pattern, route.handler)
	}
}

// told is an answer that says no more than that it was done.
type told struct {
	Message string `json:"message"`
}

// done answers so.
func done(w http.ResponseWriter, message string) error {
	protocol.WriteJSON(w, http.StatusOK, told{message})
	return nil
}

// purge has caches forget a file, a bucket or everything.
func (s *Service) purge(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	only, err := flag(r.URL.Query(), "transformations")
	if err != nil {
		return err
	}
	bucket, object := r.PathValue("bucket"), r.PathValue(protocol.Rest)
	if bucket != "" {
		err = name.Bucket(bucket)
	}
	if object != "" {
		err = errors.Join(err, name.Object(object))
	}
	if err != nil {
		return err
	}
	if err := s.Purger.Purge(r.Context(), session, bucket, object, only); err != nil {
		return err
	}
	return done(w, "success")
}

// status tells that the service answers. It does not ask the database: a worker's own readiness is /readyz.
func (s *Service) status(w http.ResponseWriter, _ *http.Request, _ *projectdb.Session) error {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) health(w http.ResponseWriter, _ *http.Request, _ *projectdb.Session) error {
	protocol.WriteJSON(w, http.StatusOK, struct {
		Healthy bool `json:"healthy"`
	}{true})
	return nil
}

func (s *Service) version(w http.ResponseWriter, _ *http.Request, _ *projectdb.Session) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(s.Version))
	return nil
}
