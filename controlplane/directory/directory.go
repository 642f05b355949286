// Package directory tells the workers what they must know to serve projects, and takes the usage that they count.
package directory

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5/pgxpool"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1/directoryv1connect"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// Deps are what a Directory needs.
type Deps struct {
	Pool   *pgxpool.Pool
	Sealer *seal.Sealer
	// ServiceToken is what workers must show.
	ServiceToken string
	// URL is a project's own address, by ref: config.Config.ProjectBaseURL.
	URL func(ref string) string
	Log *slog.Logger
	// Now is the clock that quotas go by; nil is time.Now.
	Now func() time.Time
	// Heartbeat is how often a watched stream shows life; zero is five seconds.
	Heartbeat time.Duration
}

// Directory is the service fluxbase.directory.v1.
type Directory struct {
	pool      *pgxpool.Pool
	queries   *store.Queries
	sealer    *seal.Sealer
	tokenHash [sha256.Size]byte
	url       func(string) string
	log       *slog.Logger
	now       func() time.Time
	heartbeat time.Duration
	changes   *hub
}

var _ directoryv1connect.DirectoryServiceHandler = (*Directory)(nil)

// New makes a Directory. Watch answers once Run listens.
func New(d Deps) (*Directory, error) {
	if d.ServiceToken == "" {
		return nil, errors.New("directory needs a service token")
	}
	out := &Directory{
		pool: d.Pool, queries: store.New(d.Pool), sealer: d.Sealer, tokenHash: sha256.Sum256([]byte(d.ServiceToken)),
		url: d.URL, log: d.Log, now: d.Now, heartbeat: d.Heartbeat, changes: newHub(),
	}
	if out.now == nil {
		out.now = time.Now
	}
	if out.heartbeat == 0 {
		out.heartbeat = 5 * time.Second
	}
	return out, nil
}

// Handler returns the path at which the service is mounted, and the service. It refuses whoever does not hold the
// service token.
func (d *Directory) Handler() (string, http.Handler) {
	path, service := directoryv1connect.NewDirectoryServiceHandler(d, connect.WithReadMaxBytes(8<<20))
	refuse := connect.NewErrorWriter()
	return path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.authorized(r) {
			service.ServeHTTP(w, r)
			return
		}
		err := connect.NewError(connect.CodeUnauthenticated, errors.New("the service token is missing or wrong"))
		if !refuse.IsSupported(r) {
			http.Error(w, err.Message(), http.StatusUnauthorized)
			return
		}
		if err := refuse.Write(w, r, err); err != nil {
			d.log.DebugContext(r.Context(), "refuse directory caller", "error", err)
		}
	})
}

// authorized compares hashes, so that neither the time nor the length tells anything of the token.
func (d *Directory) authorized(r *http.Request) bool {
	scheme, value, found := strings.Cut(r.Header.Get("Authorization"), " ")
	hash := sha256.Sum256([]byte(value))
	return subtle.ConstantTimeCompare(hash[:], d.tokenHash[:]) == 1 && found && strings.EqualFold(scheme, "Bearer")
}

// Run listens for changes of projects and keeps quotas, until ctx ends. Streams end with it.
func (d *Directory) Run(ctx context.Context) error {
	quotas := make(chan struct{})
	go func() {
		defer close(quotas)
		d.keepQuotas(ctx)
	}()
	d.listen(ctx)
	<-quotas
	return nil
}

// validate checks a request against the rules of its proto.
func validate(m proto.Message) error {
	if err := protovalidate.Validate(m); err != nil {
		return connect.NewError(connect.CodeInvalidArgument, err)
	}
	return nil
}

// failure renders an error for a worker: the fault's public side only.
func (d *Directory) failure(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return connect.NewError(connect.CodeCanceled, ctx.Err())
	}
	f := fault.From(err)
	code := connect.CodeInternal
	switch f.Kind {
	case fault.NotFound:
		return connect.NewError(connect.CodeNotFound, errors.New(f.Message))
	case fault.Invalid:
		return connect.NewError(connect.CodeInvalidArgument, errors.New(f.Message))
	case fault.Unavailable:
		code = connect.CodeUnavailable
	}
	d.log.ErrorContext(ctx, doing, "error", err)
	return connect.NewError(code, fmt.Errorf("%s: %s", doing, f.Message))
}
