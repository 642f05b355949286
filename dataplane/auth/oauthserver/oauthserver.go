// Package oauthserver lets other apps sign users of the project in: an authorization server of OAuth 2.1 and OpenID Connect. Users consent on a page of the
// project's own app; codes are bound to PKCE and to the client, and used once.
package oauthserver

import (
	"net/http"
	"net/url"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Deps are what the surface needs.
type Deps struct {
	Guard    *guard.Guard
	Sessions *session.Manager
}

// Service answers /oauth, /user/oauth and /admin/oauth.
type Service struct{ d Deps }

// New makes the surface.
func New(d Deps) *Service { return &Service{d} }

// Routes adds the surface's routes.
func (s *Service) Routes(rt *protocol.Router) {
	rt.Handle(http.MethodGet, "/.well-known/openid-configuration", s.discovery)
	rt.Handle(http.MethodGet, "/.well-known/oauth-authorization-server", enabled(s.discovery))

	rt.Handle(http.MethodGet, "/oauth/authorize", enabled(s.authorize))
	rt.Handle(http.MethodGet, "/oauth/authorizations/{id}", enabled(s.show))
	rt.Handle(http.MethodPost, "/oauth/authorizations/{id}/consent", enabled(s.consent))
	rt.Handle(http.MethodPost, "/oauth/token", enabled(inOAuth(rt, s.token)))
	rt.Handle(http.MethodGet, "/oauth/userinfo", enabled(s.userinfo))
	rt.Handle(http.MethodPost, "/oauth/userinfo", enabled(s.userinfo))
	rt.Handle(http.MethodPost, "/oauth/clients/register", enabled(s.register))
	rt.Handle(http.MethodGet, "/user/oauth/grants", enabled(s.grants))
	rt.Handle(http.MethodDelete, "/user/oauth/grants", enabled(s.revoke))

	rt.Handle(http.MethodGet, "/admin/oauth/clients", enabled(protocol.Admin(s.list)))
	rt.Handle(http.MethodPost, "/admin/oauth/clients", enabled(protocol.Admin(s.create)))
	rt.Handle(http.MethodGet, "/admin/oauth/clients/{id}", enabled(protocol.Admin(s.get)))
	rt.Handle(http.MethodPut, "/admin/oauth/clients/{id}", enabled(protocol.Admin(s.update)))
	rt.Handle(http.MethodDelete, "/admin/oauth/clients/{id}", enabled(protocol.Admin(s.remove)))
	rt.Handle(http.MethodPost, "/admin/oauth/clients/{id}/regenerate_secret", enabled(protocol.Admin(s.regenerate)))
}

var errDisabled = fault.New(fault.NotFound, "FEATURE_DISABLED", "OAuth server is disabled")

// enabled lets requests of projects through that are providers for other apps.
func enabled(h protocol.Handler) protocol.Handler {
	return func(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
		if !setting.Get[bool](bound.Project.Settings, "auth.oauth_server.enabled") {
			return errDisabled
		}
		return h(w, r, bound)
	}
}

// issuer is the project's name as an OAuth server. It does not depend on the request.
func issuer(p *directory.Project) string { return p.URL + "/auth/v1" }

// oauthError is an error of RFC 6749, which clients of other apps understand.
type oauthError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *oauthError) Error() string { return e.Code + ": " + e.Description }

func refused(code, description string) *oauthError {
	return &oauthError{http.StatusBadRequest, code, description}
}

// inOAuth answers errors as RFC 6749 has it.
func inOAuth(rt *protocol.Router, h protocol.Handler) protocol.Handler {
	return func(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
		err := h(w, r, bound)
		if err == nil {
			return nil
		}
		e := asOAuth(err)
		if e.status >= http.StatusInternalServerError {
			rt.Log(r, bound, err)
		}
		if retry := fault.From(err).Fields["retry_after"]; retry != "" {
			w.Header().Set("Retry-After", retry)
		}
		if e.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="oauth"`)
		}
		w.Header().Set("Pragma", "no-cache")
		protocol.WriteJSON(w, e.status, e)
		return nil
	}
}

// withQuery adds parameters to a redirect URI, which keeps its own.
func withQuery(to string, fields map[string]string) string {
	u, err := url.Parse(to)
	if err != nil { // it was parsed when the client was registered
		return to
	}
	query := u.Query()
	for key, value := range fields {
		if value != "" {
			query.Set(key, value)
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}
