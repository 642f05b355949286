package provider_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

func (w *world) idToken(body object) authtest.Answer {
	w.T.Helper()
	return w.Call(http.MethodPost, "/token?grant_type=id_token", "", body)
}

// realmToken is an ID token of the project's Keycloak.
func (w *world) realmToken(more object) string {
	claims := object{"iss": w.idp.URL + "/realms/acme", "sub": "ada-1", "email": "ada@example.com", "email_verified": true, "name": "Ada"}
	for key, value := range more {
		claims[key] = value
	}
	return w.idp.IDToken(claims)
}

func hashed(nonce string) string {
	sum := sha256.Sum256([]byte(nonce))
	return hex.EncodeToString(sum[:])
}

func TestLoginByAnIDToken(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		out := w.idToken(object{"provider": "keycloak", "id_token": w.realmToken(nil)})
		require.Equal(t, http.StatusOK, out.Status, out.Text)
		require.Equal(t, "ada@example.com", out.User()["email"])
		require.Equal(t, []any{"keycloak"}, out.User()["app_metadata"].(map[string]any)["providers"])
		id := out.User()["id"]

		half := sha256.Sum256([]byte("an access token"))
		for name, body := range map[string]object{
			"with a nonce":               {"id_token": w.realmToken(object{"nonce": hashed("n-1")}), "nonce": "n-1"},
			"for another of our clients": {"id_token": w.realmToken(object{"aud": "the-ios-app"})},
			"with its access token":      {"id_token": w.realmToken(object{"at_hash": base64.RawURLEncoding.EncodeToString(half[:16])}), "access_token": "an access token"},
			"by its issuer":              {"provider": w.idp.URL + "/realms/acme", "id_token": w.realmToken(nil)},
			"by issuer and client":       {"provider": "", "issuer": w.idp.URL + "/realms/acme", "client_id": oidc.ClientID, "id_token": w.realmToken(nil)},
		} {
			if body["provider"] == nil {
				body["provider"] = "keycloak"
			}
			out := w.idToken(body)
			require.Equal(t, http.StatusOK, out.Status, name+out.Text)
			require.Equal(t, id, out.User()["id"], name)
		}
		// Of a custom provider, by its name and by its issuer.
		for _, name := range []string{"custom:acme", w.idp.URL} {
			out = w.idToken(object{"provider": name, "id_token": w.idp.IDToken(object{"sub": "ada-1", "email": "ada@example.com", "email_verified": true})})
			require.Equal(t, http.StatusOK, out.Status, out.Text)
			require.Equal(t, id, out.User()["id"], "a verified address links")
		}
		require.Equal(t, 1, w.Count("select count(*) from users"))
	})
}

