// Package gateway is the edge of a worker: it finds the project that a request is for, who calls, whether they may go on,
// and hands the request to a service. What it cannot resolve it refuses.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/limit"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/telemetry"
)

// Projects finds projects.
type Projects interface {
	ByRef(ctx context.Context, ref string) (*directory.Project, error)
	ByHost(ctx context.Context, host string) (*directory.Project, error)
	// Holds reports whether a project can be found by its ref, or else its host, without asking the control plane who it is.
	Holds(ref, host string) bool
	// WithKey returns the newest of a project when a key is shown that the given one does not know, or else the given one.
	WithKey(ctx context.Context, p *directory.Project, hash [32]byte) *directory.Project
}

// Limits count requests.
type Limits interface {
	Project(ctx context.Context, ref string, r limit.Rate) limit.Answer
	Key(ctx context.Context, ref, key string, r limit.Rate) limit.Answer
	Address(ctx context.Context, ref string, address netip.Addr, r limit.Rate) limit.Answer
}

// Usage counts what is billed.
type Usage interface {
	Request(project, service string, egress int64, status int, took time.Duration)
	// Refused counts a request of a client's that reached no service.
	Refused(project, service string)
	// Egress counts a part of an answer that goes on; Request is told the rest.
	Egress(project, service string, bytes int64)
	KeyUsed(project, key string)
}

// Binder makes the session that a service works with: projectdb.Door.
type Binder interface {
	Bind(p *directory.Project, c projectdb.Caller) *projectdb.Session
}

// Revocations knows which sessions were ended before their access tokens expire.
type Revocations interface {
	// Revoked reports whether a user's token is refused: that of a session, or every one that was issued to a user by a time. A
	// session or subject that the token does not name is "", a time that it does not name zero. It is asked for each request.
	Revoked(ref, sessionID, subject string, issuedAt time.Time) bool
}

// Service is a service of projects. Its handler sees paths without the prefix.
type Service struct {
	// Name is "rest", "auth", …, as in usage and metrics.
	Name, Prefix string
	Access       Access
	Handler      http.Handler
	// MaxBody bounds request bodies; zero is the gateway's bound.
	MaxBody int64
	// Timeout bounds a request that moves a file; zero is the gateway's. With one, a client that stands still, or trickles, ends after the
	// gateway's all the same.
	Timeout time.Duration
}

