package admin_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
)

func TestAuditIsRead(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		id := b.User("ada@example.com", "correct horse").String()
		require.Equal(t, 200, signIn(b, "ada@example.com", "correct horse").Status)
		require.Equal(t, 200, call(b, "PUT", "/admin/users/"+id, `{"user_metadata":{"a":1}}`).Status)
		require.Equal(t, 200, call(b, "DELETE", "/admin/users/"+id, `{}`).Status)
		actions := func(query string) (list []string) {
			out := call(b, "GET", "/admin/audit"+query, nil)
			require.Equal(t, 200, out.Status, out.Text)
			var entries []struct {
				Payload map[string]any `json:"payload"`
				Address string         `json:"ip_address"`
				Created string         `json:"created_at"`
			}
			require.NoError(t, json.Unmarshal([]byte(out.Text), &entries))
			for _, e := range entries {
				require.Equal(t, "192.0.2.1", e.Address)
				require.NotEmpty(t, e.Created)
				list = append(list, e.Payload["action"].(string))
			}
			return list
		}
		require.Equal(t, []string{"user_deleted", "user_modified", "login"}, actions(""))
		require.Equal(t, []string{"user_modified"}, actions("?page=2&per_page=1"))
		require.Equal(t, "3", call(b, "GET", "/admin/audit?page=2&per_page=1", nil).Header.Get("X-Total-Count"))
		require.Equal(t, []string{"login"}, actions("?query=author:ADA@example"))
		require.Equal(t, []string{"user_deleted"}, actions("?query=action:deleted"))
		require.Len(t, actions("?query=type:account"), 3)
		require.Len(t, actions("?filter="+id), 3)
		require.Empty(t, actions("?filter=%25"))
		for _, query := range []string{"?query=x", "?query=payload:x", "?query=author:", "?page=0", "?filter=%00"} {
			b.Refused(call(b, "GET", "/admin/audit"+query, nil), 400, "validation_failed")
		}
	})
}

func TestTemplatesArePreviewedAndTried(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		out := call(b, "POST", "/admin/templates/preview", `{"template":"confirmation","subject":"Hello","content":"<p>{{ .Email }} {{ .Token }}</p>"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "Hello", out.Str("subject"))
		require.Contains(t, out.Str("html"), "@example.com")
		out = call(b, "POST", "/admin/templates/preview", `{"template":"confirmation","content":"{{ .Nothing"}`)
		b.Refused(out, 400, "template_invalid")
		require.Equal(t, 200, call(b, "POST", "/admin/templates/test", `{"template":"confirmation","to":"dev@example.com"}`).Status)
		require.Equal(t, 400, call(b, "POST", "/admin/templates/test", `{"template":"confirmation","to":"x"}`).Status)
		require.Equal(t, 404, call(b, "POST", "/admin/templates/preview", `{"template":"nothing"}`).Status)
	})
}