func TestIDTokensOfAppsThatAreNotRight(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		require.Equal(t, http.StatusOK, w.idToken(object{"provider": "keycloak", "id_token": w.realmToken(nil)}).Status)
		require.Equal(t, http.StatusOK, w.idToken(object{"provider": "custom:acme", "id_token": w.idp.IDToken(object{"sub": "ada-1", "email": "ada@example.com", "email_verified": true})}).Status)
		w.Exec("delete from users")
		signed := func(b oidc.Behaviour) string {
			w.idp.Behave(b)
			defer w.idp.Behave(oidc.Behaviour{})
			return w.realmToken(nil)
		}
		tampered := w.realmToken(nil)
		parts := strings.Split(tampered, ".")
		parts[1] = base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"` + w.idp.URL + `/realms/acme","sub":"admin","aud":"` + oidc.ClientID + `","exp":99999999999}`))
		const invalid = "invalid_credentials"
		for name, row := range map[string]struct {
			body object
			code string
		}{
			"without a token":                  {object{"provider": "keycloak"}, "validation_failed"},
			"without a provider":               {object{"id_token": w.realmToken(nil)}, "validation_failed"},
			"of a provider that is off":        {object{"provider": "google", "id_token": w.realmToken(nil)}, "provider_disabled"},
			"of a provider without ID tokens":  {object{"provider": "custom:none", "id_token": w.realmToken(nil)}, "validation_failed"},
			"of an issuer that nobody named":   {object{"provider": "https://evil.example", "id_token": w.idp.IDToken(object{"iss": "https://evil.example"})}, "validation_failed"},
			"no token at all":                  {object{"provider": "keycloak", "id_token": "x.y.z"}, invalid},
			"another issuer's":                 {object{"provider": "keycloak", "id_token": w.realmToken(object{"iss": w.idp.URL})}, invalid},
			"the realm's as the custom one's":  {object{"provider": "custom:acme", "id_token": w.realmToken(nil)}, invalid},
			"an issuer named in the body only": {object{"provider": "keycloak", "issuer": w.idp.URL, "id_token": w.realmToken(object{"iss": w.idp.URL})}, invalid},
			"for another project's client":     {object{"provider": "keycloak", "id_token": w.realmToken(object{"aud": "another-client"})}, "unexpected_audience"},
			"for a client of the body":         {object{"provider": "keycloak", "client_id": "another-client", "id_token": w.realmToken(object{"aud": "another-client"})}, "unexpected_audience"},
			"for several, asked by another":    {object{"provider": "keycloak", "id_token": w.realmToken(object{"aud": []string{oidc.ClientID, "x"}, "azp": "x"})}, "unexpected_audience"},
			"expired":                          {object{"provider": "keycloak", "id_token": w.realmToken(object{"exp": time.Now().Add(-time.Second).Unix()})}, invalid},
			"without a subject":                {object{"provider": "keycloak", "id_token": w.realmToken(object{"sub": ""})}, invalid},
			"unsigned":                         {object{"provider": "keycloak", "id_token": signed(oidc.Behaviour{Algorithm: "none"})}, invalid},
			"signed with the client's secret":  {object{"provider": "keycloak", "id_token": signed(oidc.Behaviour{Algorithm: "HS256"})}, invalid},
			"signed with the public key":       {object{"provider": "keycloak", "id_token": signed(oidc.Behaviour{Algorithm: "HS256 with the public key"})}, invalid},
			"signed with another key":          {object{"provider": "keycloak", "id_token": signed(oidc.Behaviour{ForeignKey: true})}, invalid},
			"changed after it was signed":      {object{"provider": "keycloak", "id_token": strings.Join(parts, ".")}, invalid},
			"a nonce that was not passed":      {object{"provider": "keycloak", "id_token": w.realmToken(object{"nonce": hashed("n")})}, invalid},
			"a nonce that is not in the token": {object{"provider": "keycloak", "id_token": w.realmToken(nil), "nonce": "n"}, invalid},
			"another nonce":                    {object{"provider": "keycloak", "id_token": w.realmToken(object{"nonce": hashed("n")}), "nonce": "m"}, invalid},
			"a nonce that is not hashed":       {object{"provider": "keycloak", "id_token": w.realmToken(object{"nonce": "n"}), "nonce": "n"}, invalid},
			"the hash as the nonce":            {object{"provider": "keycloak", "id_token": w.realmToken(object{"nonce": hashed("n")}), "nonce": hashed("n")}, invalid},
			"another access token":             {object{"provider": "keycloak", "id_token": w.realmToken(object{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), "access_token": "x"}, invalid},
			"an access token of this project":  {object{"provider": "keycloak", "id_token": w.SignIn(w.User(uuid.NewString()+"@example.com", "")).AccessToken}, invalid},
		} {
			out := w.idToken(row.body)
			require.Equal(t, http.StatusBadRequest, out.Status, name+out.Text)
			require.Equal(t, row.code, out.Code(), name+out.Text)
		}
		require.Zero(t, w.Count("select count(*) from identities where provider <> 'email'"))
		// An app that cannot make nonces.
		skip := w.with(map[string]string{"auth.external.keycloak.skip_nonce_check": "true"})
		require.Equal(t, http.StatusOK, skip.idToken(object{"provider": "keycloak", "id_token": w.realmToken(object{"nonce": "n"})}).Status)
		// An address that the token does not call verified.
		out := w.with(map[string]string{"auth.smtp.host": `"mail.example.com"`}).idToken(object{"provider": "keycloak", "id_token": w.realmToken(object{"sub": "x", "email": "x@example.com", "email_verified": false})})
		w.Refused(out, http.StatusUnprocessableEntity, "provider_email_needs_verification")
	})
}

func TestIDTokensOfTheCatalog(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for name, claims := range map[string]object{
			"google":   {"iss": "https://accounts.google.com", "email_verified": true},
			"apple":    {"iss": "https://appleid.apple.com", "email_verified": "true"},
			"azure":    {"iss": "https://login.microsoftonline.com/" + tenant + "/v2.0", "tid": tenant, "xms_edov": true},
			"facebook": {"iss": "https://limited.facebook.com"},
			"kakao":    {"iss": "https://kauth.kakao.com", "email_verified": true},
		} {
			a := accounts[name]
			a.issuer = claims["iss"].(string)
			on := w.enable(t, name, a)
			claims["sub"], claims["email"] = "s-"+name, name+"@example.com"
			out := on.idToken(object{"provider": name, "id_token": w.idp.IDToken(claims)})
			require.Equal(t, http.StatusOK, out.Status, name+out.Text)
			require.Equal(t, name+"@example.com", out.User()["email"])
			claims["iss"] = "https://evil.example"
			w.Refused(on.idToken(object{"provider": name, "id_token": w.idp.IDToken(claims)}), http.StatusBadRequest, "invalid_credentials")
		}
		// A tenant of an attacker, where the project signs in one.
		evil := "11111111-2222-3333-4444-555555555555"
		a := accounts["azure"]
		a.issuer = "https://login.microsoftonline.com/" + evil + "/v2.0"
		a.settings = map[string]string{"url": `"https://login.microsoftonline.com/` + tenant + `/v2.0"`}
		on := w.enable(t, "azure", a)
		out := on.idToken(object{"provider": "azure", "id_token": w.idp.IDToken(object{"iss": a.issuer, "sub": "s", "email": "x@example.com", "xms_edov": true})})
		w.Refused(out, http.StatusBadRequest, "invalid_credentials")
	})
}

func TestIDTokensLinkIdentities(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		user := w.User("grace@example.com", "")
		bearer := w.SignIn(user).AccessToken
		link := func(w *world, bearer string) authtest.Answer {
			return w.Call(http.MethodPost, "/token?grant_type=id_token", bearer, object{"provider": "keycloak", "id_token": w.realmToken(nil), "link_identity": true})
		}
		w.Refused(link(w, bearer), http.StatusNotFound, "manual_linking_disabled")
		w = w.linking()
		w.Refused(link(w, ""), http.StatusUnauthorized, "no_authorization")
		out := link(w, bearer)
		require.Equal(t, http.StatusOK, out.Status, out.Text)
		require.Equal(t, user.String(), out.User()["id"])
		require.Equal(t, []any{"email", "keycloak"}, w.providers(user))
		w.Refused(link(w, bearer), http.StatusUnprocessableEntity, "identity_already_exists")
	})
}

func TestIDTokensTakeACaptcha(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.with(map[string]string{"auth.captcha.enabled": "true", "auth.captcha.secret": `"x"`})
		w.Refused(w.idToken(object{"provider": "keycloak", "id_token": w.realmToken(nil)}), http.StatusBadRequest, "captcha_failed")
	})
}
