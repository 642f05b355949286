package auth

import (
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// providers are the ways to sign in that clients know of.
var providers = []string{
	"anonymous_users", "apple", "azure", "bitbucket", "discord", "facebook", "figma", "fly", "github", "gitlab", "google", "kakao",
	"keycloak", "linkedin", "linkedin_oidc", "notion", "phone", "slack", "slack_oidc", "snapchat", "spotify", "twitch", "twitter", "workos", "x", "zoom",
}

type settingsBody struct {
	External          map[string]bool `json:"external"`
	DisableSignup     bool            `json:"disable_signup"`
	MailerAutoconfirm bool            `json:"mailer_autoconfirm"`
	PhoneAutoconfirm  bool            `json:"phone_autoconfirm"`
	SMSProvider       string          `json:"sms_provider"`
	SAMLEnabled       bool            `json:"saml_enabled"`
}

// settings tells which ways to sign in are open.
func (s *Service) settings(w http.ResponseWriter, _ *http.Request, session *projectdb.Session) error {
	values := session.Project.Settings
	external := make(map[string]bool, len(providers)+1)
	for _, name := range providers {
		external[name] = false
	}
	external["email"] = true
	writeJSON(w, http.StatusOK, settingsBody{External: external, DisableSignup: setting.Get[bool](values, "auth.disable_signup"),
		MailerAutoconfirm: setting.Get[bool](values, "auth.autoconfirm")})
	return nil
}
