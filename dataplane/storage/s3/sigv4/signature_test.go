package sigv4_test

import (
	"crypto/md5"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/s3/sigv4"
)

func TestAcceptsWhatTheSDKSigns(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{
		"the service":                 "/storage/v1/s3/",
		"an object":                   "/storage/v1/s3/photos/a/b.txt",
		"below a project's path":      "/p/abcdefghijklmnopqrst/storage/v1/s3/photos/a.txt",
		"spaces and signs":            "/storage/v1/s3/photos/a%20b%2Bc%26d%3De%23f%3Fg%2A%28h%29%27%21.txt",
		"other scripts":               "/storage/v1/s3/photos/%E5%86%99%E7%9C%9F/%C3%BCber.jpg",
		"parameters":                  "/storage/v1/s3/photos?list-type=2&prefix=a%2Fb%20c&delimiter=%2F&max-keys=10",
		"a parameter without a value": "/storage/v1/s3/photos?uploads",
		"a parameter twice":           "/storage/v1/s3/photos?b=2&b=1&a=&a=0&a-b=3&aa=4",
		"an escaped percent sign":     "/storage/v1/s3/photos/100%25.txt",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete} {
			_, err := open(request(t, method, target, nil, emptied, nil), secret)
			require.NoError(t, err, name)
		}
		_, err := open(presigned(t, http.MethodGet, target, time.Hour, nil), secret)
		require.NoError(t, err, name+", presigned")
	}
}

