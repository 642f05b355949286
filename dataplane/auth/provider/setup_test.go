package provider_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/link"
	"github.com/wayli-app/fluxbase/dataplane/auth/proof"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/provider"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/seal"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

type object = map[string]any

// world is a project whose users have accounts at a provider.
type world struct {
	*authtest.Bundle
	idp *oidc.Provider
	// clock is what is added to the time.
	clock  *time.Duration
	sealer *seal.Sealer
}

const (
	site    = "https://app.example.com"
	landing = site + "/welcome"
)

// both runs a test over both isolations, each with a provider of its own, which the project knows as custom:acme and as its Keycloak.
func both(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	authtest.Both(t, func(*authtest.Bundle) {}, func(t *testing.T, b *authtest.Bundle) { test(t, newWorld(t, b)) })
}

func newWorld(t *testing.T, b *authtest.Bundle) *world {
	t.Helper()
	w := &world{Bundle: b, idp: oidc.New(t), clock: new(time.Duration)}
	w.sealer = testkit.Sealer(t)
	w.serve(t, func(*provider.Deps) {})
	w.Bundle = b.With(map[string]string{
		"auth.autoconfirm": "false", "auth.site_url": `"` + site + `"`, "auth.redirect_urls": `["` + site + `/**", "myapp://callback"]`, "auth.email.max_frequency": "0",
		"auth.external.keycloak.enabled": "true", "auth.external.keycloak.client_id": `["` + oidc.ClientID + `","the-ios-app"]`,
		"auth.external.keycloak.secret": `"` + oidc.ClientSecret + `"`, "auth.external.keycloak.url": `"` + w.idp.URL + `/realms/acme"`,
	})
	w.idp.Redirects(w.callback())
	w.realm()
	w.idp.Add(ada, eve)
	made := w.Call(http.MethodPost, "/admin/custom-providers", authtest.Secret, w.acme(nil))
	require.Equal(t, http.StatusCreated, made.Status, made.Text)
	return w
}

// serve puts the surface on the bundle's router.
func (w *world) serve(t *testing.T, change func(*provider.Deps)) {
	t.Helper()
	b := w.Bundle
	d := provider.Deps{Log: testkit.Logger(t), Egress: b.Egress, Guard: b.Guard, Sessions: b.Sessions, Letters: b.Letters, Users: b.Users,
		Sealer: w.sealer, Transport: w.idp.Internet(), Timeout: 10 * time.Second, Now: func() time.Time { return time.Now().Add(*w.clock) }}
	change(&d)
	surface := provider.New(d)
	surface.Routes(b.Router)
	proofs := proof.New(proof.Deps{Guard: b.Guard, Messages: b.Messages, Sessions: b.Sessions, Users: b.Users})
	links := link.New(link.Deps{Guard: b.Guard, Proofs: proofs, Sessions: b.Sessions})
	links.Routes(b.Router)
	grants := links.Grants()
	maps.Copy(grants, surface.Grants())
	b.Router.Handle(http.MethodPost, "/token", func(rw http.ResponseWriter, r *http.Request, s *projectdb.Session) error {
		if h, ok := grants[r.URL.Query().Get("grant_type")]; ok {
			return h(rw, r, s)
		}
		return fault.New(fault.Invalid, "VALIDATION_FAILED", "no such grant")
	})
}

// again is the same project on another worker.
func (w *world) again(t *testing.T, change func(*provider.Deps)) *world {
	t.Helper()
	bundle, out := *w.Bundle, *w
	bundle.Router = protocol.NewRouter(testkit.Logger(t))
	out.Bundle = &bundle
	out.serve(t, change)
	return &out
}

// within gives providers so much time.
func (w *world) within(t *testing.T, timeout time.Duration) *world {
	return w.again(t, func(d *provider.Deps) { d.Timeout = timeout })
}

// closed reaches the public internet only.
func (w *world) closed(t *testing.T) *world {
	return w.again(t, func(d *provider.Deps) { d.Egress, d.Transport = egress.NewGuard(nil), nil })
}

// realm puts the provider where Keycloak has its addresses.
func (w *world) realm() {
	at := w.idp.URL + "/realms/acme"
	w.idp.StandIn(at, at+"/protocol/openid-connect/auth", at+"/protocol/openid-connect/token", at+"/protocol/openid-connect/certs")
	w.idp.At(at+"/protocol/openid-connect/userinfo", w.idp.Userinfo)
}

