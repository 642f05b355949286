// Package user lets those who are signed in see and change what is kept of them.
package user

import (
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/letter"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/password"
	"github.com/wayli-app/fluxbase/dataplane/auth/proof"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Deps are what the service needs.
type Deps struct {
	Guard    *guard.Guard
	Hasher   *password.Hasher
	Rules    *password.Rules
	Sessions *session.Manager
	Letters  *letter.Writer
	Proofs   *proof.Service
	Messages *message.Outbox
}

// Service answers /user and /reauthenticate.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

// Routes adds the service's routes.
func (s *Service) Routes(rt *protocol.Router) {
	rt.Handle(http.MethodGet, "/user", s.d.Sessions.Tell)
	rt.Handle(http.MethodPut, "/user", s.put)
	rt.Handle(http.MethodGet, "/reauthenticate", s.reauthenticate)
}

func on(p *directory.Project, key string) bool { return setting.Get[bool](p.Settings, key) }
