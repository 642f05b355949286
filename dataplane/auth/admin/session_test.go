package admin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

func TestSessionsAreListedAndEnded(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		id := b.User("ada@example.com", "")
		one, two := b.SignIn(id), b.SignIn(id)
		path := "/admin/users/" + id.String() + "/sessions"
		out := call(b, "GET", path, nil)
		require.Equal(t, 200, out.Status, out.Text)
		list := out.Body["sessions"].([]any)
		require.Len(t, list, 2)
		newest := list[0].(map[string]any)
		require.Equal(t, "aal1", newest["aal"])
		require.Equal(t, []any{"password"}, newest["amr"])
		require.NotContains(t, out.Text, one.RefreshToken)

		eve := b.User("eve@example.com", "")
		b.Refused(call(b, "DELETE", "/admin/users/"+eve.String()+"/sessions/"+newest["id"].(string), nil), 404, "session_not_found")
		require.Equal(t, 204, call(b, "DELETE", path+"/"+newest["id"].(string), nil).Status)
		require.True(t, b.Revoked.Session(uuid.MustParse(newest["id"].(string))))
		b.Refused(call(b, "DELETE", path+"/"+newest["id"].(string), nil), 404, "session_not_found")
		b.Refused(b.Call("GET", "/user", two.AccessToken, nil), 403, "session_not_found")
		require.Equal(t, 200, b.Call("GET", "/user", one.AccessToken, nil).Status)
		require.Equal(t, 204, call(b, "DELETE", path, nil).Status)
		b.Refused(b.Call("GET", "/user", one.AccessToken, nil), 403, "session_not_found")
		require.JSONEq(t, `{"sessions":[]}`, call(b, "GET", path, nil).Text)
		b.Refused(call(b, "GET", "/admin/users/"+nobody+"/sessions", nil), 404, "user_not_found")
		b.Refused(call(b, "DELETE", "/admin/users/"+nobody+"/sessions", nil), 404, "user_not_found")
		b.Refused(call(b, "DELETE", path+"/7", nil), 404, "validation_failed")
	})
}

