package gateway

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/token"
)

// ended revokes one session, and all that was issued to one subject before a time.
type ended struct {
	session, subject string
	before           time.Time
	asked            atomic.Int64
	ref              atomic.Value
}

func (e *ended) Revoked(ref, session, subject string, issued time.Time) bool {
	e.asked.Add(1)
	e.ref.Store(ref)
	return session != "" && session == e.session || subject != "" && subject == e.subject && issued.Before(e.before)
}

func TestTokensOfEndedSessionsAreRefused(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	now := time.Now()
	gone := &ended{session: "signed out", subject: "banned", before: now}
	b := setup(t, func(d *Deps) { everyService(d); d.Revocations = gone }, s)
	user := func(subject, session string, issued time.Time) string {
		return s.sign(t, map[string]any{"sub": subject, "role": roleAuthenticated, "session_id": session, "aud": "authenticated", "iat": issued.Unix(), "client_id": "app"})
	}
	send := func(path, key, bearer string) response {
		header := map[string]string{"Authorization": "Bearer " + bearer}
		if key != "" {
			header["apikey"] = key
		}
		return b.do(t, request{host: s.project.Ref + ".example.test", path: path, header: header})
	}
	for name, bearer := range map[string]string{
		"signed out": user("u", "signed out", now), "banned": user("banned", "s", now.Add(-time.Minute)),
		"of the legacy secret": s.signLegacy(t, map[string]any{"sub": "u", "role": roleAuthenticated, "session_id": "signed out"}),
		"without an iat":       s.sign(t, map[string]any{"sub": "banned", "role": roleAuthenticated}),
		"of the role service":  s.sign(t, map[string]any{"sub": "banned", "role": roleService}),
	} {
		for path, want := range map[string]struct {
			status int
			body   string
		}{
			rest:                     {401, `{"code":"PGRST301","details":null,"hint":null,"message":"JWT has been revoked"}`},
			"/auth/v1/user":          {403, `{"code":403,"error_code":"session_not_found","msg":"Session from session_id claim in JWT does not exist"}`},
			"/auth/v1/verify":        {403, `{"code":403,"error_code":"session_not_found","msg":"Session from session_id claim in JWT does not exist"}`},
			"/auth/v1/admin/users":   {403, `{"code":403,"error_code":"session_not_found","msg":"Session from session_id claim in JWT does not exist"}`},
			"/api/v1/tables/t":       {401, `{"error":{"code":"TOKEN_REVOKED","message":"JWT has been revoked","hint":"Sign in again."}}`},
			storage:                  {401, `{"statusCode":"401","code":"TOKEN_REVOKED","error":"Unauthorized","message":"JWT has been revoked","hint":"Sign in again."}`},
			"/realtime/v1/websocket": {401, `{"code":"TOKEN_REVOKED","message":"JWT has been revoked","hint":"Sign in again."}`},
		} {
			for _, key := range []string{s.publishable, s.secret, s.service} {
				for range 2 { // also from the memory of tokens
					got := send(path, key, bearer)
					require.Equal(t, want.status, got.status, "%s at %s: %s", name, path, got.body)
					require.JSONEq(t, want.body, got.body, "%s at %s", name, path)
				}
			}
		}
	}
	require.Equal(t, s.project.Ref, gone.ref.Load())
	for name, bearer := range map[string]string{
		"of another session": user("u", "other", now), "issued after the ban ended": user("banned", "s", now.Add(time.Second)),
	} {
		got := send(rest, s.publishable, bearer).seen(t)
		require.Equal(t, roleAuthenticated, got.Role, name)
		require.Contains(t, string(got.Claims), `"client_id":"app"`)
	}
	asked := gone.asked.Load()
	send(rest, s.publishable, "")
	send(rest, s.anon, s.anon)
	send(rest, s.publishable, s.service)
	send(rest, s.secret, s.secret)
	send(meta, "", s.developer)
	send("/auth/v1/admin/users", "", s.developer)
	require.Equal(t, asked, gone.asked.Load(), "keys and developers have no session")
}