// acme describes the provider as a custom one.
func (w *world) acme(changes object) object {
	out := object{"provider_type": "oidc", "identifier": "custom:acme", "name": "Acme", "client_id": oidc.ClientID, "client_secret": oidc.ClientSecret,
		"scopes": []string{"email", "profile"}, "issuer": w.idp.URL}
	maps.Copy(out, changes)
	return out
}

var (
	ada = oidc.User{Subject: "ada-1", Claims: object{"email": "Ada@Example.com", "email_verified": true, "name": "Ada Lovelace", "picture": "https://img.example/ada.png"}}
	eve = oidc.User{Subject: "eve-1", Claims: object{"email": "ada@example.com", "email_verified": false, "name": "Eve"}}
)

func (w *world) callback() string { return w.Project.URL + "/auth/v1/callback" }

func (w *world) with(settings map[string]string) *world {
	out := *w
	out.Bundle = w.With(settings)
	return &out
}

// begin asks for a provider's address.
func (w *world) begin(name string, more url.Values) string {
	w.T.Helper()
	query := url.Values{"provider": {name}, "redirect_to": {landing}}
	maps.Copy(query, more)
	out := w.Call(http.MethodGet, "/authorize?"+query.Encode(), "", nil)
	require.Equal(w.T, http.StatusFound, out.Status, out.Text)
	return out.Header.Get("Location")
}

// arrive takes the browser back to the project, and returns where it is sent.
func (w *world) arrive(back oidc.Back) authtest.Answer {
	w.T.Helper()
	require.Equal(w.T, w.callback(), back.Address)
	var r *http.Request
	if back.Method == http.MethodPost {
		r = httptest.NewRequest(http.MethodPost, "/callback", strings.NewReader(back.Fields.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		r = httptest.NewRequest(http.MethodGet, "/callback?"+back.Fields.Encode(), nil)
	}
	return w.Do(r, "")
}

// login signs a person in at a provider, implicitly.
func (w *world) login(name, subject string) authtest.Answer {
	w.T.Helper()
	return w.arrive(w.idp.SignIn(w.T, w.begin(name, nil), subject))
}

// landed reads the fields that a redirect carries to an address: those of the fragment, and an error's of the query.
func landed(t *testing.T, out authtest.Answer, address string) url.Values {
	t.Helper()
	require.Contains(t, []int{http.StatusFound, http.StatusSeeOther}, out.Status, out.Text)
	to, err := url.Parse(out.Header.Get("Location"))
	require.NoError(t, err)
	fragment, err := url.ParseQuery(to.EscapedFragment())
	require.NoError(t, err)
	for key, values := range to.Query() {
		fragment[key] = values
	}
	to.RawQuery, to.Fragment = "", ""
	require.Equal(t, address, to.String(), out.Header.Get("Location"))
	return fragment
}

// signedIn returns the user of the session that a redirect carries.
func (w *world) signedIn(t *testing.T, out authtest.Answer) object {
	t.Helper()
	fields := landed(t, out, landing)
	require.Empty(t, fields.Get("error"), fields)
	return w.holder(t, fields.Get("access_token"))
}

func (w *world) holder(t *testing.T, accessToken string) object {
	t.Helper()
	verified, err := w.Project.Verifier.Verify(accessToken, time.Now())
	require.NoError(t, err)
	var claims object
	require.NoError(t, json.Unmarshal(verified.JSON, &claims))
	return claims
}

// refused requires that a redirect carries an error.
func refused(t *testing.T, out authtest.Answer, address, code string) url.Values {
	t.Helper()
	fields := landed(t, out, address)
	require.Equal(t, code, fields.Get("error_code"), fields)
	require.Empty(t, fields.Get("access_token"))
	require.Empty(t, fields.Get("code"))
	require.NotEmpty(t, fields.Get("error"))
	return fields
}

// challenge makes a verifier and its challenge.
func challenge() (verifier string, query url.Values) {
	verifier = strings.Repeat("v", 20) + uuid.NewString()
	sum := sha256.Sum256([]byte(verifier))
	return verifier, url.Values{"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"s256"}}
}

func (w *world) exchange(code, verifier string) authtest.Answer {
	w.T.Helper()
	return w.Call(http.MethodPost, "/token?grant_type=pkce", "", object{"auth_code": code, "code_verifier": verifier})
}

func (w *world) identity(name string) (data object) {
	w.T.Helper()
	return authtest.One[object](w.Bundle, "select identity_data from identities where provider = $1", name)
}

// one reads one value.
func one[T any](w *world, sql string, args ...any) T {
	w.T.Helper()
	return authtest.One[T](w.Bundle, sql, args...)
}
