package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

type object = map[string]any

const (
	site    = "https://app.example.com"
	landing = site + "/welcome"
)

// place is a project of the installation, and a look behind its back.
type place struct {
	*directory.Project
	snapshot *directoryv1.Snapshot
	keys     testkit.Keys
	// readOnly is a secret key with the scope tables:read alone.
	readOnly string
	db       *pgx.Conn
}

// scene is two projects: the victim's, and a neighbour's, which is set up alike and belongs to the attacker.
type scene struct {
	*testing.T
	in                *installation
	shared            bool
	victim, neighbour *place
	// idp is an honest identity provider, rogue one of an attacker.
	idp, rogue *oidc.Provider
	// told is what the row has tried and how it was refused.
	told *outcome
}

// settings are the projects' of a scene: everything is on, and limits are out of the way.
func settings() map[string]string {
	out := map[string]string{"auth.site_url": `"` + site + `"`, "auth.redirect_urls": `["https://other.example.com/**","myapp://callback"]`, "auth.autoconfirm": "false",
		"auth.email.max_frequency": "0", "auth.refresh_token_reuse_interval": "0", "auth.anonymous.enabled": "true", "auth.manual_linking": "true",
		"auth.saml.enabled": "true", "auth.passkey.enabled": "true", "auth.oauth_server.enabled": "true"}
	for _, name := range []string{"email_sent", "sign_in_sign_ups", "otp", "verify", "token_refresh", "anonymous_users"} {
		out["auth.rate_limit."+name] = "1000000"
	}
	return out
}

func newScene(t *testing.T, in *installation, shared bool) *scene {
	t.Helper()
	s := &scene{T: t, in: in, shared: shared, idp: in.provider(t), rogue: in.provider(t)}
	s.victim, s.neighbour = s.project(nil), s.project(nil)
	for _, p := range []*place{s.victim, s.neighbour} {
		s.must(201, ask{at: p, method: "POST", path: "/auth/v1/admin/custom-providers", key: p.keys.Secret, body: acme(s.idp, nil)})
	}
	s.must(201, ask{method: "POST", path: "/auth/v1/admin/custom-providers", key: s.victim.keys.Secret, body: acme(s.rogue, object{"identifier": "custom:rogue"})})
	return s
}

// acme describes an identity provider as a custom one.
func acme(p *oidc.Provider, more object) object {
	out := object{"provider_type": "oidc", "identifier": "custom:acme", "name": "Acme", "client_id": oidc.ClientID, "client_secret": oidc.ClientSecret,
		"scopes": []string{"email", "profile"}, "issuer": p.URL}
	maps.Copy(out, more)
	return out
}

// project makes a project whose settings differ from those of the others.
func (s *scene) project(more map[string]string) *place {
	s.Helper()
	p := &place{snapshot: testkit.NewProject(s.T, s.shared), readOnly: id.NewSecret(id.PrefixSecret)}
	p.keys = testkit.ProjectKeys(s.T, p.snapshot)
	p.snapshot.Settings = settings()
	maps.Copy(p.snapshot.Settings, more)
	p.snapshot.Keys = append(p.snapshot.Keys, &directoryv1.Key{Id: uuid.NewString(), Hash: id.Hash(p.readOnly), Role: "service_role", Scopes: []string{"tables:read"}})
	var err error
	p.Project, err = directory.FromSnapshot(p.snapshot)
	require.NoError(s, err)
	admin, err := url.Parse(testkit.AdminURL(s.T))
	require.NoError(s, err)
	admin.Path = "/" + p.snapshot.GetPlacement().GetDatabase()
	p.db, err = pgx.Connect(s.Context(), admin.String())
	require.NoError(s, err)
	s.Cleanup(func() { _ = p.db.Close(context.Background()) })
	_, err = p.db.Exec(s.Context(), fmt.Sprintf("set search_path = %q", p.snapshot.GetPlacement().GetSchemaPrefix()+"auth"))
	require.NoError(s, err)
	s.in.directory.add(p.snapshot)
	return p
}

func (s *scene) exec(p *place, sql string, args ...any) {
	s.Helper()
	_, err := p.db.Exec(s.Context(), sql, args...)
	require.NoError(s, err)
}

func one[T any](s *scene, p *place, sql string, args ...any) (out T) {
	s.Helper()
	require.NoError(s, p.db.QueryRow(s.Context(), sql, args...).Scan(&out))
	return out
}

// ask is a request. The victim's project is asked with its publishable key, unless it says otherwise.
type ask struct {
	at                *place
	method, path      string
	host, key, bearer string
	noKey             bool
	header            http.Header
	body              any // encoded as JSON, unless it is a string or values of a form
	from              string
}

type answer struct {
	status int
	header http.Header
	text   string
	body   object
}

func (a answer) str(key string) string { v, _ := a.body[key].(string); return v }

// code is the stable word of a refusal, in whatever dialect.
func (a answer) code() string {
	for _, key := range []string{"error_code", "code", "error"} {
		if v := a.str(key); v != "" {
			return v
		}
	}
	return ""
}

