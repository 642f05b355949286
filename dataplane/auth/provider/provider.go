// Package provider signs users in with accounts that they have elsewhere: at the providers of package catalog, and at those that a project describes
// itself. It links such accounts to users, and unlinks them.
package provider

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/letter"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/provider/remote"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// Deps are what the surface needs.
type Deps struct {
	Log      *slog.Logger
	Egress   *egress.Guard
	Guard    *guard.Guard
	Sessions *session.Manager
	Letters  *letter.Writer
	Users    *newuser.Maker
	// Sealer seals the client secrets of custom providers; nil keeps them as they are.
	Sealer *seal.Sealer
	// Transport carries requests to providers; nil is the egress guard's. Tests stand in for the internet with it.
	Transport http.RoundTripper
	// Timeout bounds all that is asked of a provider in one request; zero is 15 seconds.
	Timeout time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Service signs in by providers, for every project.
type Service struct {
	d       Deps
	remote  *remote.Client
	issuers *remote.Issuers
}

// New makes the surface.
func New(d Deps) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Timeout == 0 {
		d.Timeout = 15 * time.Second
	}
	client := remote.New(d.Egress, d.Transport, d.Timeout)
	return &Service{d: d, remote: client, issuers: remote.NewIssuers(client, d.Now)}
}

// Routes adds the surface's routes.
func (s *Service) Routes(rt *protocol.Router) {
	rt.Handle(http.MethodGet, "/authorize", s.authorize)
	rt.Handle(http.MethodGet, "/callback", s.callback)
	rt.Handle(http.MethodPost, "/callback", s.callback)
	rt.Handle(http.MethodGet, "/user/identities/authorize", s.authorizeLink)
	rt.Handle(http.MethodDelete, "/user/identities/{identity_id}", s.unlink)
	rt.Handle(http.MethodGet, "/admin/custom-providers", protocol.Admin(s.listCustom))
	rt.Handle(http.MethodPost, "/admin/custom-providers", protocol.Admin(s.createCustom))
	rt.Handle(http.MethodGet, "/admin/custom-providers/{identifier}", protocol.Admin(s.getCustom))
	rt.Handle(http.MethodPut, "/admin/custom-providers/{identifier}", protocol.Admin(s.updateCustom))
	rt.Handle(http.MethodDelete, "/admin/custom-providers/{identifier}", protocol.Admin(s.deleteCustom))
}

// Grants are the values of grant_type that POST /token takes.
func (s *Service) Grants() map[string]protocol.Handler {
	return map[string]protocol.Handler{"id_token": s.idToken}
}
