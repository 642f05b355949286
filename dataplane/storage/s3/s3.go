// Package s3 speaks the S3 protocol at /storage/v1/s3, path style, over the same files as Supabase's own: with access keys of the project as the
// service role, and with users' tokens as the user.
package s3

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/bucket"
	"github.com/wayli-app/fluxbase/dataplane/storage/name"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/accesskey"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/document"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/multipart"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/sigv4"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Tokens judges users' tokens as the gateway does: by signature, times, role and revocation.
type Tokens interface {
	// Caller is whose a token is, or why it is refused.
	Caller(ctx context.Context, p *directory.Project, token string) (projectdb.Caller, error)
}

// Binder makes sessions; projectdb.Door does.
type Binder interface {
	Bind(p *directory.Project, c projectdb.Caller) *projectdb.Session
}

// Deps are what a Service needs.
type Deps struct {
	Objects *object.Service
	Buckets *bucket.Service
	Blobs   *blob.Store
	Queue   *outbox.Queue
	Sealer  Sealer
	Tokens  Tokens
	Binder  Binder
	// Region is what GetBucketLocation tells; "" is us-east-1. Requests may be signed for any.
	Region string
	Log    *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Sealer seals the secrets of access keys, and the state of uploads in parts; seal.Sealer does.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
}

// Service answers requests whose path has lost the prefix /storage/v1, and begins with Prefix.
type Service struct {
	d       Deps
	keys    *accesskey.Store
	uploads *multipart.Uploads
}

var _ http.Handler = (*Service)(nil)

// Prefix begins the paths of the protocol.
const Prefix = "/s3"

// New makes a Service.
func New(d Deps) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Region == "" {
		d.Region = "us-east-1"
	}
	return &Service{
		d:       d,
		keys:    accesskey.New(accesskey.Deps{Sealer: d.Sealer, Log: d.Log, Now: d.Now}),
		uploads: multipart.New(multipart.Deps{Objects: d.Objects, Blobs: d.Blobs, Queue: d.Queue, Sealer: d.Sealer, Log: d.Log, Now: d.Now}),
	}
}

// Routes adds the protocol's paths, and the routes by which access keys are managed.
func (s *Service) Routes(rt *protocol.Router) {
	serve := func(w http.ResponseWriter, r *http.Request, _ *projectdb.Session) error {
		s.ServeHTTP(w, r) // errors are told in S3's dialect
		return nil
	}
	rt.Handle(http.MethodGet, Prefix, serve)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete} {
		rt.Handle(method, Prefix+"/*", serve)
	}
	s.keys.Routes(rt)
}

// Expire ends an upload in parts whose time is up: an outbox's item of the kind multipart.KindExpired.
func (s *Service) Expire(ctx context.Context, session *projectdb.Session, id string) error {
	return s.uploads.Expire(ctx, session, id)
}

// call is one request.
type call struct {
	w       http.ResponseWriter
	r       *http.Request
	session *projectdb.Session
	sig     *sigv4.Signature
	// bucket and key are what the path names, or "".
	bucket, key string
}

// ServeHTTP answers a request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{w: w, r: r, session: projectdb.FromContext(r.Context())}
	w.Header().Set("X-Amz-Request-Id", r.Header.Get("X-Request-Id"))
	err := s.serve(c)
	if err == nil {
		return
	}
	document.WriteError(w, r, c.session, err)
	switch f := protocol.FromPostgres(err); f.Kind {
	case fault.Internal, fault.Unavailable:
		s.d.Log.LogAttrs(r.Context(), slog.LevelError, "S3 request failed", slog.String("project", c.session.Project.Ref),
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	drain(w, r)
}

// A refused body is read on for so long and so far, when it is not larger.
const (
	maxDrained = 16 << 20
	drainTime  = 10 * time.Second
)

// drain reads what is left of a refused request's body: a client that is still sending would see a broken connection, and not why. One that waits for
// leave to send has its answer before.
func drain(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 || r.ContentLength > maxDrained {
		return
	}
	to := http.NewResponseController(w)
	if to.Flush() == nil && to.SetReadDeadline(time.Now().Add(drainTime)) == nil {
		_, _ = io.CopyN(io.Discard, r.Body, maxDrained)
	}
}

func (s *Service) serve(c *call) (err error) {
	if !setting.Get[bool](c.session.Project.Settings, "storage.s3_enabled") {
		return fault.New(fault.Denied, "FEATURE_NOT_ENABLED", "The S3 protocol is turned off for this project: set storage.s3_enabled.")
	}
	if c.sig, err = sigv4.Parse(c.r, s.d.Now()); err != nil {
		return err
	}
	// What was signed is what is done: the gateway has cut a prefix off the path, and nothing else.
	if !strings.HasSuffix(c.sig.Path, c.r.URL.Path) {
		return sigv4.ErrMismatch
	}
	session, key, err := s.authenticate(c)
	if err != nil {
		return err
	}
	c.session = session
	witness(c.w, session.Caller.Role, key)
	rest, ok := strings.CutPrefix(c.r.URL.Path, Prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return fault.New(fault.NotFound, "ROUTE_NOT_FOUND", "There is nothing at this path.")
	}
	c.bucket, c.key, _ = strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	if c.bucket != "" {
		if err := name.Bucket(c.bucket); err != nil {
			return err
		}
	}
	if c.key != "" {
		if err := name.Object(c.key); err != nil {
			return err
		}
	}
	op, err := c.operation()
	if err != nil {
		return err
	}
	if err := c.promises(); err != nil {
		return err
	}
	return op.serve(s, c)
}

// claimsService are the claims of whoever shows an access key.
var claimsService = json.RawMessage(`{"role":"service_role"}`)

// witness tells the gateway as what a request is done, for its log.
func witness(w http.ResponseWriter, role, key string) {
	if to, ok := w.(interface{ ActsAs(role, key string) }); ok {
		to.ActsAs(role, key)
	}
}

// authenticate finds out who signed, and by which access key. A signature proves a secret of this project; with a session token the secret is the anon
// key, which is public, and the token proves the user.
func (s *Service) authenticate(c *call) (session *projectdb.Session, key string, err error) {
	p, ctx := c.session.Project, c.r.Context()
	if c.sig.AccessKey == p.Ref {
		if c.sig.Token == "" {
			return nil, "", fault.New(fault.Denied, "ACCESS_DENIED", "The project's ref is an access key together with a session token only: the user's access token.")
		}
		if err := c.sig.Verify(p.AnonKey); err != nil {
			return nil, "", err
		}
		caller, err := s.d.Tokens.Caller(ctx, p, c.sig.Token)
		if err != nil {
			return nil, "", err
		}
		return s.d.Binder.Bind(p, caller), "", nil
	}
	if c.sig.Token != "" {
		return nil, "", fault.New(fault.Denied, "INVALID_ACCESS_KEY_ID", "With a session token the access key is the project's ref, and the secret its anon key.")
	}
	secret, err := s.keys.Secret(ctx, c.session, c.sig.AccessKey)
	if err != nil {
		return nil, "", err
	}
	if err := c.sig.Verify(secret); err != nil {
		return nil, "", err
	}
	s.keys.Used(ctx, c.session, c.sig.AccessKey)
	return s.d.Binder.Bind(p, projectdb.Caller{Role: "service_role", Claims: claimsService}), c.sig.AccessKey, nil
}