// Deps are what a Gateway needs.
type Deps struct {
	Projects Projects
	Limits   Limits
	Usage    Usage
	Binder   Binder
	Services []Service
	// Revocations are asked for each user's token; nil revokes none.
	Revocations Revocations
	Failures    Failures // may be nil
	// Domain is under what projects have their subdomains, WorkerURL the workers' own address.
	Domain, WorkerURL string
	// TrustedProxies are addresses and networks whose X-Forwarded-For is believed.
	TrustedProxies []string
	// MaxBody bounds request bodies; zero is 10 MiB.
	MaxBody int64
	// Timeout bounds a request; zero is a minute.
	Timeout time.Duration
	Log     *slog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Bounds of what comes before a body.
const (
	maxHeaders = 64 << 10
	maxURL     = 32 << 10
)

// How often an address may ask for projects, and for keys, that are not there.
var (
	strangeNames = limit.Rate{PerSecond: 5, Burst: 100}
	strangeKeys  = limit.Rate{PerSecond: 2, Burst: 20}
)

var errTimeout = errors.New("the request took too long")

// Gateway answers the requests of all projects.
type Gateway struct {
	projects Projects
	limits   Limits
	usage    Usage
	binder   Binder
	services []*service
	// revocations and failures may be nil.
	revocations Revocations
	failures    Failures
	router      router
	proxies     proxies
	maxBody     int64
	timeout     time.Duration
	log         *slog.Logger
	now         func() time.Time
	tokens      *tokens
	// strangers counts the addresses that ask for projects that are not there.
	strangers *limit.Local
	// guessers counts those that show keys that are not there.
	guessers *limit.Local
	// transfers are those under way.
	transfers *limit.UnderWay
	// outside counts requests that reached no service.
	outside *service
}

type service struct {
	Service
	metrics serviceMetrics
}

// New makes a Gateway.
func New(d Deps) (*Gateway, error) {
	trusted, err := parseProxies(d.TrustedProxies)
	if err != nil {
		return nil, err
	}
	g := &Gateway{
		projects: d.Projects, limits: d.Limits, usage: d.Usage, binder: d.Binder, revocations: d.Revocations, router: newRouter(d.Domain, d.WorkerURL), proxies: trusted,
		maxBody: d.MaxBody, timeout: d.Timeout, log: d.Log, now: d.Now, tokens: newTokens(), transfers: limit.NewUnderWay(), failures: d.Failures,
	}
	if g.maxBody == 0 {
		g.maxBody = 10 << 20
	}
	if g.timeout == 0 {
		g.timeout = time.Minute
	}
	if g.now == nil {
		g.now = time.Now
	}
	g.strangers, g.guessers = limit.NewLocal(strangeNames, g.now), limit.NewLocal(strangeKeys, g.now)
	m := newMetrics(d.Metrics, g)
	for _, s := range d.Services {
		if s.Name == "" || s.Handler == nil || !strings.HasPrefix(s.Prefix, "/") {
			return nil, fmt.Errorf("service %q at %q is not whole", s.Name, s.Prefix)
		}
		if s.MaxBody == 0 {
			s.MaxBody = g.maxBody
		}
		g.services = append(g.services, &service{s, m.of(s.Name)})
	}
	slices.SortStableFunc(g.services, func(a, b *service) int { return len(b.Prefix) - len(a.Prefix) }) // the longest that fits is meant
	g.outside = &service{metrics: m.of("none")}
	return g, nil
}

// Subdomain reports whether a host is below the domain of projects.
func (g *Gateway) Subdomain(host string) bool {
	return strings.HasSuffix(hostname(host), g.router.domain)
}

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{ResponseWriter: w, g: g, r: r, began: g.now(), service: g.outside, path: r.URL.Path}
	defer x.finish() //nolint:contextcheck // the request holds it
	x.id = requestID(r)
	h := w.Header()
	h["X-Request-Id"] = []string{x.id}
	r.Header["X-Request-Id"] = h["X-Request-Id"]
	x.client, x.direct = g.proxies.client(r)
	cors(h, r)
	if r.ContentLength != 0 { // of refused requests too: the server reads on before the next one
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(g.timeout)) // not every writer has a connection, in tests
	}
	if len(r.RequestURI) > maxURL {
		x.refuse(&errURLTooLong)
		return
	}
	if headerSize(r.Header) > maxHeaders {
		x.refuse(&errHeaderTooLarge)
		return
	}
	if isPreflight(r) {
		preflight(x, r)
		return
	}
	if no := x.resolve(r.Context()); no != nil {
		x.refuse(no)
		return
	}
	if no := x.admit(r.Context()); no != nil {
		x.refuse(no)
		return
	}
	x.serve(r.Context())
}

// secure sets the headers that tell browsers what an answer may do. Project content that a browser opens as a page may do
// nothing there: in `fluxbase dev` it shares the console's origin. JSON does nothing anyway, as long as it is taken for JSON; nor does a passive
// file, which may be seen where the origin is the project's own.
func (x *exchange) secure(h http.Header, status int) {
	h["X-Content-Type-Options"] = nosniff
	if status == http.StatusNotModified { // what was said of the file itself stays
		delete(h, "Content-Security-Policy")
		return
	}
	kind := h["Content-Type"]
	if len(kind) == 1 && isJSON(kind[0]) {
		return
	}
	h["Referrer-Policy"] = noReferrer
	h["Cross-Origin-Resource-Policy"] = crossOrigin
	if x.served && x.prefix == "" && len(kind) == 1 && isPassive(kind[0]) {
		delete(h, "Content-Security-Policy")
		return
	}
	h["Content-Security-Policy"] = sandbox
}

// isJSON reports whether browsers take a Content-Type for JSON: of a list of types, which a project can set, they take the last.
func isJSON(kind string) bool {
	rest, ok := strings.CutPrefix(kind, "application/json")
	return ok && (rest == "" || rest[0] == ';' && !strings.Contains(rest, ","))
}

// hostwide are headers of an answer by which browsers keep something for the whole host, and which a project may set.
var hostwide = []string{"Set-Cookie", "Clear-Site-Data", "Strict-Transport-Security", "Alt-Svc", "Nel", "Report-To", "Reporting-Endpoints"}

