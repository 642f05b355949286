package provider_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/provider/catalog"
	"github.com/wayli-app/fluxbase/internal/setting"
	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

// account is an account at a provider, with what the provider says of it, and what becomes of that.
type account struct {
	// claims are those of the ID token, profile and emails what the endpoints answer.
	claims          object
	profile, emails string
	issuer          string
	settings        map[string]string
	// said is the identity's data.
	said string
	// proved tells that the address counts as verified.
	proved bool
}

const tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"

// accounts are as the providers document them.
var accounts = map[string]account{
	"apple": {issuer: "https://appleid.apple.com", claims: object{"email": "ada@privaterelay.appleid.com", "email_verified": "true", "is_private_email": "true"}, proved: true,
		said: `{"iss":"https://appleid.apple.com","custom_claims":{"is_private_email":true},"email":"ada@privaterelay.appleid.com"}`},
	"azure": {issuer: "https://login.microsoftonline.com/" + tenant + "/v2.0", proved: true,
		claims: object{"email": "ada@contoso.com", "name": "Ada", "preferred_username": "ada@contoso.com", "tid": tenant, "xms_edov": "1"},
		said: `{"iss":"https://login.microsoftonline.com/` + tenant + `/v2.0","name":"Ada","full_name":"Ada","preferred_username":"ada@contoso.com","email":"ada@contoso.com",
			"custom_claims":{"tid":"` + tenant + `","xms_edov":"1"}}`},
	"bitbucket": {proved: true, profile: `{"uuid":"SUB","display_name":"Ada","links":{"avatar":{"href":"https://a/x.png"}}}`,
		emails: `{"values":[{"email":"other@example.com","is_primary":false,"is_confirmed":true},{"email":"ada@example.com","is_primary":true,"is_confirmed":true}]}`,
		said:   `{"iss":"https://api.bitbucket.org/2.0","name":"Ada","full_name":"Ada","picture":"https://a/x.png","avatar_url":"https://a/x.png","email":"ada@example.com"}`},
	"discord": {proved: true, profile: `{"id":"SUB","username":"ada","discriminator":"0","global_name":"Ada L","avatar":"a_12","email":"ada@example.com","verified":true}`,
		said: `{"iss":"https://discord.com/api","name":"ada#0","full_name":"ada","picture":"https://cdn.discordapp.com/avatars/SUB/a_12.gif",
			"avatar_url":"https://cdn.discordapp.com/avatars/SUB/a_12.gif","custom_claims":{"global_name":"Ada L"},"email":"ada@example.com"}`},
	"facebook": {proved: true, profile: `{"id":"SUB","first_name":"Ada","last_name":"L","name":"Ada L","email":"ada@example.com","picture":{"data":{"url":"https://f/x"}}}`,
		said: `{"iss":"https://graph.facebook.com","name":"Ada L","full_name":"Ada L","nickname":"Ada L","slug":"Ada L","picture":"https://f/x","avatar_url":"https://f/x",
			"email":"ada@example.com"}`},
	"figma": {proved: true, profile: `{"id":"SUB","handle":"Ada","img_url":"https://g/x","email":"ada@example.com"}`,
		said: `{"iss":"https://api.figma.com","name":"Ada","full_name":"Ada","avatar_url":"https://g/x","email":"ada@example.com"}`},
	"github": {proved: true, profile: `{"id":90071992547409931,"login":"ada","name":"Ada","avatar_url":"https://h/x","email":"public@example.com"}`,
		emails: `[{"email":"old@example.com","primary":false,"verified":false},{"email":"ada@example.com","primary":true,"verified":true}]`,
		said:   `{"iss":"https://api.github.com","name":"Ada","full_name":"Ada","preferred_username":"ada","user_name":"ada","avatar_url":"https://h/x","email":"ada@example.com"}`},
	"gitlab": {proved: true, profile: `{"id":"SUB","username":"ada","name":"Ada","avatar_url":"https://l/x","email":"ada@example.com","confirmed_at":"2020-01-01T00:00:00Z"}`,
		said: `{"iss":"https://gitlab.com","name":"Ada","full_name":"Ada","user_name":"ada","preferred_username":"ada","picture":"https://l/x","avatar_url":"https://l/x",
			"email":"ada@example.com"}`},
	"google": {issuer: "https://accounts.google.com", proved: true,
		claims: object{"email": "ada@example.com", "email_verified": true, "name": "Ada", "picture": "https://o/x", "hd": "example.com"},
		said: `{"iss":"https://accounts.google.com","name":"Ada","full_name":"Ada","picture":"https://o/x","avatar_url":"https://o/x","custom_claims":{"hd":"example.com"},
			"email":"ada@example.com"}`},
	"kakao": {proved: true, profile: `{"id":"SUB","kakao_account":{"profile":{"nickname":"Ada","profile_image_url":"https://k/x"},"email":"ada@example.com","is_email_valid":true,
			"is_email_verified":true}}`,
		said: `{"iss":"https://kapi.kakao.com","name":"Ada","full_name":"Ada","preferred_username":"Ada","user_name":"Ada","avatar_url":"https://k/x","email":"ada@example.com"}`},
	"linkedin_oidc": {issuer: "https://www.linkedin.com/oauth", proved: true, claims: object{"email": "ada@example.com", "email_verified": "true", "given_name": "Ada",
		"family_name": "L", "picture": "https://i/x", "locale": object{"language": "en", "country": "US"}},
		said: `{"iss":"https://www.linkedin.com/oauth","name":"Ada L","full_name":"Ada L","given_name":"Ada","family_name":"L","picture":"https://i/x","locale":"en-US",
			"email":"ada@example.com"}`},
	"notion": {proved: true, profile: `{"object":"user","bot":{"owner":{"type":"user","user":{"id":"SUB","name":"Ada","avatar_url":"https://n/x","person":{"email":"ada@example.com"}}}}}`,
		said: `{"iss":"https://api.notion.com","name":"Ada","full_name":"Ada","picture":"https://n/x","avatar_url":"https://n/x","email":"ada@example.com"}`},
	"slack_oidc": {issuer: "https://slack.com", proved: true, claims: object{"email": "ada@example.com", "email_verified": true},
		profile: `{"ok":true,"sub":"SUB","https://slack.com/user_id":"SUB","https://slack.com/team_id":"T1","email":"ada@example.com","email_verified":true,"name":"Ada","picture":"https://s/x"}`,
		said: `{"iss":"https://slack.com/api","name":"Ada","full_name":"Ada","picture":"https://s/x","avatar_url":"https://s/x","custom_claims":{"https://slack.com/team_id":"T1"},
			"email":"ada@example.com"}`},
	"spotify": {profile: `{"id":"SUB","display_name":"Ada","email":"ada@example.com","images":[{"url":"https://p/x"},{"url":"https://p/y"}]}`,
		said: `{"iss":"https://api.spotify.com/v1","name":"Ada","full_name":"Ada","picture":"https://p/x","avatar_url":"https://p/x","email":"ada@example.com"}`},
	"twitch": {proved: true, profile: `{"data":[{"id":"SUB","login":"ada","display_name":"Ada","type":"","broadcaster_type":"partner","profile_image_url":"https://t/x","view_count":7,
			"email":"ada@example.com"}]}`,
		said: `{"iss":"https://api.twitch.tv","name":"ada","full_name":"ada","nickname":"Ada","slug":"Ada","picture":"https://t/x","avatar_url":"https://t/x",
			"custom_claims":{"broadcaster_type":"partner","view_count":7},"email":"ada@example.com"}`},
	"twitter": {proved: true, profile: tweets, said: tweeted},
	"x":       {proved: true, profile: tweets, said: tweeted},
	"zoom": {proved: true, profile: `{"id":"SUB","first_name":"Ada","last_name":"L","email":"ada@example.com","verified":1,"login_type":100,"pic_url":"https://z/x"}`,
		said: `{"iss":"https://api.zoom.us/v2","name":"Ada L","full_name":"Ada L","picture":"https://z/x","avatar_url":"https://z/x","email":"ada@example.com"}`},
	"keycloak": {issuer: "https://id.example.com/realms/r", proved: true, settings: map[string]string{"url": `"https://id.example.com/realms/r/"`},
		claims: object{}, profile: `{"sub":"SUB","name":"Ada","email":"ada@example.com","email_verified":true}`,
		said: `{"iss":"https://id.example.com/realms/r","name":"Ada","full_name":"Ada","email":"ada@example.com"}`},
}