// location is where a redirect leads, and what it carries in query and fragment.
func (a answer) location(t testing.TB) (string, url.Values) {
	t.Helper()
	to, err := url.Parse(a.header.Get("Location"))
	require.NoError(t, err)
	fields, err := url.ParseQuery(to.EscapedFragment())
	require.NoError(t, err)
	maps.Copy(fields, to.Query())
	to.RawQuery, to.Fragment, to.RawFragment = "", "", ""
	return to.String(), fields
}

func (s *scene) request(a ask) *http.Request {
	s.Helper()
	if a.at == nil {
		a.at = s.victim
	}
	if a.method == "" {
		a.method = http.MethodGet
	}
	header := http.Header{}
	var body io.Reader
	switch v := a.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(v)
	case url.Values:
		body = strings.NewReader(v.Encode())
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	default:
		encoded, err := json.Marshal(v)
		require.NoError(s, err)
		body = bytes.NewReader(encoded)
		header.Set("Content-Type", "application/json")
	}
	r, err := http.NewRequestWithContext(s.Context(), a.method, s.in.server.URL+a.path, body)
	require.NoError(s, err)
	r.Host = a.host
	if r.Host == "" {
		r.Host = a.at.Ref + ".localhost"
	}
	if !a.noKey {
		header.Set("apikey", or(a.key, a.at.keys.Publishable))
	}
	if a.bearer != "" {
		header.Set("Authorization", "Bearer "+a.bearer)
	}
	maps.Copy(header, a.header)
	r.Header = header
	return r
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// do sends a request from an address of this machine.
func (s *scene) do(a ask) answer {
	s.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	if a.from != "" {
		transport.DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(a.from)}}).DialContext
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(s.request(a))
	require.NoError(s, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(s, err)
	out := answer{status: res.StatusCode, header: res.Header, text: string(text)}
	_ = json.Unmarshal(text, &out.body) // others are not objects
	return out
}

// must is do for what is right.
func (s *scene) must(status int, a ask) answer {
	s.Helper()
	out := s.do(a)
	require.Equal(s, status, out.status, "%s %s: %s", a.method, a.path, out.text)
	return out
}

func (s *scene) post(path string, body any) ask {
	return ask{method: "POST", path: "/auth/v1" + path, body: body}
}

func (s *scene) admin(method, path string, body any) ask {
	return ask{method: method, path: "/auth/v1/admin" + path, key: s.victim.keys.Secret, body: body}
}

// fingerprint is what an attack may not change: users with all that opens them, and what is known to the project. Sessions, with their levels, and codes
// may become fewer, not more.
type fingerprint struct {
	Fixed    map[string]string
	Sessions map[string]string
	Codes    []string
}

const fingerprintSQL = `select jsonb_build_object(
	'Fixed', jsonb_build_object(
		'users', (select coalesce(md5(string_agg(to_jsonb(u)::text, '' order by id)), '') from users u),
		'identities', (select coalesce(md5(string_agg((to_jsonb(i) - '{last_sign_in_at,updated_at}'::text[])::text, '' order by id)), '') from identities i),
		'factors', (select coalesce(md5(string_agg(id::text || status || coalesce(secret, ''), '' order by id)), '') from mfa_factors),
		'passkeys', (select count(*)::text from webauthn_credentials),
		'providers', (select coalesce(md5(string_agg(to_jsonb(p)::text, '' order by id)), '') from custom_oauth_providers p),
		'saml', (select count(*)::text from saml_providers), 'clients', (select count(*)::text from oauth_clients),
		'consents', (select count(*)::text from oauth_consents)),
	'Sessions', (select coalesce(jsonb_object_agg(id, coalesce(aal::text, '')), '{}') from sessions),
	'Codes', (select coalesce(jsonb_agg(id), '[]') from one_time_tokens))`

func (s *scene) fingerprint(p *place) (out fingerprint) {
	s.Helper()
	require.NoError(s, json.Unmarshal([]byte(one[string](s, p, fingerprintSQL)), &out))
	return out
}

// unchanged requires that what fn does leaves no trace in either project.
func (s *scene) unchanged(fn func()) {
	s.Helper()
	places := []*place{s.victim, s.neighbour}
	before := []fingerprint{s.fingerprint(places[0]), s.fingerprint(places[1])}
	fn()
	for i, p := range places {
		after := s.fingerprint(p)
		require.Equal(s, before[i].Fixed, after.Fixed, "the attack changed something")
		for session, level := range after.Sessions {
			require.Equal(s, before[i].Sessions[session], level, "the attack opened a session or raised one")
		}
		for _, code := range after.Codes {
			require.Contains(s, before[i].Codes, code, "the attack made a code, or had one sent")
		}
	}
}

// refused tries an attack, and requires the very refusal, and that nothing was changed or told.
func (s *scene) refused(a ask, status int, code string) (out answer) {
	s.Helper()
	s.unchanged(func() { out = s.do(a) })
	require.Equal(s, status, out.status, "%s %s: %s", a.method, a.path, out.text)
	require.Equal(s, code, out.code(), out.text)
	s.harmless(out)
	s.tell(a, fmt.Sprintf("%d %s", status, code))
	return out
}

