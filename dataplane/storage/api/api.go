// Package api is storage's part of /api/v1: buckets, files, signed URLs and archives, in the shape of that API. It does what the other surfaces do by the
// same domains, and only asks and answers otherwise. What it takes and gives is in docs/storage-api.md.
package api

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/storage/bucket"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Deps are what the service needs.
type Deps struct {
	Log     *slog.Logger
	Objects *object.Service
	Buckets *bucket.Service
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// ArchiveFiles and ArchiveBytes bound one archive; zero is 10,000 files and 20 GiB.
	ArchiveFiles int
	ArchiveBytes int64
}

type service struct {
	Deps
	archives turns
}

// New makes the service. Its requests carry a projectdb.Session, and paths without /api/v1/storage.
func New(d Deps) http.Handler {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.ArchiveFiles == 0 {
		d.ArchiveFiles = 10_000
	}
	if d.ArchiveBytes == 0 {
		d.ArchiveBytes = 20 << 30
	}
	s := &service{Deps: d, archives: newTurns(mostArchives, mostArchivesOfOne)}
	rt := protocol.NewRouter(d.Log)
	rt.Fail(s.refuse)
	for _, route := range []struct {
		method, pattern string
		handler         protocol.Handler
		parameters      string
	}{
		{http.MethodGet, "/buckets", s.listBuckets, "limit offset search sort"},
		{http.MethodPost, "/buckets", s.createBucket, ""},
		{http.MethodGet, "/buckets/{bucket}", s.getBucket, ""},
		{http.MethodPatch, "/buckets/{bucket}", s.changeBucket, ""},
		{http.MethodDelete, "/buckets/{bucket}", s.deleteBucket, ""},
		{http.MethodPost, "/buckets/{bucket}/empty", s.emptyBucket, ""},
		{http.MethodGet, "/buckets/{bucket}/objects", s.list, "cursor delimiter limit prefix search sort"},
		{http.MethodDelete, "/buckets/{bucket}/objects", s.deleteMany, ""},
		{http.MethodPut, "/buckets/{bucket}/objects/*", s.upload, ""},
		{http.MethodPost, "/buckets/{bucket}/objects/*", s.upload, ""},
		{http.MethodGet, "/buckets/{bucket}/objects/*", s.download, "download"},
		{http.MethodDelete, "/buckets/{bucket}/objects/*", s.deleteOne, ""},
		{http.MethodGet, "/buckets/{bucket}/metadata/*", s.metadata, ""},
		{http.MethodPatch, "/buckets/{bucket}/metadata/*", s.changeMetadata, ""},
		{http.MethodPost, "/buckets/{bucket}/sign", s.sign, ""},
		{http.MethodPost, "/buckets/{bucket}/sign-upload", s.signUpload, ""},
		{http.MethodPost, "/buckets/{bucket}/archive", s.archive, ""},
		{http.MethodPost, "/copy", s.copy, ""},
		{http.MethodPost, "/move", s.move, ""},
		{http.MethodGet, "/public/{bucket}/*", s.public, anything},
	} {
		rt.Handle(route.method, route.pattern, taking(route.parameters, route.handler))
	}
	return rt
}

// address is the bucket and the object that a path names.
func address(r *http.Request) (bucket, name string) {
	return r.PathValue("bucket"), r.PathValue(protocol.Rest)
}

// outer is the path of the API as the client sees it.
func outer(r *http.Request) string {
	return strings.TrimSuffix(r.Header.Get("X-Forwarded-Prefix"), "/") + "/api/v1/storage"
}

// number reads a parameter, which has a default and bounds.
func number(r *http.Request, name string, value, least, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return value, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fault.New(fault.Invalid, "INVALID_PARAMETER", "%s must be a number from %d to %d.", name, least, most)
	}
	return n, nil
}

// sorting reads "name" or "-name".
func sorting(r *http.Request) (column string, descending bool) {
	return strings.CutPrefix(r.URL.Query().Get("sort"), "-")
}

// next tells of the page that follows, as RFC 8288 has it.
func next(w http.ResponseWriter, r *http.Request, parameter, value string) {
	query := r.URL.Query()
	query.Del("apikey") // not to be copied around
	query.Set(parameter, value)
	w.Header().Set("Link", "<"+outer(r)+r.URL.EscapedPath()+"?"+query.Encode()+`>; rel="next"`)
}

func noContent(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
