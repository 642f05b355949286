package auth

import (
	"net/http"
	"net/url"

	"github.com/wayli-app/fluxbase/dataplane/auth/api"
	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/provider"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/signup"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/auth/user"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// API answers /api/v1/auth of every project, paths without that prefix.
func (s *Service) API() http.Handler { return s.api }

// newAPI gives /api/v1/auth what the surfaces of /auth/v1 do.
func newAPI(d domains, signups *signup.Service, users *user.Service, providers *provider.Service) http.Handler {
	return api.New(api.Deps{Log: d.log, Guard: d.guard, Hasher: d.hasher, Rules: d.rules, Proofs: d.proofs, Sessions: d.sessions, Doing: api.Doing{
		SignUp: func(r *http.Request, bound *projectdb.Session, in api.SignUp) (*session.Grant, *store.User, error) {
			return signups.SignUp(r, bound, &signup.Request{Email: in.Email, Phone: in.Phone, Password: in.Password, Data: in.Data, Channel: in.Channel,
				Challenge: in.Challenge, ChallengeMethod: in.ChallengeMethod, Security: guard.Security{Token: in.Captcha}, RedirectTo: in.RedirectTo,
				Client: protocol.Client(r)})
		},
		SignIn: func(r *http.Request, bound *projectdb.Session, in api.SignIn) (protocol.Grant, error) {
			return signups.SignIn(r, bound, &signup.Credentials{Email: in.Email, Phone: in.Phone, Password: in.Password, Security: guard.Security{Token: in.Captcha}})
		},
		Change: func(r *http.Request, bound *projectdb.Session, in api.Change) (*store.User, error) {
			return users.Change(r, bound, &user.Request{Email: in.Email, Phone: in.Phone, Password: in.Password, CurrentPassword: in.CurrentPassword,
				Nonce: in.Nonce, Data: in.Data, Channel: in.Channel, Challenge: in.Challenge, ChallengeMethod: in.ChallengeMethod}, in.RedirectTo)
		},
		Leave: func(r *http.Request, bound *projectdb.Session, query url.Values) (string, error) {
			return providers.Leave(r, bound, query, protocol.AllowedRedirect(bound.Project.Settings, query.Get("redirect_to")))
		},
	}})
}
