package s3_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/gateway"
	"github.com/wayli-app/fluxbase/dataplane/limit"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/bucket"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/seal"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// world is a project whose storage is behind the real gateway.
type world struct {
	*storagetest.Bundle
	service *s3.Service
	sealer  *seal.Sealer
	tokens  *tokens
	server  *httptest.Server
	// off is by how much the service's clock is ahead.
	off atomic.Int64
	// address is the endpoint by path, host the one by host.
	address, host    string
	accessKey, value string
	// journal is what the gateway logs.
	journal *journal
}

// tokens judges as the gateway does.
type tokens struct{ revoked map[string]bool }

func (k *tokens) Caller(_ context.Context, p *directory.Project, token string) (projectdb.Caller, error) {
	v, err := p.Verifier.Verify(token, time.Now())
	if err != nil || k.revoked[token] {
		return projectdb.Caller{}, fault.New(fault.Invalid, "INVALID_TOKEN", "The provided token is malformed or otherwise invalid.")
	}
	return projectdb.Caller{Role: v.Role, Claims: v.JSON, Subject: v.Subject, SessionID: v.SessionID}, nil
}

type oneProject struct{ *world }

func (o oneProject) ByRef(_ context.Context, ref string) (*directory.Project, error) {
	if ref == o.Project.Ref {
		return o.Project, nil
	}
	return nil, directory.ErrNotFound
}
func (o oneProject) ByHost(context.Context, string) (*directory.Project, error) {
	return nil, directory.ErrNotFound
}
func (o oneProject) Holds(string, string) bool { return true }
func (o oneProject) WithKey(_ context.Context, p *directory.Project, _ [32]byte) *directory.Project {
	return p
}

type noLimits struct{}

func (noLimits) Project(context.Context, string, limit.Rate) limit.Answer {
	return limit.Answer{Allowed: true}
}
func (noLimits) Key(context.Context, string, string, limit.Rate) limit.Answer {
	return limit.Answer{Allowed: true}
}
func (noLimits) Address(context.Context, string, netip.Addr, limit.Rate) limit.Answer {
	return limit.Answer{Allowed: true}
}

type noUsage struct{}

func (noUsage) Request(string, string, int64, int, time.Duration) {}
func (noUsage) Refused(string, string)                            {}
func (noUsage) Egress(string, string, int64)                      {}
func (noUsage) KeyUsed(string, string)                            {}

func newWorld(t *testing.T, b *storagetest.Bundle) *world {
	t.Helper()
	sealer := testkit.Sealer(t)
	w := &world{Bundle: b, sealer: sealer, tokens: &tokens{revoked: map[string]bool{}}, journal: &journal{}}
	w.service = s3.New(s3.Deps{
		Objects: b.Objects, Buckets: bucket.New(bucket.Deps{Objects: b.Objects, Queue: b.Queue}), Blobs: b.Blobs, Queue: b.Queue, Sealer: sealer, Tokens: w.tokens,
		Binder: b.Door, Log: testkit.Logger(t), Now: func() time.Time { return time.Now().Add(time.Duration(w.off.Load())) },
	})
	router := protocol.NewRouter(testkit.Logger(t))
	w.service.Routes(router)
	b.Handler = router
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w.server = &httptest.Server{Listener: listener, Config: &http.Server{ReadHeaderTimeout: time.Minute}}
	g, err := gateway.New(gateway.Deps{
		Projects: oneProject{w}, Limits: noLimits{}, Usage: noUsage{}, Binder: b.Door, Domain: "files.example", WorkerURL: "http://" + listener.Addr().String(),
		Services: []gateway.Service{{Name: "storage", Prefix: "/storage/v1", Handler: router, MaxBody: 1 << 40, Timeout: 10 * time.Minute}}, Log: w.journal.logger(),
	})
	require.NoError(t, err)
	w.server.Config.Handler = g
	w.server.Start()
	t.Cleanup(w.server.Close)
	w.address = w.server.URL + "/p/" + b.Project.Ref + "/storage/v1/s3"
	w.host = "http://" + b.Project.Ref + ".files.example/storage/v1/s3"
	made := b.Call(http.MethodPost, "/s3-keys", storagetest.Secret, map[string]any{"description": "tests"})
	require.Equal(t, http.StatusCreated, made.Status, made.Text)
	w.accessKey, w.value = made.Str("access_key"), made.Str("secret_key")
	return w
}

// both runs a test over both isolations.
func both(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) { test(t, newWorld(t, b)) })
}

// later puts the service's clock ahead.
func (w *world) later(t *testing.T, by time.Duration) {
	t.Helper()
	w.off.Store(int64(by))
}

// Query reads one value past row security.
func (w *world) Query(sql string, to any) {
	w.T.Helper()
	require.NoError(w.T, w.Service().InTx(w.T.Context(), projectdb.Options{SearchPath: []string{"storage"}}, func(tx pgx.Tx) error {
		return tx.QueryRow(w.T.Context(), w.Physical(sql)).Scan(to)
	}))
}

// dialer leads every name to the test's server.
func (w *world) dialer() *http.Client {
	return &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Second, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, w.server.Listener.Addr().String())
	}}}
}

// client is the real SDK, with its own defaults, by path.
func (w *world) client() *awss3.Client { return w.as(w.accessKey, w.value, "", w.address) }

// user is the SDK with a user's token.
func (w *world) user(token string) *awss3.Client {
	return w.as(w.Project.Ref, w.Project.AnonKey, token, w.address)
}

func (w *world) as(accessKey, secret, token, endpoint string) *awss3.Client {
	return awss3.New(awss3.Options{
		BaseEndpoint: aws.String(endpoint), Region: "us-east-1", UsePathStyle: true, HTTPClient: w.dialer(), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secret, token),
		// As config.LoadDefaultConfig sets them.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	})
}

// code is S3's code of an error, or "".
func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
