package sigv4_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/s3/sigv4"
	"github.com/wayli-app/fluxbase/internal/fault"
)

const (
	accessKey = "AKIDEXAMPLE"
	secret    = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var (
	now     = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	emptied = hex.EncodeToString(sha256.New().Sum(nil))
)

func plainPath(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }

func hashOf(body []byte) string {
	h := sha256.Sum256(body)
	return hex.EncodeToString(h[:])
}

// request makes a request as the SDK's own signer signs it, and as a server gets it.
func request(t testing.TB, method, target string, body []byte, payload string, header map[string]string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, "http://files.example"+target, bytes.NewReader(body))
	require.NoError(t, err)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	r.Header.Set("X-Amz-Content-Sha256", payload)
	credentials := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret, SessionToken: header["Token"]}
	r.Header.Del("Token")
	require.NoError(t, v4.NewSigner(plainPath).SignHTTP(context.Background(), credentials, r, payload, "s3", "us-east-1", now))
	return arrive(r, target)
}

// presigned is request for a signature in the address.
func presigned(t testing.TB, method, target string, lasts time.Duration, header map[string]string) *http.Request {
	t.Helper()
	join := "?"
	if strings.Contains(target, "?") {
		join = "&"
	}
	r, err := http.NewRequest(method, "http://files.example"+target+join+"X-Amz-Expires="+strconv.Itoa(int(lasts.Seconds())), http.NoBody)
	require.NoError(t, err)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	signed, _, err := v4.NewSigner(plainPath).PresignHTTP(context.Background(), aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret}, r, "UNSIGNED-PAYLOAD", "s3", "us-east-1", now, plainPath)
	require.NoError(t, err)
	out := httptest.NewRequest(method, strings.TrimPrefix(signed, "http://files.example"), nil)
	out.Host = "files.example"
	for name, value := range header {
		out.Header.Set(name, value)
	}
	return out
}

func arrive(r *http.Request, target string) *http.Request {
	body, _ := io.ReadAll(r.Body)
	in := httptest.NewRequest(r.Method, target, bytes.NewReader(body))
	in.Host, in.Header, in.ContentLength = "files.example", r.Header, int64(len(body))
	return in
}

// open parses, verifies and reads a request.
func open(r *http.Request, secret string) (string, error) {
	s, err := sigv4.Parse(r, now)
	if err != nil {
		return "", err
	}
	if err := s.Verify(secret); err != nil {
		return "", err
	}
	b, err := s.Body()
	if err != nil {
		return "", err
	}
	got, err := io.ReadAll(b)
	if err == nil && int64(len(got)) != b.Size {
		return "", fmt.Errorf("%d bytes of %d", len(got), b.Size)
	}
	return string(got), err
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return fault.From(err).Reason
}

func crc(body []byte) string {
	h := crc32.NewIEEE()
	_, _ = h.Write(body)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
