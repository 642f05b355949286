package s3_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

// signed makes a request by hand, which clients would not send.
func (w *world) signed(t *testing.T, method, path string, body []byte, payload string, header map[string]string) *http.Request {
	t.Helper()
	address, err := url.Parse(w.address)
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(context.Background(), method, "http://"+address.Host+"/", bytes.NewReader(body))
	require.NoError(t, err)
	raw, query, _ := strings.Cut(path, "?")
	r.URL.Opaque, r.URL.RawQuery = "//"+address.Host+address.Path+raw, query
	for name, value := range header {
		r.Header.Set(name, value)
	}
	if payload == "" {
		sum := sha256.Sum256(body)
		payload = hex.EncodeToString(sum[:])
	}
	r.Header.Set("X-Amz-Content-Sha256", payload)
	require.NoError(t, v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).SignHTTP(t.Context(),
		aws.Credentials{AccessKeyID: w.accessKey, SecretAccessKey: w.value}, r, payload, "s3", "us-east-1", time.Now()))
	return r
}

func (w *world) send(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	resp, err := w.dialer().Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

func TestAttacksByPath(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		w.Bucket("private", false)
		w.Put("private", "secret", "secret")
		for name, path := range map[string]string{
			"out of the bucket":          "/photos/../private/secret",
			"out, escaped":               "/photos/%2e%2e/private/secret",
			"out, slashes escaped":       "/photos%2F..%2Fprivate%2Fsecret",
			"out, half escaped":          "/photos/.%2E/private/secret",
			"a dot":                      "/photos/./secret",
			"a backslash":                "/photos/..%5Cprivate%5Csecret",
			"two slashes":                "/photos//secret",
			"a final slash":              "/photos/folder/",
			"a zero":                     "/photos/a%00b",
			"a line's end":               "/photos/a%0D%0Ab",
			"other direction":            "/photos/a%E2%80%AEb",
			"no UTF-8":                   "/photos/a%FFb",
			"a long key":                 "/photos/" + strings.Repeat("k", 1025),
			"a long bucket":              "/" + strings.Repeat("b", 101) + "/k",
			"a bucket that is a path":    "/%2e%2e/k",
			"an empty bucket":            "//k",
			"a bucket in another script": "/%E5%86%99/k",
		} {
			for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
				var body []byte
				if method == http.MethodPut {
					body = []byte("x")
				}
				status, text := w.send(t, w.signed(t, method, path, body, "", nil))
				require.Contains(t, []int{400, 403, 404}, status, name)
				require.NotEqual(t, "secret", text, name)
			}
		}
		require.Equal(t, "secret", w.Read("private", "secret"))
		require.Equal(t, 1, w.count("select count(*) from {storage}.objects"))
		require.Len(t, w.StoredKeys(), 1)
	})
}

// TestNoOperationIsTakenForAnother: an operation that is not there must not be done as a plain one.
func TestNoOperationIsTakenForAnother(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		w.Put("photos", "a", "a")
		for _, sub := range []string{"policy", "lifecycle", "cors", "website", "encryption", "versions", "object-lock", "replication", "publicAccessBlock", "acl", "tagging", "torrent"} {
			for _, path := range []string{"/photos?", "/photos/a?"} {
				for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPost, http.MethodGet} {
					known := sub == "tagging" && path == "/photos/a?" || sub == "acl" && method == http.MethodGet
					if known {
						continue
					}
					status, text := w.send(t, w.signed(t, method, path+sub, nil, "", nil))
					require.Equal(t, http.StatusNotImplemented, status, "%s %s%s: %s", method, path, sub, text)
				}
			}
		}
		for name, c := range map[string]struct {
			method, path string
			header       map[string]string
			code         string
		}{
			"a key of the customer's":   {http.MethodPut, "/photos/b", map[string]string{"X-Amz-Server-Side-Encryption-Customer-Algorithm": "AES256"}, "NotImplemented"},
			"a key of a service":        {http.MethodPut, "/photos/b", map[string]string{"X-Amz-Server-Side-Encryption": "aws:kms"}, "NotImplemented"},
			"a lock":                    {http.MethodPut, "/photos/b", map[string]string{"X-Amz-Object-Lock-Mode": "COMPLIANCE"}, "NotImplemented"},
			"everyone's":                {http.MethodPut, "/photos/b", map[string]string{"X-Amz-Acl": "public-read"}, "AccessControlListNotSupported"},
			"a grant":                   {http.MethodPut, "/photos/b", map[string]string{"X-Amz-Grant-Read": "uri=x"}, "AccessControlListNotSupported"},
			"a redirect":                {http.MethodPut, "/photos/b", map[string]string{"X-Amz-Website-Redirect-Location": "https://evil.example"}, "NotImplemented"},
			"half a part":               {http.MethodPut, "/photos/b?partNumber=1", nil, "InvalidRequest"},
			"a part without its upload": {http.MethodPut, "/photos/b?uploadId=x", nil, "NotImplemented"},
			"a form":                    {http.MethodPost, "/photos", nil, "NotImplemented"},
			"another method":            {http.MethodPost, "/photos/a", nil, "MethodNotAllowed"},
			"an upload to nowhere":      {http.MethodPut, "/", nil, "MethodNotAllowed"},
		} {
			status, text := w.send(t, w.signed(t, c.method, c.path, nil, "", c.header))
			require.GreaterOrEqual(t, status, 400, name)
			require.Contains(t, text, "<Code>"+c.code+"</Code>", name)
		}
		require.Equal(t, "a", w.Read("photos", "a"))
		require.Equal(t, 1, w.count("select count(*) from {storage}.objects"))
	})
}