// TestDevelopersManageUsers: the console's developer token opens auth's admin API, and no more of auth.
func TestDevelopersManageUsers(t *testing.T) {
	t.Parallel()
	s, other := newSample(t, nil), newSample(t, nil)
	b := setup(t, everyService, s, other)
	send := func(path, key, bearer string) response {
		header := map[string]string{"Authorization": "Bearer " + bearer}
		if key != "" {
			header["apikey"] = key
		}
		return b.do(t, request{host: s.project.Ref + ".example.test", path: path, header: header})
	}
	for _, path := range []string{"/auth/v1/admin/users", "/auth/v1/admin", "/auth/v1/admin/sso/providers", "/auth/v1/invite", "/auth/v1/audit"} {
		for _, key := range []string{"", s.publishable, s.secret, s.anon} {
			got := send(path, key, s.developer).seen(t)
			require.Equal(t, roleService, got.Role)
			require.Equal(t, s.userID, got.Developer)
			require.Empty(t, got.Subject, "an account of the console is no user of the project")
			require.JSONEq(t, `{"role":"service_role"}`, string(got.Claims))
		}
		require.Equal(t, 403, send(path, s.publishable, other.developer).status, "another project's")
		require.Equal(t, 401, send(path, "", s.user).status, "a user needs a key as ever")
		require.Equal(t, roleAuthenticated, send(path, s.publishable, s.user).seen(t).Role, "and is no admin")
		legacy := s.signLegacy(t, map[string]any{"sub": "x", "role": roleDeveloper, "aud": audMeta})
		require.Equal(t, 403, send(path, s.publishable, legacy).status, "the legacy secret makes no developers")
		expired := s.sign(t, map[string]any{"sub": s.userID, "role": roleDeveloper, "aud": audMeta, "exp": time.Now().Add(-time.Second).Unix()})
		require.Equal(t, 403, send(path, s.publishable, expired).status)
	}
	for _, path := range []string{
		"/auth/v1/user", "/auth/v1/token", "/auth/v1/verify", "/auth/v1/administrator", "/auth/v1//admin/users", "/auth/v1/invites", "/auth/v1/factors",
		"/auth/v1/oauth/authorizations/x", "/auth/v1/settings", rest, "/api/v1/auth/admin/users", "/functions/v1/f", "/realtime/v1/websocket",
	} {
		for _, key := range []string{"", s.publishable, s.secret} {
			got := send(path, key, s.developer)
			require.Contains(t, []int{401, 403}, got.status, "%s: %s", path, got.body)
		}
	}
}

// TestTokensInOtherPlaces holds that a token that a protocol carries elsewhere, as S3's session token, opens what it would open as a bearer token.
func TestTokensInOtherPlaces(t *testing.T) {
	t.Parallel()
	s, other := newSample(t, nil), newSample(t, nil)
	revoked := s.sign(t, map[string]any{"sub": s.userID, "role": roleAuthenticated, "session_id": "over"})
	b := setup(t, func(d *Deps) { d.Revocations = &ended{session: "over"} }, s, other)
	for role, good := range map[string]string{roleAuthenticated: s.user, roleAnon: s.anon, roleService: s.service} {
		got, err := b.gateway.Caller(t.Context(), s.project, good)
		require.NoError(t, err)
		require.Equal(t, role, got.Role)
		require.Empty(t, got.Developer)
	}
	for name, bad := range map[string]string{
		"none": "", "a secret key": s.secret, "a publishable key": s.publishable, "nonsense": "a.b.c", "another project's": other.user, "ended": revoked,
		"a developer's": s.developer, "expired": s.sign(t, map[string]any{"sub": s.userID, "role": roleAuthenticated, "exp": time.Now().Add(-time.Second).Unix()}),
		"for another app": s.sign(t, map[string]any{"sub": s.userID, "aud": "some-app"}), "the owner of tables": s.sign(t, map[string]any{"sub": s.userID, "role": "postgres"}),
	} {
		_, err := b.gateway.Caller(t.Context(), s.project, bad)
		require.Equal(t, fault.Denied, fault.From(err).Kind, name)
	}
}

// BenchmarkRepeatedToken is the verification of an access token that was seen before, with the question for its session: it must
// stay under 10 µs.
func BenchmarkRepeatedToken(b *testing.B) {
	for _, algorithm := range []string{token.ES256, token.RS256, token.EdDSA, token.HS256} {
		b.Run(algorithm, func(b *testing.B) {
			s := newSample(b, nil)
			key, err := token.Generate("k", algorithm)
			require.NoError(b, err)
			p := *s.project
			p.Verifier = token.NewVerifier([]token.Key{key}, nil)
			now := time.Now()
			signed, err := key.Sign(map[string]any{
				"iss": "https://" + p.Ref + ".example.test/auth/v1", "sub": s.userID, "role": roleAuthenticated, "session_id": s.userID, "aud": "authenticated",
				"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "email": "someone@example.com", "aal": "aal1",
				"app_metadata": map[string]any{"provider": "email", "providers": []string{"email"}}, "user_metadata": map[string]any{"name": "Someone"},
			})
			require.NoError(b, err)
			g := &Gateway{tokens: newTokens(), revocations: &quiet{}}
			shown, access := credentials{key: s.publishable, bearer: signed}, KeyAccess
			b.ReportAllocs()
			for b.Loop() {
				if _, _, no := g.identify(&p, shown, apiKey{id: "k", role: roleAnon}, access, now); no != nil {
					b.Fatal(no.message)
				}
			}
		})
	}
}

// quiet revokes nothing.
type quiet struct{}

func (quiet) Revoked(string, string, string, time.Time) bool { return false }