const (
	tweets  = `{"data":{"id":"SUB","name":"Ada","username":"ada","confirmed_email":"ada@example.com","profile_image_url":"https://x/x","url":"https://t.co/x","created_at":"2010-01-01T00:00:00Z"}}`
	tweeted = `{"iss":"https://api.x.com","name":"Ada","full_name":"Ada","preferred_username":"ada","user_name":"ada","picture":"https://x/x","avatar_url":"https://x/x",
		"website":"https://t.co/x","profile":"https://x.com/ada","custom_claims":{"created_at":"2010-01-01T00:00:00Z"},"email":"ada@example.com"}`
)

// enable switches a provider of the catalog on, and makes the test's provider answer at its addresses.
func (w *world) enable(t *testing.T, name string, a account) *world {
	t.Helper()
	d, ok := catalog.Lookup(name)
	require.True(t, ok)
	key := "auth.external." + name + "."
	settings := map[string]string{key + "enabled": "true", key + "client_id": `["` + oidc.ClientID + `"]`, key + "secret": `"` + oidc.ClientSecret + `"`}
	chosen := ""
	for short, value := range a.settings {
		settings[key+short] = value
		if short == "url" {
			require.NoError(t, json.Unmarshal([]byte(value), &chosen))
		}
	}
	d = d.At(chosen)
	keys := ""
	if d.OIDC != nil {
		if keys = d.OIDC.Keys; d.OIDC.Tenants {
			keys = strings.TrimSuffix(a.issuer, "/v2.0") + "/discovery/v2.0/keys"
		}
	}
	w.idp.StandIn(a.issuer, d.Auth, d.Token, keys)
	document := func(text string) oidc.Endpoint {
		return w.idp.JSON(func(u oidc.User) string { return strings.ReplaceAll(text, "SUB", u.Subject) })
	}
	if d.User != "" {
		w.idp.At(d.User, document(a.profile))
	}
	if d.Emails != "" {
		w.idp.At(d.Emails, document(a.emails))
	}
	return w.with(settings)
}

