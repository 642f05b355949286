package e2e

import (
	"testing"
)

// everything is what the walk of auth-js needs to be switched on.
var everything = map[string]string{
	"auth.autoconfirm": "false", "auth.phone.enabled": "true", "auth.anonymous.enabled": "true", "auth.manual_linking": "true", "auth.passkey.enabled": "true",
	"auth.mfa.webauthn.enroll_enabled": "true", "auth.mfa.webauthn.verify_enabled": "true", "auth.oauth_server.enabled": "true", "auth.saml.enabled": "true",
	"auth.web3.solana.enabled": "true", "auth.web3.ethereum.enabled": "true", "auth.rate_limit.email_sent": "10000", "auth.rate_limit.sms_sent": "10000",
	"auth.rate_limit.otp": "10000", "auth.rate_limit.verify": "10000", "auth.rate_limit.sign_in_sign_ups": "10000", "auth.rate_limit.anonymous_users": "10000",
	"auth.redirect_urls": `["http://localhost:3000/**"]`,
}

// TestAuthJS runs supabase/auth.mjs, which walks every public method of auth-js, in each isolation by path and by host.
func TestAuthJS(t *testing.T) {
	t.Parallel()
	in := install(t)
	installPackages(t)
	owner := in.signUp(t, "ada")
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		p := owner.create(t, "Auth", shared)
		p.set(t, everything, in.world.settings())
		for route, environment := range p.routes() {
			t.Run(name+" "+route, func(t *testing.T) { p.script(t, "auth.mjs", 78, append(environment, in.world.script(in)...)...) })
		}
	}
}