func TestImpersonation(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.audit_log": "false"})
		id := b.User("ada@example.com", "")
		b.Exec(`create function claims(event jsonb) returns jsonb language sql as $$ select jsonb_build_object('claims', (event->'claims') - 'impersonated_by' || '{"tier":"gold"}') $$`)
		path := "/admin/users/" + id.String() + "/impersonate"
		out := call(b, "POST", path, `{"reason":"Ticket 4711","duration":"10m"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.NotContains(t, out.Body, "refresh_token")
		require.InDelta(t, 600, out.Body["expires_in"], 2)
		verified, err := b.Project.Verifier.Verify(out.Str("access_token"), time.Now())
		require.NoError(t, err)
		require.Equal(t, id.String(), verified.Subject)
		require.Equal(t, "service_role", verified.Claims["impersonated_by"])
		require.Equal(t, "impersonation", verified.Claims["amr"].([]any)[0].(map[string]any)["method"])
		require.Equal(t, out.Str("session_id"), verified.SessionID)
		_, err = b.Project.Verifier.Verify(out.Str("access_token"), time.Now().Add(12*time.Minute))
		require.Error(t, err, "it ends")

		require.Equal(t, "ada@example.com", b.Call("GET", "/user", out.Str("access_token"), nil).Str("email"))
		for _, refused := range []struct{ method, path, body string }{{"PUT", "/user", `{"password":"correct horse"}`}, {"PUT", "/user", `{"data":{"a":1}}`}, {"GET", "/reauthenticate", ""}} {
			b.Refused(b.Call(refused.method, refused.path, out.Str("access_token"), refused.body), 403, "impersonated")
		}
		require.Zero(t, b.Count("select count(*) from refresh_tokens"))
		require.Zero(t, b.Count("select count(*) from users where last_sign_in_at is not null"))
		entry := authtest.One[json.RawMessage](b, "select payload from audit_log_entries")
		require.Contains(t, string(entry), "user_impersonated")
		require.Contains(t, string(entry), "Ticket 4711")
		require.NotContains(t, string(entry), out.Str("access_token"))

		require.Contains(t, call(b, "GET", "/admin/users/"+id.String()+"/sessions", nil).Text, "impersonation")
		require.Equal(t, 204, call(b, "DELETE", "/admin/users/"+id.String()+"/sessions/"+out.Str("session_id"), nil).Status)
		b.Refused(b.Call("GET", "/user", out.Str("access_token"), nil), 403, "session_not_found")

		for name, body := range map[string]string{"no reason": `{}`, "a blank one": `{"reason":"  "}`, "too long": `{"reason":"x","duration":"61m"}`,
			"no time": `{"reason":"x","duration":"0s"}`, "no duration": `{"reason":"x","duration":"soon"}`} {
			t.Run(name, func(t *testing.T) {
				inner := *b
				inner.T = t
				inner.Refused(call(&inner, "POST", path, body), 400, "validation_failed")
			})
		}
		b.Refused(call(b, "POST", "/admin/users/"+nobody+"/impersonate", `{"reason":"x"}`), 404, "user_not_found")
		b.Exec("update users set banned_until = now() + interval '1 day'")
		b.Refused(call(b, "POST", path, `{"reason":"x"}`), 400, "user_banned")
		require.Equal(t, 1, b.Count("select count(*) from audit_log_entries"))

		b.Exec("update users set banned_until = null")
		hooked := b.With(map[string]string{"auth.hook.custom_access_token.enabled": "true", "auth.hook.custom_access_token.uri": `"pg-functions://postgres/auth/claims"`})
		verified, err = b.Project.Verifier.Verify(call(hooked, "POST", path, `{"reason":"x"}`).Str("access_token"), time.Now())
		require.NoError(t, err)
		require.Equal(t, "gold", verified.Claims["tier"])
		require.Equal(t, "service_role", verified.Claims["impersonated_by"], "no hook hides it")
	})
}

func TestFactorsAreManaged(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.email.notice.mfa_factor_unenrolled.enabled": "true"})
		id, factor, other := b.User("ada@example.com", ""), uuid.New(), uuid.New()
		for _, f := range []struct {
			id   uuid.UUID
			name string
		}{{factor, "Phone"}, {other, "Other"}} {
			b.Exec(`insert into mfa_factors (id, user_id, friendly_name, factor_type, status, secret, created_at, updated_at) values ($1, $2, $3, 'totp', 'verified', 'SECRET', now(), now())`, f.id, id, f.name)
		}
		path := "/admin/users/" + id.String() + "/factors"
		out := call(b, "GET", path, nil)
		require.Equal(t, 200, out.Status, out.Text)
		require.Contains(t, out.Text, factor.String())
		require.NotContains(t, out.Text, "SECRET")
		out = call(b, "PUT", path+"/"+factor.String(), `{"friendly_name":"Watch"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "Watch", out.Str("friendly_name"))
		b.Refused(call(b, "PUT", path+"/"+factor.String(), `{"friendly_name":"Other"}`), 422, "mfa_factor_name_conflict")
		b.Refused(call(b, "PUT", path+"/"+nobody, `{"friendly_name":"x"}`), 404, "mfa_factor_not_found")
		out = call(b, "DELETE", path+"/"+factor.String(), nil)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, factor.String(), out.Str("id"))
		b.Refused(call(b, "DELETE", path+"/"+factor.String(), nil), 404, "mfa_factor_not_found")
		eve := b.User("eve@example.com", "")
		b.Refused(call(b, "DELETE", "/admin/users/"+eve.String()+"/factors/"+other.String(), nil), 404, "mfa_factor_not_found")
		require.Equal(t, "[]", call(b, "GET", "/admin/users/"+eve.String()+"/factors", nil).Text)
		require.Equal(t, 1, b.Count("select count(*) from mfa_factors"))
		require.Len(t, b.Sent(), 1)
	})
}

func TestADevelopersDoingIsTheirs(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		id := b.User("ada@example.com", "")
		developer := "3f0c1b1e-6c6e-4f5e-9d5f-0f8f5b1f7c11"
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/admin/users/"+id.String()+"/impersonate", strings.NewReader(`{"reason":"x"}`))
		r.RemoteAddr = b.Address
		bound := b.Door.Bind(b.Project, projectdb.Caller{Role: "service_role", Developer: developer})
		w := httptest.NewRecorder()
		b.Router.ServeHTTP(w, r.WithContext(projectdb.NewContext(r.Context(), bound)))
		require.Equal(t, 200, w.Code, w.Body.String())
		var out struct {
			AccessToken string `json:"access_token"`
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out))
		verified, err := b.Project.Verifier.Verify(out.AccessToken, time.Now())
		require.NoError(t, err)
		require.Equal(t, developer, verified.Claims["impersonated_by"])
		require.Equal(t, 1, b.Count("select count(*) from audit_log_entries where payload->>'actor_id' = $1 and payload->>'action' = 'user_impersonated'", developer))
		require.Equal(t, developer, authtest.One[string](b, "select substr(tag, 17) from sessions"))
	})
}