func TestEveryProvider(t *testing.T) {
	for _, p := range setting.Providers {
		require.Contains(t, accounts, p.Name)
		d, ok := catalog.Lookup(p.Name)
		require.True(t, ok, p.Name)
		require.Equal(t, p.Hosted, d.Hosted, p.Name)
	}
	require.Len(t, accounts, len(setting.Providers))
	both(t, func(t *testing.T, w *world) {
		for name, a := range accounts {
			w.Exec("delete from users")
			subject := "person-" + name
			if name == "github" {
				subject = "90071992547409931"
			}
			w.idp.Add(oidc.User{Subject: subject, Claims: a.claims})
			on := w.enable(t, name, a)
			out := on.login(name, subject)
			if a.proved {
				claims := on.signedIn(t, out)
				require.Equal(t, map[string]any{"provider": name, "providers": []any{name}}, claims["app_metadata"])
				require.NotEmpty(t, claims["email"], name)
			} else {
				refused(t, out, landing, "provider_email_needs_verification")
			}
			want := object{"sub": subject, "provider_id": subject, "email_verified": a.proved, "phone_verified": false}
			require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(a.said, "SUB", subject)), &want))
			require.Equal(t, want, on.identity(name), name)
			require.Equal(t, subject, one[string](on, "select provider_id from identities"))
		}
	})
}

func TestWhatProvidersAreAsked(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for name, want := range map[string]url.Values{
			"google": {"scope": {"openid email profile"}, "access_type": {"offline"}},
			"github": {"scope": {"user:email"}},
			"notion": {"owner": {"user"}},
			"apple":  {"scope": {"email name"}, "response_mode": {"form_post"}},
			"x":      {"scope": {"users.email tweet.read users.read offline.access"}, "code_challenge_method": {"S256"}},
		} {
			on := w.enable(t, name, accounts[name])
			to, err := url.Parse(on.begin(name, url.Values{"access_type": {"offline"}}))
			require.NoError(t, err)
			for key, values := range want {
				require.Equal(t, values, to.Query()[key], name)
			}
		}
		// Secrets that prove themselves, and headers that a provider wants.
		var facebook, twitch, notion http.Header
		var proof string
		w.idp.Add(oidc.User{Subject: "p"})
		on := w.enable(t, "facebook", accounts["facebook"]).enable(t, "twitch", accounts["twitch"]).enable(t, "notion", accounts["notion"])
		for name, into := range map[string]*http.Header{"facebook": &facebook, "twitch": &twitch, "notion": &notion} {
			d, _ := catalog.Lookup(name)
			w.idp.At(d.At("").User, func(rw http.ResponseWriter, r *http.Request) {
				*into = r.Header
				if name == "facebook" {
					proof = r.URL.Query().Get("appsecret_proof")
				}
				w.idp.JSON(func(oidc.User) string { return strings.ReplaceAll(accounts[name].profile, "SUB", name) })(rw, r)
			})
			on.signedIn(t, on.login(name, "p"))
		}
		require.Len(t, proof, 64)
		require.Equal(t, oidc.ClientID, twitch.Get("Client-Id"))
		require.NotEmpty(t, notion.Get("Notion-Version"))
		require.Equal(t, "Fluxbase", facebook.Get("User-Agent"))
	})
}

