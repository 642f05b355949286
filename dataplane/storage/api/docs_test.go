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

// TestDocs sends the requests of docs/storage-api.md in their order, and requires what stands below each: "…" stands for anything, and what is not named
// may be there too.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/storage-api.md")
	require.NoError(t, err)
	both(t, func(t *testing.T, c *client) {
		examples := 0
		for i, block := range strings.Split(string(page), "\n```") {
			text, http := strings.CutPrefix(block, "http\n")
			if i%2 == 0 || !http {
				continue
			}
			examples++
			parts := strings.Split(strings.TrimSpace(text), "\n\n")
			lines := strings.Split(parts[0], "\n")
			method, path, _ := strings.Cut(lines[0], " ")
			var body any
			var headers []string
			for _, line := range lines[1:] {
				if strings.HasPrefix(line, "{") {
					body = line
					continue
				}
				name, value, _ := strings.Cut(line, ": ")
				headers = append(headers, name, value)
			}
			if len(parts) == 3 {
				body = parts[1]
			}
			out := c.Call(method, strings.TrimPrefix(path, "/api/v1/storage"), secret, body, headers...)
			status, want, _ := strings.Cut(parts[len(parts)-1], "\n")
			require.Equal(t, status, strconv.Itoa(out.Status), "%s: %s", lines[0], out.Text)
			var wanted, got any
			require.NoError(t, json.Unmarshal([]byte(want), &wanted), want)
			require.NoError(t, json.Unmarshal([]byte(out.Text), &got))
			testkit.RequireWithin(t, wanted, got, lines[0])
		}
		require.Greater(t, examples, 7)
	})
}
