package api_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/testkit"
)

// TestDocs sends the requests of docs/api.md, section Auth, in their order, and requires what stands below each: "…" stands for anything, and what is
// not named may be there too.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/api.md")
	require.NoError(t, err)
	settings := map[string]string{"auth.external.github.enabled": "true", "auth.external.github.client_id": `["app"]`, "auth.external.github.secret": `"hush"`}
	both(t, settings, func(t *testing.T, c *client) {
		examples, code, token := 0, "", ""
		for i, block := range strings.Split(string(page), "\n```") {
			text, http := strings.CutPrefix(block, "http\n")
			if i%2 == 0 || !http {
				continue
			}
			examples++
			asked, answered, _ := strings.Cut(text, "\n\n")
			lines := strings.Split(asked, "\n")
			method, path, _ := strings.Cut(lines[0], " ")
			bearer, in := "", any(nil)
			for _, line := range lines[1:] {
				if line == "Authorization: Bearer <access_token>" {
					bearer = token
					continue
				}
				require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(line, "<code>", code)), &in), line)
			}
			out := c.call(method, strings.TrimPrefix(path, "/api/v1/auth"), bearer, in)
			status, want, _ := strings.Cut(strings.TrimSpace(answered), "\n")
			require.Equal(t, status, strconv.Itoa(out.status), "%s: %s", lines[0], out.text)
			var wanted, got any
			require.NoError(t, json.Unmarshal([]byte(want), &wanted), want)
			require.NoError(t, json.Unmarshal([]byte(out.text), &got))
			testkit.RequireWithin(t, wanted, got, lines[0])
			if next := out.str("session", "access_token"); next != "" {
				token = next
			}
			for _, item := range c.Sent() {
				secret, _ := item["secret"].(map[string]any)
				code, _ = secret["token"].(string)
			}
		}
		require.Greater(t, examples, 7)
	})
}