func TestReadsBodiesOfEveryKind(t *testing.T) {
	t.Parallel()
	sum := md5.Sum([]byte("hello"))
	for name, c := range map[string]struct {
		payload string
		header  map[string]string
	}{
		"hashed":          {hashOf([]byte("hello")), nil},
		"unsigned":        {"UNSIGNED-PAYLOAD", nil},
		"with an MD5":     {"UNSIGNED-PAYLOAD", map[string]string{"Content-MD5": base64.StdEncoding.EncodeToString(sum[:])}},
		"with a CRC":      {"UNSIGNED-PAYLOAD", map[string]string{"x-amz-checksum-crc32": crc([]byte("hello"))}},
		"with a CRC-32C":  {"UNSIGNED-PAYLOAD", map[string]string{"x-amz-checksum-crc32c": "mnG7TA=="}},
		"with a CRC-64":   {"UNSIGNED-PAYLOAD", map[string]string{"x-amz-checksum-crc64nvme": "M3eFcAZSQlc="}},
		"with a SHA-1":    {"UNSIGNED-PAYLOAD", map[string]string{"x-amz-checksum-sha1": "qvTGHdzF6KLavt4PO0gs2a6pQ00="}},
		"with a SHA-256":  {"UNSIGNED-PAYLOAD", map[string]string{"x-amz-checksum-sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="}},
		"metadata spaced": {"UNSIGNED-PAYLOAD", map[string]string{"x-amz-meta-a": "  two   words  "}},
	} {
		got, err := open(request(t, http.MethodPut, "/s3/b/k", []byte("hello"), c.payload, c.header), secret)
		require.NoError(t, err, name)
		require.Equal(t, "hello", got, name)
	}
	got, err := open(presigned(t, http.MethodPut, "/s3/b/k", time.Hour, map[string]string{"X-Amz-Meta-A": "b"}), secret)
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	put := func(header map[string]string) *http.Request {
		return request(t, http.MethodPut, "/s3/b/k", []byte("hello"), "UNSIGNED-PAYLOAD", header)
	}
	get := func() *http.Request { return request(t, http.MethodGet, "/s3/b/k?x=1", nil, emptied, nil) }
	link := func() *http.Request { return presigned(t, http.MethodGet, "/s3/b/k", time.Hour, nil) }
	change := func(r *http.Request, do func(*http.Request)) *http.Request { do(r); return r }
	address := func(r *http.Request, old, with string) *http.Request {
		require.Contains(t, r.RequestURI, old)
		r.RequestURI = strings.Replace(r.RequestURI, old, with, 1)
		return r
	}
	header := func(name, old, with string) *http.Request {
		r := get()
		require.Contains(t, r.Header.Get(name), old)
		r.Header.Set(name, strings.Replace(r.Header.Get(name), old, with, 1))
		return r
	}
	for name, c := range map[string]struct {
		r      *http.Request
		reason string
	}{
		"no signature":                     {httptest.NewRequest(http.MethodGet, "/s3/b/k", nil), "ACCESS_DENIED"},
		"a bearer token":                   {change(get(), func(r *http.Request) { r.Header.Set("Authorization", "Bearer x.y.z") }), "ACCESS_DENIED"},
		"version 2":                        {change(get(), func(r *http.Request) { r.Header.Set("Authorization", "AWS a:b") }), "INVALID_REQUEST"},
		"version 2 in the address":         {httptest.NewRequest(http.MethodGet, "/s3/b/k?AWSAccessKeyId=a&Signature=b&Expires=1", nil), "INVALID_REQUEST"},
		"version 4a":                       {header("Authorization", "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), "INVALID_REQUEST"},
		"two signatures":                   {change(get(), func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }), "INVALID_REQUEST"},
		"header and address":               {change(link(), func(r *http.Request) { r.Header.Set("Authorization", get().Header.Get("Authorization")) }), "INVALID_REQUEST"},
		"another method":                   {change(get(), func(r *http.Request) { r.Method = http.MethodDelete }), "SIGNATURE_DOES_NOT_MATCH"},
		"another path":                     {address(get(), "/s3/b/k", "/s3/b/l"), "SIGNATURE_DOES_NOT_MATCH"},
		"another query":                    {address(get(), "x=1", "x=2"), "SIGNATURE_DOES_NOT_MATCH"},
		"a parameter more":                 {address(get(), "x=1", "x=1&y=2"), "SIGNATURE_DOES_NOT_MATCH"},
		"a parameter twice":                {address(get(), "x=1", "x=1&x=1"), "SIGNATURE_DOES_NOT_MATCH"},
		"another host":                     {change(get(), func(r *http.Request) { r.Host = "other.example" }), "SIGNATURE_DOES_NOT_MATCH"},
		"another header's value":           {change(put(map[string]string{"X-Amz-Meta-A": "b"}), func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "c") }), "SIGNATURE_DOES_NOT_MATCH"},
		"S3's header added":                {change(put(nil), func(r *http.Request) { r.Header.Set("X-Amz-Copy-Source", "/b/secret") }), "ACCESS_DENIED"},
		"S3's header added to an address":  {change(link(), func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "b") }), "ACCESS_DENIED"},
		"a signed header taken away":       {change(put(map[string]string{"X-Amz-Meta-A": "b"}), func(r *http.Request) { r.Header.Del("X-Amz-Meta-A") }), "SIGNATURE_DOES_NOT_MATCH"},
		"a header of S3's twice":           {change(put(map[string]string{"X-Amz-Meta-A": "b"}), func(r *http.Request) { r.Header.Add("X-Amz-Meta-A", "b") }), "INVALID_REQUEST"},
		"a Range twice":                    {change(get(), func(r *http.Request) { r.Header["Range"] = []string{"bytes=0-1", "bytes=2-3"} }), "INVALID_REQUEST"},
		"the host unsigned":                {header("Authorization", "SignedHeaders=host;", "SignedHeaders="), "ACCESS_DENIED"},
		"headers unsorted":                 {header("Authorization", "SignedHeaders=host;", "SignedHeaders=x-a;host;"), "AUTHORIZATION_HEADER_MALFORMED"},
		"no hash of the payload":           {change(get(), func(r *http.Request) { r.Header.Del("X-Amz-Content-Sha256") }), "INVALID_REQUEST"},
		"another service":                  {header("Authorization", "/s3/", "/sts/"), "AUTHORIZATION_HEADER_MALFORMED"},
		"another terminator":               {header("Authorization", "aws4_request", "aws5_request"), "AUTHORIZATION_HEADER_MALFORMED"},
		"another region":                   {header("Authorization", "us-east-1", "eu-west-1"), "SIGNATURE_DOES_NOT_MATCH"},
		"another day":                      {header("Authorization", "20261123", "20261122"), "AUTHORIZATION_HEADER_MALFORMED"},
		"no date":                          {change(get(), func(r *http.Request) { r.Header.Del("X-Amz-Date") }), "ACCESS_DENIED"},
		"half a signature":                 {header("Authorization", "Signature=", "Signature=00"), "AUTHORIZATION_HEADER_MALFORMED"},
		"fields twice":                     {header("Authorization", "SignedHeaders=", "SignedHeaders=host, SignedHeaders="), "AUTHORIZATION_HEADER_MALFORMED"},
		"a path in the access key":         {header("Authorization", accessKey, accessKey+"/x"), "AUTHORIZATION_HEADER_MALFORMED"},
		"a presigned address, other path":  {address(link(), "/s3/b/k", "/s3/b/l"), "SIGNATURE_DOES_NOT_MATCH"},
		"a presigned address, longer":      {address(link(), "X-Amz-Expires=3600", "X-Amz-Expires=7200"), "SIGNATURE_DOES_NOT_MATCH"},
		"a presigned address, extended":    {address(link(), "X-Amz-Expires=3600", "X-Amz-Expires=3600&response-content-type=text/html"), "SIGNATURE_DOES_NOT_MATCH"},
		"a presigned address, other way":   {change(link(), func(r *http.Request) { r.Method = http.MethodPut }), "SIGNATURE_DOES_NOT_MATCH"},
		"presigned for eight days":         {presigned(t, http.MethodGet, "/s3/b/k", 8*24*time.Hour, nil), "AUTHORIZATION_QUERY_PARAMETERS_ERROR"},
		"presigned for no time":            {presigned(t, http.MethodGet, "/s3/b/k", 0, nil), "AUTHORIZATION_QUERY_PARAMETERS_ERROR"},
		"a parameter of the address twice": {address(link(), "X-Amz-Expires=3600", "X-Amz-Expires=3600&X-Amz-Expires=7200"), "AUTHORIZATION_QUERY_PARAMETERS_ERROR"},
		"a broken escape":                  {change(get(), func(r *http.Request) { r.RequestURI = "/s3/b/%zz" }), "INVALID_URI"},
		"another body":                     {request(t, http.MethodPut, "/s3/b/k", []byte("hello"), hashOf([]byte("other")), nil), "X_AMZ_CONTENT_SHA256_MISMATCH"},
		"no hash at all":                   {request(t, http.MethodPut, "/s3/b/k", []byte("hello"), "TRUST-ME", nil), "INVALID_ARGUMENT"},
		"another MD5":                      {put(map[string]string{"Content-MD5": "AAAA"}), "INVALID_DIGEST"},
		"the MD5 of another body":          {put(map[string]string{"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}), "BAD_DIGEST"},
		"another CRC":                      {put(map[string]string{"X-Amz-Checksum-Crc32": crc([]byte("other"))}), "BAD_DIGEST"},
		"a CRC that is too long":           {put(map[string]string{"X-Amz-Checksum-Crc32": "AAAAAAAAAAA="}), "INVALID_REQUEST"},
		"two checksums":                    {put(map[string]string{"X-Amz-Checksum-Crc32": crc([]byte("hello")), "X-Amz-Checksum-Sha1": "qvTGHdzF6KLavt4PO0gs2a6pQ00="}), "INVALID_REQUEST"},
		"an unknown checksum":              {put(map[string]string{"X-Amz-Checksum-Md4": "AAAA"}), "INVALID_REQUEST"},
		"no length":                        {change(put(nil), func(r *http.Request) { r.ContentLength = -1 }), "SIGNATURE_DOES_NOT_MATCH"},
	} {
		body, err := open(c.r, secret)
		require.Equal(t, c.reason, reason(err), name)
		require.NotEqual(t, "hello", body, name)
	}
	_, err := open(get(), "another secret")
	require.Equal(t, "SIGNATURE_DOES_NOT_MATCH", reason(err))
	_, err = open(get(), "")
	require.Equal(t, "SIGNATURE_DOES_NOT_MATCH", reason(err), "an empty secret opens nothing")
}

func TestTimesOfSignatures(t *testing.T) {
	t.Parallel()
	at := func(r *http.Request, off time.Duration) string {
		_, err := sigv4.Parse(r, now.Add(off))
		return reason(err)
	}
	for off, want := range map[time.Duration]string{
		0: "", 14 * time.Minute: "", -14 * time.Minute: "", 16 * time.Minute: "REQUEST_TIME_TOO_SKEWED", -16 * time.Minute: "REQUEST_TIME_TOO_SKEWED",
		24 * time.Hour: "REQUEST_TIME_TOO_SKEWED",
	} {
		require.Equal(t, want, at(request(t, http.MethodGet, "/s3/b", nil, emptied, nil), off), off)
	}
	for off, want := range map[time.Duration]string{
		0: "", 59 * time.Minute: "", 60 * time.Minute: "ACCESS_DENIED", -14 * time.Minute: "", -16 * time.Minute: "ACCESS_DENIED", 1000 * time.Hour: "ACCESS_DENIED",
	} {
		require.Equal(t, want, at(presigned(t, http.MethodGet, "/s3/b", time.Hour, nil), off), off)
	}
}

func TestTellsTheToken(t *testing.T) {
	t.Parallel()
	s, err := sigv4.Parse(request(t, http.MethodGet, "/s3/b", nil, emptied, map[string]string{"Token": "a.b.c"}), now)
	require.NoError(t, err)
	require.Equal(t, "a.b.c", s.Token)
	require.Equal(t, accessKey, s.AccessKey)
	require.NoError(t, s.Verify(secret))
}

func FuzzParse(f *testing.F) {
	f.Add("/s3/b/k?x=1", "AWS4-HMAC-SHA256 Credential=A/20261123/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature="+emptied)
	f.Add("/s3/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20261123%2Fr%2Fs3%2Faws4_request&X-Amz-Date=20261123T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature="+emptied, "")
	f.Add("http://files.example/s3/b/%2e%2e/k?a=b;c", "AWS4-HMAC-SHA256 ,,,=")
	f.Fuzz(func(t *testing.T, target, authorization string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RequestURI = target
		r.Header.Set("X-Amz-Date", "20261123T120000Z")
		r.Header.Set("X-Amz-Content-Sha256", emptied)
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		s, err := sigv4.Parse(r, now)
		if err != nil {
			require.NotEqual(t, "INTERNAL", reason(err))
			return
		}
		require.NotEmpty(t, s.AccessKey)
		require.NotContains(t, s.AccessKey, "/")
		require.Error(t, s.Verify(secret))
	})
}
