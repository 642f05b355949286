package gateway

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTokensThatAreForOtherAppsOpenNothing(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	b := setup(t, everyService, s)
	send := func(path string, claims map[string]any) response {
		return b.do(t, request{host: s.project.Ref + ".example.test", path: path, header: map[string]string{"Authorization": "Bearer " + s.sign(t, claims), "apikey": s.publishable}})
	}
	for _, audience := range []any{"0b5f6a0e-3f1c-4a57-9d0f-0f6f3d2f8c11", []string{"0b5f6a0e-3f1c-4a57-9d0f-0f6f3d2f8c11"}} {
		for path, status := range map[string]int{rest: 401, "/auth/v1/user": 403, "/auth/v1/oauth/userinfo": 403, storage: 401} {
			for range 2 {
				got := send(path, map[string]any{"sub": "u", "aud": audience, "nonce": "n"})
				require.Equal(t, status, got.status, "%s: %s", path, got.body)
			}
		}
		require.Equal(t, 200, send(rest, map[string]any{"sub": "u", "aud": audience, "role": roleAuthenticated}).status, "one with a role is an access token")
	}
	require.Equal(t, roleAnon, send(rest, map[string]any{"sub": "u"}).seen(t).Role)
}

func TestOAuthEndpointsNeedNoKey(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	b := setup(t, everyService, s)
	for path, status := range map[string]int{"/.well-known/oauth-authorization-server/auth/v1": 200, "/.well-known/oauth-authorization-server": 404, "/x/auth/v1": 404,
		"/.well-known/../auth/v1": 404, "/auth/v1/oauth/authorize": 200, "/auth/v1/oauth/token": 200, "/auth/v1/oauth/userinfo": 200, "/auth/v1/oauth/clients/register": 200,
		"/auth/v1/sso/saml/acs": 200, "/auth/v1/sso": 401, "/auth/v1/oauth/authorizations/x": 401, "/auth/v1/user/oauth/grants": 401, "/auth/v1/oauth/clients": 401} {
		require.Equal(t, status, b.do(t, request{host: s.project.Ref + ".example.test", path: path}).status, path)
	}
	found := b.do(t, request{host: s.project.Ref + ".example.test", path: "/.well-known/oauth-authorization-server/auth/v1"}).seen(t)
	require.Equal(t, "/.well-known/oauth-authorization-server", found.Path)
}
