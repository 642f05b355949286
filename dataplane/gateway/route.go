package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/internal/id"
)

// target is the project that a request names, and the path within it.
type target struct {
	ref, host string // one of them, or neither: then no project is named
	path      string
	// prefix is what was cut off the path: "/p/<ref>" or "".
	prefix string
}

// router tells projects from hosts and paths.
type router struct {
	domain string
	// scheme is that of the workers' own address.
	scheme string
	own    map[string]bool // the workers' own names
}

func newRouter(domain, workerURL string) router {
	r := router{domain: "." + strings.ToLower(domain), scheme: schemeOf(workerURL), own: map[string]bool{strings.ToLower(domain): true, "localhost": true}}
	if u, err := url.Parse(workerURL); err == nil && u.Hostname() != "" {
		r.own[strings.ToLower(u.Hostname())] = true
	}
	return r
}

// hostname is a Host header without its port and final dot, in lower case.
func hostname(host string) string {
	if strings.LastIndexByte(host, ':') >= 0 {
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// isOwn reports whether a name is the workers' own: an address, a name without dots, or one that is configured. There,
// and nowhere else, projects are named by path.
func (r router) isOwn(name string) bool {
	if r.own[name] || !strings.Contains(name, ".") {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil
}

// noRef is the ref of a project that cannot be.
const noRef = "-"

// route finds the project that a request is for. The host decides; only on the workers' own address does the path.
func (r router) route(host, path string) target {
	name := hostname(host)
	switch label, below := strings.CutSuffix(name, r.domain); {
	case below && !r.own[name]:
		if !id.ValidRef(label) {
			label = noRef
		}
		return target{ref: label, path: path}
	case !r.isOwn(name):
		return target{host: name, path: path}
	}
	rest, below := strings.CutPrefix(path, "/p/")
	if !below {
		return target{path: path}
	}
	ref, rest, _ := strings.Cut(rest, "/")
	if !id.ValidRef(ref) {
		ref = noRef
	}
	return target{ref: ref, path: "/" + rest, prefix: "/p/" + ref}
}

// Names reports whether a request names a project by its subdomain or by path, or is a lost S3 client's: the console has nothing to say to it.
func (g *Gateway) Names(r *http.Request) bool {
	return g.router.route(r.Host, r.URL.Path).ref != "" || signedForS3(r)
}

// Access is what a service asks of callers.
type Access int

// What services ask for.
const (
	// KeyAccess asks for an API key, as header, parameter or bearer.
	KeyAccess Access = iota
	// BearerAccess goes by the bearer token alone; without one the caller is anon.
	BearerAccess
	// DeveloperAccess asks for a developer's token, or for a secret key that has the scope sql:run.
	DeveloperAccess
	// AdminAccess is KeyAccess that a developer's token opens too.
	AdminAccess
	// EitherAccess asks for a key or a bearer token; a developer's opens it too.
	EitherAccess
	// OpenAccess asks for nothing. A key or token that is good counts, and one that is not is as none.
	OpenAccess
)

func (a Access) needsKey() bool { return a == KeyAccess || a == AdminAccess }

// developers tells that a developer's token opens it, for what secret keys do.
func (a Access) developers() bool { return a == AdminAccess || a == EitherAccess || a == OpenAccess }

// authPrefix is where auth speaks GoTrue's protocol.
const authPrefix = "/auth/v1"

// openAuth are the paths of auth that browsers open or that carry a proof of their own.
var openAuth = []string{"/verify", "/callback", "/authorize", "/sso/saml", "/.well-known", "/oauth/authorize", "/oauth/token", "/oauth/userinfo",
	"/oauth/clients/register"}

// adminAuth are the paths of auth with which a project's users are managed.
var adminAuth = []string{"/admin", "/invite", "/audit"}

// access is what a request to a path of a service asks for.
func (s *service) access(method, path string) Access {
	switch {
	case s.Prefix == storagePrefix:
		return storageAccess(method, path)
	case s.Prefix == apiStoragePrefix:
		return apiStorageAccess(method, path)
	case s.Prefix != authPrefix:
	case slices.ContainsFunc(openAuth, func(open string) bool { return below(path, open) }):
		return BearerAccess
	case slices.ContainsFunc(adminAuth, func(admin string) bool { return below(path, admin) }):
		return AdminAccess
	}
	return s.Access
}

// below reports whether a path is a folder's, or the folder itself.
func below(path, folder string) bool {
	rest, ok := strings.CutPrefix(path, folder)
	return ok && (rest == "" || rest[0] == '/')
}

// service finds the service of a path, and the path within it.
func (g *Gateway) service(path string) (*service, string) {
	if document, ok := strings.CutSuffix(path, authPrefix); ok && below(document, "/.well-known") { // as RFC 8414 has it for an issuer with a path
		path = authPrefix + document
	}
	for _, s := range g.services {
		if rest, ok := strings.CutPrefix(path, s.Prefix); ok && (rest == "" || rest[0] == '/') {
			if rest == "" {
				rest = "/"
			}
			return s, rest
		}
	}
	return nil, ""
}
