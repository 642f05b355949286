// Package rpc serves the public management API over Connect, gRPC and gRPC-Web. Its handlers decode, call a domain and
// encode; who may call what stands in policy.go.
package rpc

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wayli-app/fluxbase/controlplane/account"
	"github.com/wayli-app/fluxbase/controlplane/apikey"
	"github.com/wayli-app/fluxbase/controlplane/audit"
	"github.com/wayli-app/fluxbase/controlplane/cluster"
	"github.com/wayli-app/fluxbase/controlplane/idempotency"
	"github.com/wayli-app/fluxbase/controlplane/metric"
	"github.com/wayli-app/fluxbase/controlplane/organization"
	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/quota"
	"github.com/wayli-app/fluxbase/controlplane/signingkey"
	"github.com/wayli-app/fluxbase/controlplane/snippet"
	"github.com/wayli-app/fluxbase/internal/fault"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
	"github.com/wayli-app/fluxbase/internal/mail"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// maxBody is the longest request that is read, after decompression.
const maxBody = 1 << 20

// Deps is what the API needs. Inbox may be nil: then there is no InboxService.
type Deps struct {
	Accounts      *account.Service
	Organizations *organization.Service
	Projects      *project.Service
	Measures      *metric.Service
	Changes       *project.Changes
	Keys          *apikey.Service
	SigningKeys   *signingkey.Service
	Snippets      *snippet.Service
	Plans         *quota.Plans
	Audit         *audit.Log
	Repeats       *idempotency.Keys
	Clusters      *cluster.Service
	Inbox         mail.Inbox
	Sealer        *seal.Sealer
	Log           *slog.Logger
	Metrics       prometheus.Registerer
	// Tracing is the interceptor that makes spans; nil for none.
	Tracing connect.Interceptor
	// PublicURL is the console's address: the one foreign origin that browsers may call from.
	PublicURL string
	// RequestsPerSecond and StreamsPerAccount bound what one account asks of this process; zero is no limit.
	RequestsPerSecond, StreamsPerAccount int
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []string
}

// API is the management API.
type API struct {
	http.Handler
	paths []string
}

// Paths returns the prefixes under which the API is mounted.
func (a *API) Paths() []string { return a.paths }

// server holds what the handlers of all services use.
type server struct {
	Deps
	pages pager
}

// New makes the API.
func New(d Deps) (*API, error) {
	if d.Accounts == nil || d.Organizations == nil || d.Projects == nil || d.Measures == nil || d.Changes == nil || d.Keys == nil || d.SigningKeys == nil || d.Snippets == nil || d.Plans == nil ||
		d.Audit == nil || d.Repeats == nil || d.Clusters == nil || d.Sealer == nil || d.Log == nil || d.Metrics == nil {
		return nil, errors.New("rpc: a dependency is missing")
	}
	validator, err := protovalidate.New()
	if err != nil {
		return nil, err
	}
	counter, err := newCounter(d.Metrics)
	if err != nil {
		return nil, err
	}
	edge, err := newEdge(d.PublicURL, d.TrustedProxies)
	if err != nil {
		return nil, err
	}
	gate := &gate{accounts: d.Accounts, organizations: d.Organizations, validator: validator, limits: newLimits(d.RequestsPerSecond, d.StreamsPerAccount), platform: d.Projects.PlatformID}
	interceptors := []connect.Interceptor{counter, liner{d.Log}, translator{d.Log}, gate}
	if d.Tracing != nil {
		interceptors = append([]connect.Interceptor{d.Tracing}, interceptors...)
	}
	options := []connect.HandlerOption{
		connect.WithReadMaxBytes(maxBody), connect.WithInterceptors(interceptors...),
		connect.WithRecover(recovered(d.Log)),
	}
	mux := http.NewServeMux()
	api := &API{}
	mount := func(path string, handler http.Handler) {
		mux.Handle(path, handler)
		api.paths = append(api.paths, path)
	}
	s := &server{Deps: d, pages: pager{d.Sealer}}
	mount(v1.NewAccountServiceHandler(accountService{s}, options...))
	mount(v1.NewAuditServiceHandler(auditService{s}, options...))
	mount(v1.NewClusterServiceHandler(clusterService{s}, options...))
	mount(v1.NewKeyServiceHandler(keyService{s}, options...))
	mount(v1.NewOrganizationServiceHandler(organizationService{s}, options...))
	mount(v1.NewPlanServiceHandler(planService{s}, options...))
	mount(v1.NewProjectServiceHandler(projectService{s}, options...))
	mount(v1.NewSigningKeyServiceHandler(signingKeyService{s}, options...))
	mount(v1.NewSnippetServiceHandler(snippetService{s}, append(slices.Clip(options), connect.WithReadMaxBytes(maxSnippetBody))...))
	if d.Inbox != nil {
		mount(v1.NewInboxServiceHandler(inboxService{s}, options...))
	}
	api.Handler = edge.wrap(mux)
	return api, nil
}

// recovered answers a panic of one request, which must not end the process.
func recovered(log *slog.Logger) func(context.Context, connect.Spec, http.Header, any) error {
	return func(ctx context.Context, spec connect.Spec, _ http.Header, cause any) error {
		meta := requestOf(ctx)
		log.ErrorContext(ctx, "request panicked", "procedure", spec.Procedure, "request_id", meta.id, "panic", cause, "stack", stack())
		return render(fault.From(errors.New("panic")), meta.id)
	}
}

func stamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }

// maybe is stamp of a time that may be missing.
func maybe(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}

// given is the reverse of maybe.
func given(t *timestamppb.Timestamp) (*time.Time, error) {
	if t == nil {
		return nil, nil
	}
	if !t.IsValid() {
		return nil, &fault.Error{Kind: fault.Invalid, Reason: "REQUEST_INVALID", Message: "The expiry is not a time.", Fields: map[string]string{"expire_time": "is not a time"}}
	}
	out := t.AsTime()
	return &out, nil
}