func TestAddressesThatProvidersHaveNotVerified(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		personal := "9188040d-6c67-4c5b-b112-36a304b66dad"
		azure := func(tenant string, more object) account {
			claims := object{"email": "ada@contoso.com", "tid": tenant}
			for key, value := range more {
				claims[key] = value
			}
			return account{issuer: "https://login.microsoftonline.com/" + tenant + "/v2.0", claims: claims}
		}
		pinned := azure(tenant, nil)
		pinned.settings = map[string]string{"url": `"https://login.microsoftonline.com/` + tenant + `"`}
		denied := azure(tenant, object{"xms_edov": false})
		denied.settings = pinned.settings
		for name, row := range map[string]struct {
			provider string
			account
			proved bool
		}{
			"any tenant writes any address":           {"azure", azure(tenant, nil), false},
			"a domain that the tenant does not own":   {"azure", azure(tenant, object{"xms_edov": "0"}), false},
			"a domain that it owns":                   {"azure", azure(tenant, object{"xms_edov": true}), true},
			"a personal account at Microsoft":         {"azure", azure(personal, nil), true},
			"the one tenant that the project trusts":  {"azure", pinned, true},
			"what even that tenant does not own":      {"azure", denied, false},
			"an address at Discord before the mail":   {"discord", account{profile: `{"id":"SUB","username":"a","discriminator":"0","email":"ada@contoso.com","verified":false}`}, false},
			"an account at GitLab before the mail":    {"gitlab", account{profile: `{"id":"SUB","email":"ada@contoso.com","confirmed_at":null}`}, false},
			"an address at Kakao that is not valid":   {"kakao", account{profile: `{"id":"SUB","kakao_account":{"email":"ada@contoso.com","is_email_valid":false,"is_email_verified":true}}`}, false},
			"a company's sign-in at Zoom":             {"zoom", account{profile: `{"id":"SUB","email":"ada@contoso.com","verified":0,"login_type":101}`}, false},
			"an address at GitHub that is not proved": {"github", account{profile: `{"id":"SUB"}`, emails: `[{"email":"ada@contoso.com","primary":true,"verified":false}]`}, false},
			"a managed account at Apple":              {"apple", account{issuer: "https://appleid.apple.com", claims: object{"email": "ada@contoso.com", "email_verified": "false"}}, false},
		} {
			w.Exec("delete from users")
			w.idp.Add(oidc.User{Subject: "person", Claims: row.claims})
			on := w.enable(t, row.provider, row.account)
			out := on.login(row.provider, "person")
			if row.proved {
				require.Equal(t, "ada@contoso.com", on.signedIn(t, out)["email"], name)
			} else {
				refused(t, out, landing, "provider_email_needs_verification")
			}
		}
	})
}

func TestAppleTellsTheNameOnce(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		on := w.enable(t, "apple", accounts["apple"])
		w.idp.Add(oidc.User{Subject: "001", Claims: accounts["apple"].claims})
		back := w.idp.SignIn(t, on.begin("apple", nil), "001")
		require.Equal(t, http.MethodPost, back.Method)
		back.Fields.Set("user", `{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"admin@example.com"}`)
		out := on.arrive(back)
		require.Equal(t, http.StatusSeeOther, out.Status)
		claims := on.signedIn(t, out)
		require.Equal(t, "ada@privaterelay.appleid.com", claims["email"], "an address that the browser says is not looked at")
		require.Equal(t, "Ada Lovelace", claims["user_metadata"].(map[string]any)["full_name"])
		again := on.signedIn(t, on.login("apple", "001"))
		require.Equal(t, "Ada Lovelace", again["user_metadata"].(map[string]any)["full_name"])
	})
}