// contain takes out of an answer what would reach beyond the project: into the host that projects, and the console, share by path; or
// from a project's subdomain into those of others.
func (x *exchange) contain(h http.Header) {
	switch {
	case x.prefix != "":
		for _, name := range hostwide {
			delete(h, name)
		}
	case (h["Set-Cookie"] != nil || h["Clear-Site-Data"] != nil) && x.g.Subdomain(x.r.Host):
		delete(h, "Clear-Site-Data")
		h["Set-Cookie"] = slices.DeleteFunc(slices.Clone(h["Set-Cookie"]), func(cookie string) bool {
			return strings.Contains(strings.ToLower(cookie), "domain")
		})
	}
	h["X-Request-Id"] = x.r.Header["X-Request-Id"]
}

// Shared between answers: Set replaces them, nothing appends to them.
var (
	nosniff     = []string{"nosniff"}
	noReferrer  = []string{"no-referrer"}
	sandbox     = []string{"default-src 'none'; frame-ancestors 'none'; sandbox"}
	crossOrigin = []string{"cross-origin"}
)

// resolve finds the project and the service.
func (x *exchange) resolve(ctx context.Context) *refusal {
	g, r := x.g, x.r
	t := g.router.route(r.Host, r.URL.Path)
	strange := t.ref != noRef && (t.ref != "" || t.host != "") // a name that the directory may have to ask for
	if wait := g.strangers.Wait(x.client); wait > 0 && strange && !g.projects.Holds(t.ref, t.host) {
		no := errStrangeNames
		no.retryAfter = wait
		return &no
	}
	var err error
	switch {
	case t.ref != "":
		x.ref = t.ref
		x.project, err = g.projects.ByRef(ctx, t.ref)
	case t.host != "":
		x.project, err = g.projects.ByHost(ctx, t.host)
	case x.lost():
		return x.s3PathStyle()
	default:
		return &errNotFound
	}
	if s, path := g.service(t.path); s != nil {
		x.service, x.inner = s, path
		if (s.Prefix == storagePrefix || s.Prefix == apiStoragePrefix) && len(r.Header["Origin"]) > 0 {
			x.Header()["Access-Control-Expose-Headers"] = exposedFiles
		}
	}
	if err != nil {
		x.project, x.err = nil, err
		no := lookupRefused(err)
		if strange && no.status == http.StatusNotFound {
			g.strangers.Charge(x.client)
		}
		if no.status == http.StatusNotFound && x.inS3() && (t.ref == "" || t.ref == noRef) {
			return x.s3PathStyle()
		}
		return &no
	}
	x.ref, x.prefix = x.project.Ref, t.prefix
	switch x.project.Status {
	case directory.Active:
	case directory.Provisioning:
		return &errProvisioning
	case directory.Paused:
		return &errPaused
	case directory.Deleted:
		return &errDeleted
	default:
		return &errUnavailable
	}
	if x.lost() {
		return x.s3Endpoint()
	}
	if x.service == g.outside || dotted(x.inner) {
		return &errRoute
	}
	if x.project.OverQuota {
		no := errOverQuota
		if x.project.OverQuotaReason != "" {
			no.message = x.project.OverQuotaReason
		}
		return &no
	}
	return nil
}

