package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/id"
)

// walkS3 is a walk of the AWS SDK's S3 client through a project: with an access key, and with the tokens of two users.
type walkS3 struct {
	p        *project
	endpoint string
	client   *http.Client
	// admin has an access key, ada and eve come with their tokens.
	admin, ada, eve *s3.Client
	key, secret     string
	adaID           string
	// own and other are buckets whose users have folders of their own.
	own, other string

	mu   sync.Mutex
	done map[string]bool // operations that succeeded
}

// stepS3 is a part of the walk.
type stepS3 struct {
	name string
	try  func(t *testing.T, w *walkS3)
}

// walkS3 walks every operation of the S3 protocol, by the path of a project or its host.
func (p *project) walkS3(t *testing.T, base string) {
	t.Helper()
	w := &walkS3{p: p, endpoint: base + "/storage/v1/s3", client: p.owner.in.reaching(), done: map[string]bool{}}
	w.key, w.secret = p.accessKey(t)
	w.admin = w.as(w.key, w.secret, "")
	token := signUpAt(t, p.pathURL, p.publishable, "ada."+id.NewRef()+"@example.com")
	w.ada, w.adaID = w.as(p.ref, p.anon, token), subject(t, token)
	w.eve = w.as(p.ref, p.anon, signUpAt(t, p.pathURL, p.publishable, "eve."+id.NewRef()+"@example.com"))
	w.own, w.other = "own-"+id.NewRef(), "own-"+id.NewRef()
	for _, bucket := range []string{w.own, w.other} {
		_, err := w.admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
		require.NoError(t, err)
	}
	for _, steps := range [][]stepS3{
		s3Buckets(), s3BucketsSay(), s3Objects(), s3Conditions(), s3Tags(), s3Copies(), s3Lists(), s3Parts(), s3Transfers(), s3Access(), s3Denials(),
	} {
		for _, step := range steps {
			t.Run(step.name, func(t *testing.T) { step.try(t, w) })
		}
	}
	t.Run("every operation was walked", func(t *testing.T) { w.requireAll(t) })
}

// reaching sends requests to the installation whatever their host is: "<ref>.localhost" has no address everywhere.
func (in *installation) reaching() *http.Client {
	address := strings.TrimPrefix(in.url, "http://")
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
}

// as makes an unmodified client that notes which operations succeed.
func (w *walkS3) as(key, secret, token string) *s3.Client {
	note := middleware.InitializeMiddlewareFunc("note", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleInitialize(ctx, in)
		if err == nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.done[middleware.GetOperationName(ctx)] = true
		}
		return out, metadata, err
	})
	return s3.New(s3.Options{
		BaseEndpoint: &w.endpoint, Region: "us-east-1", UsePathStyle: true, HTTPClient: w.client, RetryMaxAttempts: 5,
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, token),
		APIOptions:  []func(*middleware.Stack) error{func(stack *middleware.Stack) error { return stack.Initialize.Add(note, middleware.After) }},
	})
}

// accessKey makes an access key of the S3 protocol.
func (p *project) accessKey(t *testing.T) (key, secret string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.pathURL+"/storage/v1/s3-keys", strings.NewReader(`{"description":"walk"}`))
	require.NoError(t, err)
	request.Header.Set("apikey", p.secret)
	request.Header.Set("Content-Type", "application/json")
	answer, err := httpClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	var got struct {
		Key    string `json:"access_key"`
		Secret string `json:"secret_key"`
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&got))
	require.Equal(t, http.StatusCreated, answer.StatusCode)
	require.NotEmpty(t, got.Key)
	require.NotEmpty(t, got.Secret)
	return got.Key, got.Secret
}

// subject is whose a token is.
func subject(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims struct{ Sub string }
	require.NoError(t, json.Unmarshal(raw, &claims))
	return claims.Sub
}

var operationRow = regexp.MustCompile(`(?m)^\t\{"(\w+)", http\.Method`)

// requireAll compares what succeeded with the operations that there are.
func (w *walkS3) requireAll(t *testing.T) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "..", "dataplane", "storage", "s3", "operation.go"))
	require.NoError(t, err)
	rows := operationRow.FindAllStringSubmatch(string(source), -1)
	require.Greater(t, len(rows), 20)
	want := []string{"ListObjectsV2"} // which is ListObjects there
	for _, row := range rows {
		want = append(want, row[1])
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Subset(t, slices.Collect(maps.Keys(w.done)), want, "operations that were not walked")
}

// refusedS3 requires an error of S3's.
func refusedS3(t *testing.T, err error, codes ...string) {
	t.Helper()
	var refused smithy.APIError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, codes, refused.ErrorCode(), refused.ErrorMessage())
}

// put stores an object.
func (w *walkS3) put(t *testing.T, client *s3.Client, bucket, key, content string) {
	t.Helper()
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(content), ContentType: aws.String("text/plain")})
	require.NoError(t, err)
}

// read returns an object's bytes.
func (w *walkS3) read(t *testing.T, client *s3.Client, bucket, key string) string {
	t.Helper()
	got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: "ENABLED"})
	require.NoError(t, err)
	defer func() { _ = got.Body.Close() }()
	content, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	return string(content)
}

func randomBytes(n int) []byte {
	out := make([]byte, n)
	_, _ = rand.Read(out) // never fails
	return out
}

// fetch follows a presigned address.
func (w *walkS3) fetch(t *testing.T, method, address string, header http.Header, body []byte) (status int, content string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(body))
	require.NoError(t, err)
	for name, values := range header {
		if name != "Host" && name != "Content-Length" {
			request.Header[name] = values
		}
	}
	answer, err := w.client.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	if strings.Contains(string(raw), "<Code>SlowDown</Code>") { // the limit of requests, which the client itself waits for
		wait(t, answer.Header)
		return w.fetch(t, method, address, header, body)
	}
	return answer.StatusCode, string(raw)
}

// changed returns an address with a parameter changed.
func changed(t *testing.T, address, name, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}
