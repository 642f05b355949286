package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// ask sends a request to a project by its path, and returns the answer's status and body.
func (p *person) ask(method, ref, path, key, bearer, body string) (int, string) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.url+"/p/"+ref+path, bytes.NewReader([]byte(body)))
	require.NoError(p.t, err)
	request.Header.Set("apikey", key)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	return response.StatusCode, string(read)
}

// becomes asks until it is so, in the test's own goroutine.
func becomes(t *testing.T, within time.Duration, so func() bool, why string) {
	t.Helper()
	tick, end := time.NewTicker(10*time.Millisecond), time.Now().Add(within)
	defer tick.Stop()
	for !so() {
		require.True(t, time.Now().Before(end), "not within %s: %s", within, why)
		<-tick.C
	}
}

// kidOf is the key that a token's header names.
func kidOf(t *testing.T, signed string) (kid string) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(signed, ".")[0])
	require.NoError(t, err)
	var header struct{ Kid string }
	require.NoError(t, json.Unmarshal(raw, &header))
	return header.Kid
}

// testSigningKeys rotates and revokes: a user's token goes on after the rotation, and ends with the key that signed it.
func testSigningKeys(ada *person, ref, publishable string) {
	t := ada.t
	ada.must(&[]settingJSON{}, "projects", "settings", "set", ref, "auth.autoconfirm=true")
	session := func(path, email string) string {
		status, body := ada.ask("POST", ref, path, publishable, "", `{"email":"`+email+`","password":"correct horse battery"}`)
		var got struct {
			Token string `json:"access_token"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &got), body)
		if status != http.StatusOK {
			return ""
		}
		return got.Token
	}
	old, email := "", ""
	becomes(t, 10*time.Second, func() bool { // the worker hears of the setting
		email = uuid.NewString() + "@example.com"
		old = session("/auth/v1/signup", email)
		return old != ""
	}, "signed up")
	signIn := func() string { return session("/auth/v1/token?grant_type=password", email) }
	user := func(bearer string) int {
		status, _ := ada.ask("GET", ref, "/auth/v1/user", publishable, bearer, "")
		return status
	}
	require.Equal(t, http.StatusOK, user(old))
	published := func() string {
		_, body := ada.ask("GET", ref, "/auth/v1/.well-known/jwks.json", publishable, "", "")
		return body
	}

	var keys []signingKeyJSON
	ada.must(&keys, "projects", "signing-keys", "list", ref)
	require.Len(t, keys, 1)
	require.Equal(t, "in_use", keys[0].Status)
	require.Equal(t, kidOf(t, old), keys[0].ID)
	ada.refused(exitConflict, "SIGNING_KEY_IN_USE", "projects", "signing-keys", "revoke", keys[0].ID, "--project", ref)
	for _, algorithm := range []string{"EdDSA", "RS256", "HS256", "ES256"} {
		var next, now signingKeyJSON
		ada.must(&next, "projects", "signing-keys", "create", ref, "--algorithm", algorithm)
		require.Equal(t, "standby", next.Status)
		require.Equal(t, algorithm == "HS256", len(next.PublicJWK) == 0)
		if algorithm != "HS256" {
			becomes(t, 5*time.Second, func() bool { return strings.Contains(published(), next.ID) }, "a key on standby is published")
		}
		ada.must(&now, "projects", "signing-keys", "rotate", ref, next.ID)
		require.Equal(t, "in_use", now.Status)
		var fresh string
		becomes(t, 5*time.Second, func() bool {
			fresh = signIn()
			return fresh != "" && kidOf(t, fresh) == next.ID
		}, "new tokens are signed with it")
		require.Equal(t, http.StatusOK, user(fresh), algorithm)
		require.Equal(t, http.StatusOK, user(old), "what was signed before goes on")
		require.NotContains(t, published(), `"k":`, "no secret is published")
		require.NotContains(t, published(), `"d":`)
	}
	current := signIn()
	var gone signingKeyJSON
	revokedAt := time.Now()
	ada.must(&gone, "projects", "signing-keys", "revoke", ref, keys[0].ID)
	require.Equal(t, "revoked", gone.Status)
	becomes(t, 2*time.Second, func() bool { return user(old) == http.StatusForbidden }, "what the key signed is refused within two seconds")
	t.Logf("a revoked key's token was refused after %s", time.Since(revokedAt).Round(time.Millisecond))
	require.Equal(t, http.StatusOK, user(current))
	require.NotContains(t, published(), keys[0].ID)
	ada.must(&struct{}{}, "projects", "signing-keys", "delete", ref, keys[0].ID)
	ada.refused(exitNotFound, "SIGNING_KEY_NOT_FOUND", "projects", "signing-keys", "delete", keys[0].ID, "--project", ref)
}

// testBoundedKeys makes keys with scopes and a rate, and rotates one.
func testBoundedKeys(ada *person, ref string) {
	t := ada.t
	var reader, runner, next keyJSON
	ada.must(&reader, "keys", "create", "reader", "--project", ref, "--scope", "tables:read", "--rate-limit", "50")
	require.Equal(t, []string{"tables:read"}, reader.Scopes)
	require.Equal(t, int32(50), reader.RequestsPerSecond)
	status, body := ada.ask("GET", ref, "/rest/v1/", reader.Value, "", "")
	require.Equal(t, http.StatusOK, status, body)
	for _, path := range []string{"/rest/v1/anything", "/rest/v1/rpc/anything"} {
		status, body = ada.ask("POST", ref, path, reader.Value, "", "{}")
		require.Equal(t, http.StatusForbidden, status, body)
		require.Contains(t, body, "tables:write")
	}
	status, body = ada.ask("GET", ref, "/auth/v1/admin/users", reader.Value, "", "")
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, body, `"error_code":"insufficient_scope"`)
	status, _ = ada.ask("POST", ref, "/meta/v1/query", reader.Value, "", `{"query":"select 1"}`)
	require.Equal(t, http.StatusUnauthorized, status)
	ada.must(&runner, "keys", "create", "runner", "--project", ref, "--scope", "sql:run,tables:read")
	status, body = ada.ask("POST", ref, "/meta/v1/query", runner.Value, "", `{"query":"select 40 + 2 as answer"}`)
	require.Equal(t, http.StatusOK, status, body)
	require.Contains(t, body, "42")
	ada.refused(exitUsage, "SCOPE_INVALID", "keys", "create", "x", "--project", ref, "--scope", "everything")
	ada.refused(exitUsage, "SCOPE_INVALID", "keys", "create", "x", "--project", ref, "--type", "publishable", "--scope", "sql:run")

	ada.must(&next, "keys", "rotate", reader.ID, "--project", ref, "--overlap", "1h")
	require.Equal(t, reader.Scopes, next.Scopes)
	for _, key := range []string{reader.Value, next.Value} {
		status, body = ada.ask("GET", ref, "/rest/v1/", key, "", "")
		require.Equal(t, http.StatusOK, status, "both work during the overlap: %s", body)
	}
	ada.refused(exitConflict, "KEY_ROTATED", "keys", "rotate", reader.ID, "--project", ref)
	ada.must(&keyJSON{}, "keys", "rotate", next.ID, "--project", ref, "--overlap", "0")
	becomes(t, 2*time.Second, func() bool {
		status, _ := ada.ask("GET", ref, "/rest/v1/", next.Value, "", "")
		return status == http.StatusUnauthorized
	}, "without an overlap the old key ends at once")
}
