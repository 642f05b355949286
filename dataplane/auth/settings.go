package auth

import (
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
)

type settingsBody struct {
	External          map[string]bool `json:"external"`
	DisableSignup     bool            `json:"disable_signup"`
	MailerAutoconfirm bool            `json:"mailer_autoconfirm"`
	PhoneAutoconfirm  bool            `json:"phone_autoconfirm"`
	SMSProvider       string          `json:"sms_provider"`
	SAMLEnabled       bool            `json:"saml_enabled"`
	Passkeys          bool            `json:"passkeys_enabled"`
}

// settings tells which ways to sign in are open.
func (s *Service) settings(w http.ResponseWriter, _ *http.Request, session *projectdb.Session) error {
	values := session.Project.Settings
	on := func(key string) bool { return setting.Get[bool](values, key) }
	external := map[string]bool{"email": on("auth.email.enabled"), "phone": on("auth.phone.enabled"), "anonymous_users": on("auth.anonymous.enabled")}
	for _, p := range setting.Providers {
		external[p.Name] = on("auth.external." + p.Name + ".enabled")
	}
	protocol.WriteJSON(w, http.StatusOK, settingsBody{External: external, DisableSignup: on("auth.disable_signup"), MailerAutoconfirm: on("auth.autoconfirm"),
		PhoneAutoconfirm: on("auth.phone.autoconfirm"), SMSProvider: setting.Get[string](values, "auth.sms.provider"), SAMLEnabled: on("auth.saml.enabled"),
		Passkeys: on("auth.passkey.enabled")})
	return nil
}
