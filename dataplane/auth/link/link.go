// Package link is the surface of codes and links: POST /otp, /magiclink, /recover, /resend, GET and POST /verify, and the exchange of a flow's code
// for a session.
package link

import (
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/proof"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// Deps are what the surface needs.
type Deps struct {
	Guard    *guard.Guard
	Proofs   *proof.Service
	Sessions *session.Manager
}

// Service answers the routes of every project.
type Service struct{ d Deps }

// New makes the surface.
func New(d Deps) *Service { return &Service{d} }

// Routes adds the surface's routes.
func (s *Service) Routes(rt *protocol.Router) {
	rt.Handle(http.MethodPost, "/otp", s.otp)
	rt.Handle(http.MethodPost, "/magiclink", s.magicLink)
	rt.Handle(http.MethodPost, "/recover", s.recover)
	rt.Handle(http.MethodPost, "/resend", s.resend)
	rt.Handle(http.MethodGet, "/verify", func(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
		return s.follow(w, r, bound, rt)
	})
	rt.Handle(http.MethodPost, "/verify", s.verify)
}

// Grants are the grant types of POST /token that the surface answers.
func (s *Service) Grants() map[string]protocol.Handler {
	return map[string]protocol.Handler{"pkce": s.exchange}
}

// asked is what requests for a link have in common.
type asked struct {
	Security        guard.Security `json:"gotrue_meta_security"`
	Challenge       string         `json:"code_challenge"`
	ChallengeMethod string         `json:"code_challenge_method"`
}

// decode reads the body of a request for a code or a link, from who may make it.
func (s *Service) decode(w http.ResponseWriter, r *http.Request, bound *projectdb.Session, in any) error {
	if err := s.d.Guard.Address(r, bound, "otp"); err != nil {
		return err
	}
	return protocol.Decode(w, r, in)
}

// link is where the link that is asked for leads, once a human has asked for it.
func (s *Service) link(r *http.Request, bound *projectdb.Session, in asked) (proof.Link, error) {
	method, err := onetime.CheckChallenge(in.Challenge, in.ChallengeMethod)
	if err != nil {
		return proof.Link{}, err
	}
	out := proof.Link{RedirectTo: protocol.RedirectTo(bound.Project.Settings, r), Challenge: in.Challenge, ChallengeMethod: method}
	return out, s.d.Guard.Human(r, bound, in.Security)
}

func done(w http.ResponseWriter) error {
	protocol.WriteJSON(w, http.StatusOK, struct{}{})
	return nil
}
