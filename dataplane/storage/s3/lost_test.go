package s3_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"
)

// journal keeps what the gateway logs.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(j, nil)) }

// whole is all that was logged.
func (j *journal) whole() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// line is what was logged of the request with an id. A line comes after its answer.
func (j *journal) line(t *testing.T, id string) (out struct{ Role, Key string }) {
	t.Helper()
	require.NotEmpty(t, id)
	require.Eventually(t, func() bool {
		for line := range strings.Lines(j.whole()) {
			if strings.Contains(line, id) && strings.Contains(line, `"msg":"request"`) {
				return json.Unmarshal([]byte(line), &out) == nil
			}
		}
		return false
	}, 10*time.Second, 5*time.Millisecond)
	return out
}

// sign signs a request without a body.
func sign(t *testing.T, r *http.Request, accessKey, secret, session string) {
	t.Helper()
	sum := sha256.Sum256(nil)
	payload := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", payload)
	require.NoError(t, v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret, SessionToken: session},
		r, payload, "s3", "us-east-1", time.Now()))
}

// TestTheLogNamesWhoSigned: the line of a request says as what it was done, and by which access key.
func TestTheLogNamesWhoSigned(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		_, token := w.User()
		ask := func(accessKey, secret, session string) (status int, logged struct{ Role, Key string }) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.address, nil)
			require.NoError(t, err)
			if accessKey != "" {
				sign(t, r, accessKey, secret, session)
			}
			resp, err := w.dialer().Do(r)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			return resp.StatusCode, w.journal.line(t, resp.Header.Get("X-Request-Id"))
		}
		status, got := ask(w.accessKey, w.value, "")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "service_role", got.Role)
		require.Equal(t, w.accessKey, got.Key)
		status, got = ask(w.Project.Ref, w.Project.AnonKey, token)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "authenticated", got.Role)
		require.Empty(t, got.Key)
		status, got = ask(w.accessKey, strings.Repeat("0", 64), "")
		require.Equal(t, http.StatusForbidden, status)
		require.Equal(t, "anon", got.Role, "nobody has proved to have the key")
		require.Empty(t, got.Key)
		status, got = ask("", "", "")
		require.Equal(t, http.StatusForbidden, status)
		require.Equal(t, "anon", got.Role)
		require.NotContains(t, w.journal.whole(), w.value)
		require.NotContains(t, w.journal.whole(), token)
	})
}

// TestLostClients: clients that went where S3 is not spoken learn where it is, in words that they show.
func TestLostClients(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		w.Put("photos", "a.txt", "a")
		ref, at := w.Project.Ref, strings.TrimPrefix(w.server.URL, "http://")
		byHost, byPath := "http://"+ref+".files.example/storage/v1/s3", "http://"+at+"/p/"+ref+"/storage/v1/s3"
		get := func(endpoint string, pathStyle bool) error {
			c := awss3.New(awss3.Options{
				BaseEndpoint: aws.String(endpoint), Region: "us-east-1", UsePathStyle: pathStyle, HTTPClient: w.dialer(), RetryMaxAttempts: 1,
				Credentials: credentials.NewStaticCredentialsProvider(w.accessKey, w.value, ""),
			})
			_, err := c.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("photos"), Key: aws.String("a.txt")})
			return err
		}
		require.NoError(t, get(w.host, true))
		for name, c := range map[string]struct {
			endpoint  string
			pathStyle bool
			leads     []string
		}{
			"the bucket before the host":                 {w.host, false, []string{"path style", byHost}},
			"the bucket before the host, and no path":    {"http://" + ref + ".files.example", false, []string{"path style", byHost}},
			"the bucket before a host that is unknown":   {"http://files.customer.example/storage/v1/s3", false, []string{"path style", "/storage/v1/s3"}},
			"the bucket before the workers' domain":      {"http://files.example", false, []string{"path style", "/storage/v1/s3"}},
			"the bucket before the workers' own address": {"http://localhost/p/" + ref + "/storage/v1/s3", false, []string{"path style", "http://localhost/p/" + ref + "/storage/v1/s3"}},
			"no path":                             {"http://" + ref + ".files.example", true, []string{byHost}},
			"half of the path":                    {"http://" + ref + ".files.example/storage/v1", true, []string{byHost}},
			"no path at the workers' own address": {w.server.URL + "/p/" + ref, true, []string{byPath}},
			"half of the path at the workers' own address":  {w.server.URL + "/p/" + ref + "/storage/v1", true, []string{byPath}},
			"no project at the workers' own address":        {w.server.URL, true, []string{"/p/<ref>/storage/v1/s3"}},
			"a project that is not there":                   {"http://abcdefghijklmnopqrst.files.example/storage/v1/s3", true, []string{"no project"}},
			"a project that is not there, and no path":      {"http://abcdefghijklmnopqrst.files.example", true, []string{"no project"}},
			"the bucket before a project that is not there": {"http://abcdefghijklmnopqrst.files.example/storage/v1/s3", false, []string{"path style"}},
		} {
			err := get(c.endpoint, c.pathStyle)
			require.Error(t, err, name)
			for _, says := range c.leads {
				require.ErrorContains(t, err, says, name)
			}
			require.NotContains(t, err.Error(), "deserialization", "%s: what clients can read", name)
		}
		require.Equal(t, "InvalidRequest", code(get("http://"+ref+".files.example", true)))
		require.Equal(t, "NoSuchBucket", code(get("http://abcdefghijklmnopqrst.files.example", true)))
		// Presigned addresses are told too, and those who did not sign are answered as ever.
		resp, text := w.get(t, http.MethodGet, "http://photos."+ref+".files.example/a.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0", nil, nil)
		require.Equal(t, http.StatusBadRequest, resp.StatusCode)
		require.Equal(t, "application/xml", resp.Header.Get("Content-Type"))
		require.Contains(t, text, "path style")
		resp, text = w.get(t, http.MethodGet, "http://"+ref+".files.example/photos/a.txt", nil, nil)
		require.Equal(t, http.StatusNotFound, resp.StatusCode)
		require.Contains(t, text, `"ROUTE_NOT_FOUND"`)
		// A host is not believed to be markup.
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ref+".files.example/a", nil)
		require.NoError(t, err)
		r.Host = "a<b>." + ref + ".files.example"
		sign(t, r, w.accessKey, w.value, "")
		if resp, err := w.dialer().Do(r); err == nil {
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusBadRequest, resp.StatusCode)
		}
	})
}
