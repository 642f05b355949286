package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatIsForWorkers: where the console shares a worker's address, requests that name a project are the worker's, and so are those of S3's clients that
// were given no more than that address.
func TestWhatIsForWorkers(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const signed = "AWS4-HMAC-SHA256 Credential=a/20261123/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
	for _, c := range []struct {
		host, target, authorization string
		theirs                      bool
	}{
		{"localhost:8000", "/", "", false},
		{"localhost:8000", "/photos/a.txt", "Bearer x", false},
		{"localhost:8000", "/p/abcdefghijklmnopqrst/rest/v1/notes", "", true},
		{"abcdefghijklmnopqrst.example.test", "/", "", true},
		{"photos.example.test", "/", "", true},
		{"localhost:8000", "/", signed, true},
		{"localhost:8000", "/photos/a.txt", "AWS key:signature", true},
		{"localhost:8000", "/photos/a.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0", "", true},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+c.host+c.target, nil)
		r.Header.Set("Authorization", c.authorization)
		require.Equal(t, c.theirs, b.gateway.Names(r), "%s%s", c.host, c.target)
	}
	answer := b.do(t, request{host: "localhost:8000", path: "/photos/a.txt", header: map[string]string{"Authorization": signed}})
	require.Equal(t, http.StatusBadRequest, answer.status)
	require.Contains(t, answer.body, "http://localhost:8000/p/&lt;ref&gt;/storage/v1/s3")
}
