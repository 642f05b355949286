package hook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/hook"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/layout"
)

const secretA, secretB = "v1,whsec_c2VjcmV0IGE=", "v1,whsec_c2VjcmV0IGI="

func none(*authtest.Bundle) {}

func reason(err error) string { return fault.From(err).Reason }

// owner runs SQL as the project's owner, as a developer does.
func owner(b *authtest.Bundle, sql string) {
	b.T.Helper()
	sql = strings.NewReplacer("public.", pgx.Identifier{b.Project.Schema("public")}.Sanitize()+".", "supabase_auth_admin", pgx.Identifier{b.Project.Role(layout.AuthAdmin)}.Sanitize()).Replace(sql)
	developer := b.Door.Bind(b.Project, projectdb.Caller{Developer: "test"})
	require.NoError(b.T, developer.AsOwner(b.T.Context(), func(c *pgx.Conn) error {
		_, err := c.Exec(b.T.Context(), sql)
		return err
	}))
}

func TestFunctions(t *testing.T) {
	authtest.Both(t, none, func(t *testing.T, b *authtest.Bundle) {
		owner(b, `create function public.echo(event jsonb) returns jsonb language sql as $$ select jsonb_build_object('claims', event -> 'claims') $$;
			revoke execute on function public.echo from public; grant execute on function public.echo to supabase_auth_admin;
			create function public.refuse(event jsonb) returns jsonb language sql as $$ select '{"error": {"http_code": 429, "message": "Not now."}}'::jsonb $$;
			create function public.fail(event jsonb) returns jsonb language plpgsql as $$ begin raise exception 'internal words'; end $$;
			create function public.secret(event jsonb) returns jsonb language sql as $$ select '{}'::jsonb $$;
			revoke execute on function public.secret from public;
			create function public.slow(event jsonb) returns jsonb language sql as $$ select '{}'::jsonb from pg_sleep(30) $$;
			create function public.list(event jsonb) returns jsonb language sql as $$ select '[]'::jsonb $$;
			create function public.nothing(event jsonb) returns jsonb language sql as $$ select null::jsonb $$;
			create function public.large(event jsonb) returns jsonb language sql as $$ select jsonb_build_object('a', repeat('x', 300000)) $$;`)
		call := func(name string) (out map[string]any, err error) {
			with := b.With(map[string]string{"auth.hook.send_sms.enabled": "true", "auth.hook.send_sms.uri": `"pg-functions://postgres/public/` + name + `"`})
			require.True(t, b.Hooks.Enabled(with.Project, hook.SendSMS))
			return out, b.Hooks.Call(t.Context(), with.Session(), hook.SendSMS, map[string]any{"claims": map[string]any{"a": 1}}, &out)
		}
		out, err := call("echo")
		require.NoError(t, err)
		require.Equal(t, map[string]any{"claims": map[string]any{"a": 1.0}}, out)
		_, err = call("refuse")
		require.Equal(t, fault.Exhausted, fault.From(err).Kind)
		require.Equal(t, "Not now.", fault.From(err).Message)
		_, err = call("nothing")
		require.NoError(t, err)
		for name, want := range map[string]string{"fail": "HOOK_FAILED", "secret": "HOOK_FAILED", "missing": "HOOK_FAILED", "slow": "HOOK_TIMEOUT", "list": "HOOK_INVALID",
			"large": "HOOK_PAYLOAD_OVER_SIZE_LIMIT"} {
			_, err := call(name)
			require.Equal(t, want, reason(err), name)
			require.NotContains(t, fault.From(err).Message, "internal words")
		}
		_, err = call("missing")
		require.Contains(t, fault.From(err).Message, "or one that it calls, does not exist")
		_, err = call("secret")
		require.Contains(t, fault.From(err).Message, "lacks a permission")
		require.False(t, b.Hooks.Enabled(b.Project, hook.SendSMS))
	})
}

func TestRequests(t *testing.T) {
	t.Parallel()
	b := authtest.New(t, false)
	var asked atomic.Int32
	ids := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		signed := r.Header.Get("Webhook-Id") + "." + r.Header.Get("Webhook-Timestamp") + "." + string(body)
		want := []string{}
		for _, key := range []string{"secret a", "secret b"} {
			mac := hmac.New(sha256.New, []byte(key))
			mac.Write([]byte(signed))
			want = append(want, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		}
		if r.Header.Get("Webhook-Signature") != strings.Join(want, " ") {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		switch r.URL.Path {
		case "/ok":
			_, _ = w.Write(body)
		case "/refuse":
			_, _ = w.Write([]byte(`{"error":{"http_code":403,"message":"Not you."}}`))
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		case "/text":
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<p>"))
		case "/large":
			_, _ = w.Write([]byte(`{"a":"` + strings.Repeat("x", 300_000) + `"}`))
		case "/busy", "/once":
			ids <- r.Header.Get("Webhook-Id")
			if r.URL.Path == "/once" && asked.Add(1) > 1 {
				return
			}
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		case "/slow":
			<-r.Context().Done()
		}
	}))
	t.Cleanup(server.Close)
	caller := hook.New(hook.Deps{Egress: b.Egress, Client: b.Egress.Client(time.Second)})
	call := func(address string) (out map[string]any, err error) {
		with := b.With(map[string]string{"auth.hook.send_email.enabled": "true", "auth.hook.send_email.uri": `"` + address + `"`,
			"auth.hook.send_email.secrets": `"` + secretA + "|" + secretB + `"`})
		return out, caller.Call(t.Context(), with.Session(), hook.SendEmail, map[string]any{"user": "ada"}, &out)
	}
	out, err := call(server.URL + "/ok")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"user": "ada"}, out)
	_, err = call(server.URL + "/empty")
	require.NoError(t, err)
	_, err = call(server.URL + "/refuse")
	require.Equal(t, "Not you.", fault.From(err).Message)
	require.Equal(t, fault.Denied, fault.From(err).Kind)
	_, err = call(server.URL + "/once")
	require.NoError(t, err)
	first, second := <-ids, <-ids
	require.Equal(t, first, second, "the same message, sent again")
	for address, want := range map[string]string{
		server.URL + "/text": "HOOK_PAYLOAD_INVALID_CONTENT_TYPE", server.URL + "/large": "HOOK_PAYLOAD_OVER_SIZE_LIMIT", server.URL + "/busy": "HOOK_TIMEOUT_AFTER_RETRY",
		server.URL + "/broken": "HOOK_FAILED", server.URL + "/slow": "HOOK_TIMEOUT", "http://192.168.0.1/x": "HOOK_INVALID",
	} {
		_, err := call(address)
		require.Equal(t, want, reason(err), address)
	}
}

func TestNothingInsideIsReached(t *testing.T) {
	t.Parallel()
	b := authtest.New(t, false)
	closed := hook.New(hook.Deps{Egress: egress.NewGuard(nil)})
	for _, address := range []string{"https://127.0.0.1:1/", "https://localhost:1/", "https://169.254.169.254/latest/meta-data"} {
		with := b.With(map[string]string{"auth.hook.send_email.enabled": "true", "auth.hook.send_email.uri": `"` + address + `"`, "auth.hook.send_email.secrets": `"` + secretA + `"`})
		err := closed.Call(t.Context(), with.Session(), hook.SendEmail, map[string]any{}, nil)
		require.ErrorIs(t, err, egress.ErrForbidden, address)
		require.Equal(t, "HOOK_UNREACHABLE", reason(err))
	}
}