// turnedBack tries an attack whose answer is a redirect to an address that the project trusts, with an error.
func (s *scene) turnedBack(a ask, to, code string) (out answer) {
	s.Helper()
	s.unchanged(func() { out = s.do(a) })
	require.Equal(s, http.StatusSeeOther, out.status, out.text)
	address, fields := out.location(s)
	require.Equal(s, to, strings.TrimSuffix(address, "/"), out.header.Get("Location"))
	require.Equal(s, code, fields.Get("error_code"), out.header.Get("Location"))
	s.harmless(out)
	s.tell(a, "303 "+code)
	return out
}

// harmless requires that an answer carries nothing that opens anything.
func (s *scene) harmless(out answer) {
	s.Helper()
	all := out.text + " " + out.header.Get("Location") + " " + strings.Join(out.header["Set-Cookie"], " ")
	for _, word := range []string{"access_token=", `"access_token"`, `"refresh_token"`, "encrypted_password", "?code=", "&code=", "#code=", "BEGIN ", "SQLSTATE", "goroutine"} {
		require.NotContains(s, all, word)
	}
}

var ids = regexp.MustCompile(`/([0-9a-f]{8}-[0-9a-f-]{27}|[a-z]{20}|[a-z0-9]{32})\b`)

// tell writes down what was tried, and how it ended.
func (s *scene) tell(a ask, how string) {
	path, _, _ := strings.Cut(a.path, "?")
	if grant := strings.Index(a.path, "grant_type="); grant > 0 {
		path += "?" + a.path[grant:]
	}
	what := or(a.method, http.MethodGet) + " " + ids.ReplaceAllString(path, "/{id}")
	if !slices.Contains(s.told.tried, what) {
		s.told.tried = append(s.told.tried, what)
	}
	if !slices.Contains(s.told.how, how) {
		s.told.how = append(s.told.how, how)
	}
	s.told.attempts++
}

// person is a user of a project who is signed in.
type person struct {
	at              *place
	id, email       string
	access, refresh string
	session         string
}

// hashed is bcrypt of password at the least cost: what matters here is not how dear it is.
const (
	password = "correct horse battery"
	hashed   = "$2a$04$k0xPJcm7vsMk/pbfv/X70ePLFc0bvGdwXc1kv.pkE36UmtXZVRyvK"
)

func (s *scene) newcomer(p *place) *person {
	s.Helper()
	out := &person{at: p, id: uuid.NewString()}
	out.email = "u" + out.id[:8] + "@example.com"
	s.exec(p, `insert into users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
		values ('00000000-0000-0000-0000-000000000000', $1, 'authenticated', 'authenticated', $2, $3, now(), '{"provider":"email","providers":["email"]}', '{}', now(), now())`,
		out.id, out.email, hashed)
	s.exec(p, `insert into identities (provider_id, user_id, identity_data, provider, created_at, updated_at)
		values ($1::uuid::text, $1::uuid, jsonb_build_object('sub', $1::uuid, 'email', $2::text, 'email_verified', true), 'email', now(), now())`, out.id, out.email)
	return out
}

// person makes a user of the victim's project, and signs them in.
func (s *scene) person() *person { s.Helper(); return s.personAt(s.victim) }

func (s *scene) personAt(p *place) *person {
	s.Helper()
	out := s.newcomer(p)
	s.signIn(out)
	return out
}

// proof is what a mail would carry.
type proof struct{ hash, code, link string }

// mailed is the proof of a kind that a user has in their mailbox.
func (s *scene) mailed(u *person, kind string, more object) proof {
	s.Helper()
	body := object{"type": kind, "email": u.email}
	maps.Copy(body, more)
	out := s.must(200, ask{at: u.at, method: "POST", path: "/auth/v1/admin/generate_link", key: u.at.keys.Secret, body: body})
	return proof{out.str("hashed_token"), out.str("email_otp"), out.str("action_link")}
}

func (s *scene) signIn(u *person) {
	s.Helper()
	out := s.must(200, ask{at: u.at, method: "POST", path: "/auth/v1/verify", body: object{"type": "magiclink", "token_hash": s.mailed(u, "magiclink", nil).hash}})
	s.holds(u, out)
}

func (s *scene) holds(u *person, out answer) {
	s.Helper()
	u.access, u.refresh = out.str("access_token"), out.str("refresh_token")
	require.NotEmpty(s, u.access, out.text)
	u.session, _ = claimsOf(s, u.access)["session_id"].(string)
}

func (s *scene) refresh(u *person) {
	s.Helper()
	s.holds(u, s.must(200, ask{at: u.at, method: "POST", path: "/auth/v1/token?grant_type=refresh_token", body: object{"refresh_token": u.refresh}}))
}

// works requires that a user's access token is still taken.
func (s *scene) works(u *person) {
	s.Helper()
	s.must(200, ask{at: u.at, path: "/auth/v1/user", bearer: u.access})
}
