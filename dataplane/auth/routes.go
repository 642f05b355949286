package auth

import (
	"maps"
	"net/http"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/auth/admin"
	"github.com/wayli-app/fluxbase/dataplane/auth/link"
	"github.com/wayli-app/fluxbase/dataplane/auth/mfa"
	"github.com/wayli-app/fluxbase/dataplane/auth/oauthserver"
	"github.com/wayli-app/fluxbase/dataplane/auth/passkey"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/provider"
	"github.com/wayli-app/fluxbase/dataplane/auth/signup"
	"github.com/wayli-app/fluxbase/dataplane/auth/sso"
	"github.com/wayli-app/fluxbase/dataplane/auth/user"
	"github.com/wayli-app/fluxbase/dataplane/auth/web3"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// captchaTimeout bounds the question to a CAPTCHA's provider.
const captchaTimeout = 5 * time.Second

// breachTimeout bounds the question to the list of breached passwords.
const breachTimeout = 3 * time.Second

// mount adds the routes of every surface.
func (s *Service) mount(d domains) {
	s.router.Handle(http.MethodGet, "/health", s.health)
	s.router.Handle(http.MethodGet, "/settings", s.settings)
	s.router.Handle(http.MethodGet, "/.well-known/jwks.json", d.sessions.JWKS)
	s.router.Handle(http.MethodPost, "/logout", d.sessions.Logout)
	grants := map[string]protocol.Handler{"refresh_token": d.sessions.Refresh}
	maps.Copy(grants, web3.New(web3.Deps{Guard: d.guard, Sessions: d.sessions, Users: d.users}).Grants())

	signups := signup.New(signup.Deps{Guard: d.guard, Hooks: d.hooks, Hasher: d.hasher, Rules: d.rules, Users: d.users, Sessions: d.sessions, Letters: d.letters})
	signups.Routes(s.router)
	maps.Copy(grants, signups.Grants())
	users := user.New(user.Deps{Guard: d.guard, Hasher: d.hasher, Rules: d.rules, Sessions: d.sessions, Letters: d.letters, Proofs: d.proofs, Messages: d.messages})
	users.Routes(s.router)
	admin.New(admin.Deps{Hasher: d.hasher, Rules: d.rules, Users: d.users, Sessions: d.sessions, Letters: d.letters, Messages: d.messages}).Routes(s.router)

	mfa.New(mfa.Deps{Sessions: d.sessions, Messages: d.messages, Hooks: d.hooks, Guard: d.guard}).Routes(s.router)
	passkey.New(passkey.Deps{Sessions: d.sessions, Guard: d.guard}).Routes(s.router)

	links := link.New(link.Deps{Guard: d.guard, Proofs: d.proofs, Sessions: d.sessions})
	links.Routes(s.router)
	maps.Copy(grants, links.Grants())
	oauthserver.New(oauthserver.Deps{Guard: d.guard, Sessions: d.sessions}).Routes(s.router)
	sso.New(sso.Deps{Log: d.log, Egress: d.egress, Guard: d.guard, Sessions: d.sessions, Users: d.users, Sealer: d.sealer}).Routes(s.router)

	providers := provider.New(provider.Deps{Log: d.log, Egress: d.egress, Guard: d.guard, Sessions: d.sessions, Letters: d.letters, Users: d.users, Sealer: d.sealer})
	providers.Routes(s.router)
	maps.Copy(grants, providers.Grants())
	s.api = newAPI(d, signups, users, providers)

	s.router.Handle(http.MethodPost, "/token", func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
		if h, ok := grants[r.URL.Query().Get("grant_type")]; ok {
			return h(w, r, session)
		}
		return fault.New(fault.Invalid, "INVALID_CREDENTIALS", "unsupported_grant_type")
	})
}
