// Package sso signs users in at SAML 2.0 identity providers of their companies: Web Browser SSO with requests by redirect and responses by POST, begun
// here or at the provider. Its users are apart from all others: an address that a provider asserts never leads to another user's account.
package sso

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/seal"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Deps are what the surface needs.
type Deps struct {
	Log      *slog.Logger
	Egress   *egress.Guard
	Guard    *guard.Guard
	Sessions *session.Manager
	Users    *newuser.Maker
	// Sealer keeps the projects' private keys from who reads their databases.
	Sealer *seal.Sealer
}

// Service answers /sso and /admin/sso.
type Service struct {
	d      Deps
	client *http.Client
	// failed are refreshes of metadata that did not succeed, and when.
	failed *lru.Cache[ofProject, time.Time]
}

// ofProject is a provider of one project: ids are whatever its owner writes.
type ofProject struct {
	ref string
	id  uuid.UUID
}

const fetchTimeout = 10 * time.Second

// New makes the surface.
func New(d Deps) *Service {
	failed, _ := lru.New[ofProject, time.Time](1024) // the size is positive
	return &Service{d: d, client: d.Egress.Client(fetchTimeout), failed: failed}
}

// Routes adds the surface's routes.
func (s *Service) Routes(rt *protocol.Router) {
	rt.Handle(http.MethodPost, "/sso", enabled(s.start))
	rt.Handle(http.MethodGet, "/sso/saml/metadata", enabled(s.metadata))
	rt.Handle(http.MethodPost, "/sso/saml/acs", enabled(func(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
		to, err := s.consume(w, r, bound)
		if err != nil {
			rt.Log(r, bound, err)
			protocol.RedirectError(w, r, to, err)
		}
		return nil
	}))
	rt.Handle(http.MethodGet, "/admin/sso/providers", protocol.Admin(s.list))
	rt.Handle(http.MethodPost, "/admin/sso/providers", protocol.Admin(s.create))
	rt.Handle(http.MethodGet, "/admin/sso/providers/{id}", protocol.Admin(s.get))
	rt.Handle(http.MethodPut, "/admin/sso/providers/{id}", protocol.Admin(s.update))
	rt.Handle(http.MethodDelete, "/admin/sso/providers/{id}", protocol.Admin(s.remove))
}

var (
	errDisabled         = fault.New(fault.NotFound, "SAML_PROVIDER_DISABLED", "SAML 2.0 is disabled")
	errNoSuchProvider   = fault.New(fault.NotFound, "SSO_PROVIDER_NOT_FOUND", "SSO Identity Provider not found")
	errUnknownProvider  = fault.New(fault.NotFound, "SSO_PROVIDER_NOT_FOUND", "No such SSO provider")
	errUnknownDomain    = fault.New(fault.NotFound, "SSO_PROVIDER_NOT_FOUND", "No SSO provider assigned for this domain")
	errProviderDisabled = fault.New(fault.NotFound, "SSO_PROVIDER_DISABLED", "SSO Provider assigned for this domain is currently disabled")
	errUnknownIDP       = fault.New(fault.NotFound, "SAML_IDP_NOT_FOUND", "A SAML connection has not been established with this Identity Provider")
	errNoRelayState     = fault.New(fault.NotFound, "SAML_RELAY_STATE_NOT_FOUND", "SAML RelayState does not exist, try logging in again?")
	errRelayStateOld    = fault.New(fault.FailedPrecondition, "SAML_RELAY_STATE_EXPIRED", "SAML RelayState has expired. Try logging in again?")
	errNoUserID         = fault.New(fault.Invalid, "SAML_ASSERTION_NO_USER_ID", "SAML Assertion did not contain a persistent Subject Identifier attribute or Subject NameID uniquely identifying this user")
	errNoEmail          = fault.New(fault.Invalid, "SAML_ASSERTION_NO_EMAIL", "SAML Assertion does not contain an email address")
)

// enabled lets requests of projects through that use SAML.
func enabled(h protocol.Handler) protocol.Handler {
	return func(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
		if !setting.Get[bool](bound.Project.Settings, "auth.saml.enabled") {
			return errDisabled
		}
		return h(w, r, bound)
	}
}

// place is an address of the service provider that the project is. It does not depend on the request.
func place(p *directory.Project, path string) url.URL {
	u, err := url.Parse(p.URL + "/auth/v1/sso/saml/" + path)
	if err != nil { // the control plane makes these
		return url.URL{}
	}
	return *u
}