func TestAttacksOnSignatures(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		w.Put("photos", "a", "a")
		r := w.signed(t, http.MethodGet, "/photos/a", nil, "", nil)
		status, _ := w.send(t, r.Clone(context.Background()))
		require.Equal(t, http.StatusOK, status)
		w.later(t, 16*time.Minute)
		status, text := w.send(t, r.Clone(context.Background()))
		require.Equal(t, http.StatusForbidden, status, "a replay")
		require.Contains(t, text, "RequestTimeTooSkewed")
		link, err := awss3.NewPresignClient(w.client()).PresignGetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("photos"), Key: aws.String("a")})
		require.NoError(t, err)
		resp, text := w.get(t, link.Method, link.URL, nil, nil)
		require.Equal(t, http.StatusForbidden, resp.StatusCode, "an address that has expired")
		require.Contains(t, text, "Request has expired")
		w.later(t, 0)

		r = w.signed(t, http.MethodGet, "/photos/a", nil, "", nil)
		r.Host = w.Project.Ref + ".files.example"
		r.URL.Opaque = "/storage/v1/s3/photos/a"
		status, text = w.send(t, r)
		require.Equal(t, http.StatusForbidden, status, "another way to the same project")
		require.Contains(t, text, "SignatureDoesNotMatch")
		r = w.signed(t, http.MethodGet, "/photos/a", nil, "", nil)
		r.Header.Set("X-Amz-Copy-Source", "/photos/b")
		status, _ = w.send(t, r)
		require.Equal(t, http.StatusForbidden, status, "a header that was not signed")
		r = w.signed(t, http.MethodPut, "/photos/b", []byte("hello"), "", nil)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader("jello")), 5
		status, text = w.send(t, r)
		require.Equal(t, http.StatusBadRequest, status, "another body")
		require.Contains(t, text, "XAmzContentSHA256Mismatch")
		require.Equal(t, 1, w.count("select count(*) from {storage}.objects"))
		require.Len(t, w.StoredKeys(), 1, "nothing stays of what was refused")
	})
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

// chunked makes a signed stream of chunks of a request.
func (w *world) chunked(t *testing.T, path string, said int, chunks ...string) (*http.Request, string) {
	t.Helper()
	r := w.signed(t, http.MethodPut, path, nil, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", map[string]string{"X-Amz-Decoded-Content-Length": fmt.Sprint(said), "Content-Encoding": "aws-chunked"})
	_, previous, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	stamp := r.Header.Get("X-Amz-Date")
	key := []byte("AWS4" + w.value)
	for _, part := range []string{stamp[:8], "us-east-1", "s3", "aws4_request"} {
		key = mac(key, part)
	}
	hash := func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	var b strings.Builder
	for _, chunk := range append(chunks, "") {
		previous = hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256-PAYLOAD\n"+stamp+"\n"+stamp[:8]+"/us-east-1/s3/aws4_request\n"+previous+"\n"+hash("")+"\n"+hash(chunk)))
		fmt.Fprintf(&b, "%x;chunk-signature=%s\r\n%s\r\n", len(chunk), previous, chunk)
	}
	return r, b.String()
}

func TestAttacksOnChunks(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		big := strings.Repeat("a", 100_000)
		put := func(said int, spoil func(string) string, chunks ...string) (int, string) {
			r, body := w.chunked(t, "/photos/chunks", said, chunks...)
			body = spoil(body)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			return w.send(t, r)
		}
		as := func(s string) string { return s }
		for name, c := range map[string]struct {
			said  int
			spoil func(string) string
			code  string
		}{
			"a byte changed":              {100_005, func(s string) string { return strings.Replace(s, "aaa", "aab", 1) }, "SignatureDoesNotMatch"},
			"the last byte changed":       {100_005, func(s string) string { return strings.Replace(s, "hello", "hellp", 1) }, "SignatureDoesNotMatch"},
			"a signature changed":         {100_005, func(s string) string { return strings.Replace(s, "signature=", "signature=0", 1) }, "InvalidRequest"},
			"the end cut off":             {100_005, func(s string) string { return s[:strings.LastIndex(s, "0;chunk")] }, "IncompleteBody"},
			"a length that is too small":  {100_000, as, "IncompleteBody"},
			"a length that is much less":  {3, as, "IncompleteBody"},
			"a length of nought":          {0, as, "IncompleteBody"},
			"a length that is too large":  {100_006, as, "IncompleteBody"},
			"a length beyond the request": {10_000_000, as, "IncompleteBody"},
		} {
			status, text := put(c.said, c.spoil, big, "hello")
			require.GreaterOrEqual(t, status, 400, name)
			require.Contains(t, text, "<Code>"+c.code+"</Code>", name)
			require.Zero(t, w.count("select count(*) from {storage}.objects"), name)
			// The object store of tests keeps the beginning of a body that broke off: it belongs to nothing, and lies below a lease, whose end removes it.
			require.Zero(t, storagetest.One[int](w.Bundle, "select count(*) from blobs"), name)
		}
		status, text := put(100_005, as, big, "hello")
		require.Equal(t, http.StatusOK, status, text)
		require.Equal(t, big+"hello", w.Read("photos", "chunks"))
	})
}

