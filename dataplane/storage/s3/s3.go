// Package s3 speaks the S3 protocol at /storage/v1/s3, path style, over the same files as Supabase's own: with access keys of the project as the
// service role, and with users' tokens as the user.
package s3

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
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
	Uploads *multipart.Uploads
	Keys    *accesskey.Store
	Tokens  Tokens
	Binder  Binder
	// Region is what GetBucketLocation tells; "" is us-east-1. Requests may be signed for any.
	Region string
	Log    *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Service answers requests whose path has lost the prefix /storage/v1, and begins with Prefix.
type Service struct{ d Deps }

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
	return &Service{d}
}

// Routes adds the routes by which access keys are managed, in Supabase's dialect.
func (s *Service) Routes(rt *protocol.Router) { s.d.Keys.Routes(rt) }

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
	if f := protocol.FromPostgres(err); f.Kind == fault.Internal {
		s.d.Log.LogAttrs(r.Context(), slog.LevelError, "S3 request failed", slog.String("project", c.session.Project.Ref),
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
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
	if c.session, err = s.authenticate(c); err != nil {
		return err
	}
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

// authenticate finds out who signed. A signature proves a secret of this project; with a session token the secret is the anon key, which is public,
// and the token proves the user.
func (s *Service) authenticate(c *call) (*projectdb.Session, error) {
	p, ctx := c.session.Project, c.r.Context()
	if c.sig.AccessKey == p.Ref {
		if c.sig.Token == "" {
			return nil, fault.New(fault.Denied, "ACCESS_DENIED", "The project's ref is an access key together with a session token only: the user's access token.")
		}
		if err := c.sig.Verify(p.AnonKey); err != nil {
			return nil, err
		}
		caller, err := s.d.Tokens.Caller(ctx, p, c.sig.Token)
		if err != nil {
			return nil, err
		}
		return s.d.Binder.Bind(p, caller), nil
	}
	if c.sig.Token != "" {
		return nil, fault.New(fault.Denied, "INVALID_ACCESS_KEY_ID", "With a session token the access key is the project's ref, and the secret its anon key.")
	}
	secret, err := s.d.Keys.Secret(ctx, c.session, c.sig.AccessKey)
	if err != nil {
		return nil, err
	}
	if err := c.sig.Verify(secret); err != nil {
		return nil, err
	}
	s.d.Keys.Used(ctx, c.session, c.sig.AccessKey)
	return s.d.Binder.Bind(p, projectdb.Caller{Role: "service_role", Claims: claimsService}), nil
}