// dotted reports whether a path has segments "." or "..", which a service might take for another path than the one that
// was judged here.
func dotted(path string) bool {
	if !strings.Contains(path, "/.") {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// admit decides who calls and whether they are within their limits.
func (x *exchange) admit(ctx context.Context) *refusal {
	g, limits, now := x.g, x.project.Limits, x.began
	shown := readCredentials(x.r)
	path := x.judged()
	access := x.service.access(x.r.Method, path)
	if access == OpenAccess {
		shown = x.keepGood(shown, path)
	}
	key, no := x.findKey(ctx, shown)
	p := x.project
	// The project's own servers come from few addresses. Everyone else is limited before a signature is checked.
	x.byAddress = no != nil || key.role != roleService
	if x.byAddress {
		if refused := x.within(g.limits.Address(ctx, p.Ref, x.client, limit.Rate{PerSecond: float64(limits.RequestsPerSecondPerIP)})); refused != nil {
			return refused
		}
	}
	if no != nil {
		return no
	}
	caller, key, no := g.identify(p, shown, key, access, now)
	x.role, x.key = caller.Role, key.id
	if no != nil {
		return no
	}
	if key.id != "" {
		if refused := x.within(g.limits.Key(ctx, p.Ref, key.id, key.rate(limits))); refused != nil {
			return refused
		}
		if !key.legacy {
			g.usage.KeyUsed(p.ID, key.id)
		}
		if access != OpenAccess {
			if refused := outOfScope(key, x.service, x.r.Method, path); refused != nil {
				return refused
			}
		}
	}
	rate := limit.Rate{PerSecond: float64(limits.RequestsPerSecond), Burst: limits.Burst}
	if refused := x.within(g.limits.Project(ctx, p.Ref, rate)); refused != nil {
		return refused
	}
	if x.limit.Limit > 0 {
		x.limitHeaders()
	}
	x.session = g.binder.Bind(p, caller)
	return nil
}

// within keeps the tightest of the limits for the headers.
func (x *exchange) within(a limit.Answer) *refusal {
	if a.Limit > 0 && (x.limit.Limit == 0 || !a.Allowed || a.Remaining < x.limit.Remaining) {
		x.limit = a
	}
	if a.Allowed {
		return nil
	}
	x.limitHeaders()
	no := errRateLimited
	no.retryAfter = max(a.RetryAfter, time.Millisecond)
	return &no
}

func (x *exchange) limitHeaders() {
	h := x.Header()
	h["Ratelimit-Limit"] = []string{strconv.Itoa(x.limit.Limit)}
	h["Ratelimit-Remaining"] = []string{strconv.Itoa(x.limit.Remaining)}
	h["Ratelimit-Reset"] = []string{strconv.FormatInt(int64((x.limit.Reset+time.Second-1)/time.Second), 10)}
}

// serve hands the request to its service.
func (x *exchange) serve(ctx context.Context) {
	s, maxBody := x.service, x.service.MaxBody
	if x.r.ContentLength > maxBody {
		x.refuse(&errBodyTooLarge)
		return
	}
	deadline := time.Now().Add(max(s.Timeout, x.g.timeout))
	if s.Timeout > 0 {
		end, no := x.begin()
		if no != nil {
			x.refuse(no)
			return
		}
		defer end()
		x.transfer.start(x.ResponseWriter, x.r, x.g.timeout, deadline)
	} else {
		x.writeBy = deadline.Add(5 * time.Second)
	}
	ctx, cancel := context.WithDeadlineCause(ctx, deadline, errTimeout)
	defer cancel()
	ctx = telemetry.With(ctx, slog.String("request_id", x.id), slog.String("project", x.ref))
	r := x.r.WithContext(projectdb.NewContext(ctx, x.session))
	if r.ContentLength != 0 {
		if x.transfer.on() {
			r.Body = &body{r.Body, x}
		}
		r.Body = http.MaxBytesReader(x, r.Body, maxBody)
	}
	u := *x.r.URL
	u.Path, u.RawPath = x.inner, innerRaw(x.r.URL, x.prefix+s.Prefix)
	r.URL = &u
	if x.client.IsValid() && !x.direct {
		r.RemoteAddr = netip.AddrPortFrom(x.client, 0).String()
	}
	if !mayOverride(s, r, x.inner) {
		for _, name := range overrides {
			delete(r.Header, name)
		}
	}
	delete(r.Header, "X-Forwarded-Prefix")
	if x.prefix != "" {
		r.Header["X-Forwarded-Prefix"] = []string{x.prefix}
		delete(r.Header, "Cookie") // it may be another project's
	}
	x.served = true
	s.Handler.ServeHTTP(x, r)
	if x.transfer.on() && x.bytes > smallAnswer {
		x.boundWrites() // of what is still buffered
	}
}

// innerRaw is the escaped path without its prefix, or "" for the default escaping.
func innerRaw(u *url.URL, prefix string) string {
	rest, ok := strings.CutPrefix(u.RawPath, prefix)
	if u.RawPath == "" || !ok {
		return ""
	}
	if rest == "" {
		return "/"
	}
	return rest
}