func TestAttacksByMetadata(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		hostile := map[string]any{
			"plain": "yes", "inject": "x\r\nSet-Cookie: a=b", "bad name\r\nX-Evil": "1", "unicode": "写真", "number": 7, "nested": map[string]any{"a": "b\r\nc"},
			strings.Repeat("long", 3000): "x", "": "empty",
		}
		encoded, err := json.Marshal(hostile)
		require.NoError(t, err)
		_, err = w.Objects.Upload(t.Context(), w.Service(), object.Target{Bucket: "photos", Name: "a", Size: 1, UserMetadata: encoded, Upsert: true}, strings.NewReader("a"))
		require.NoError(t, err)
		link, err := awss3.NewPresignClient(w.client()).PresignGetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("photos"), Key: aws.String("a")})
		require.NoError(t, err)
		resp, _ := w.get(t, link.Method, link.URL, nil, nil)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, "yes", resp.Header.Get("X-Amz-Meta-Plain"))
		require.Equal(t, "7", resp.Header.Get("X-Amz-Meta-Number"))
		require.Empty(t, resp.Header.Get("Set-Cookie"))
		require.Empty(t, resp.Header.Get("X-Evil"))
		require.NotEmpty(t, resp.Header.Get("X-Amz-Missing-Meta"))
		for _, values := range resp.Header {
			require.NotContains(t, values[0], "\n")
			require.Less(t, len(values[0]), 9000)
		}
		for name, header := range map[string]map[string]string{
			"too much":          {"X-Amz-Meta-A": strings.Repeat("x", 2100)},
			"control, encoded":  {"X-Amz-Meta-A": "=?utf-8?b?YQ0KU2V0LUNvb2tpZTogYT1i?="},
			"no UTF-8":          {"X-Amz-Meta-A": "\xff\xfe"},
			"a type of no kind": {"Content-Type": "text/html\tx; =y"},
			"eleven tags":       {"X-Amz-Tagging": "1=&2=&3=&4=&5=&6=&7=&8=&9=&10=&11="},
			"a tag twice":       {"X-Amz-Tagging": "a=1&a=2"},
			"control in a tag":  {"X-Amz-Tagging": "a=%0d%0a"},
		} {
			status, _ := w.send(t, w.signed(t, http.MethodPut, "/photos/b", []byte("x"), "", header))
			require.Equal(t, http.StatusBadRequest, status, name)
		}
	})
}

func TestAttacksByDocuments(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		w.Put("photos", "a", "a")
		many := strings.Repeat("<Object><Key>a</Key></Object>", 60_000)
		for name, c := range map[string]struct{ body, code string }{
			"no document":    {"hello", "MalformedXML"},
			"nothing":        {"", "MalformedXML"},
			"half a one":     {"<Delete><Object><Key>a", "MalformedXML"},
			"an entity":      {`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>`, "MalformedXML"},
			"a file":         {`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&a;</Key></Object></Delete>`, "MalformedXML"},
			"far too many":   {"<Delete>" + many + "</Delete>", "MalformedXML"},
			"far too large":  {"<Delete><Object><Key>" + strings.Repeat("k", 3<<20) + "</Key></Object></Delete>", "MaxMessageLengthExceeded"},
			"very deep":      {strings.Repeat("<Delete>", 100_000), "MalformedXML"},
			"no UTF-8":       {"<Delete><Object><Key>\xff</Key></Object></Delete>", "MalformedXML"},
			"another's root": {"<Complete></Complete>", "MalformedXML"},
		} {
			status, text := w.send(t, w.signed(t, http.MethodPost, "/photos?delete", []byte(c.body), "", nil))
			require.Equal(t, http.StatusBadRequest, status, name)
			require.Contains(t, text, "<Code>"+c.code+"</Code>", name)
		}
		require.Equal(t, "a", w.Read("photos", "a"))
	})
}
