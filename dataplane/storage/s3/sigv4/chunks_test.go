package sigv4_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/s3/sigv4"
)

// TestAWSOwnExample is the one that AWS's documentation computes.
func TestAWSOwnExample(t *testing.T) {
	t.Parallel()
	when := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	a := strings.Repeat("a", 65536)
	body := "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" + a + "\r\n" +
		"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + a[:1024] + "\r\n" +
		"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
	require.Len(t, body, 66824)
	r := httptest.NewRequest(http.MethodPut, "/examplebucket/chunkObject.txt", strings.NewReader(body))
	r.Host = "s3.amazonaws.com"
	for name, value := range map[string]string{
		"x-amz-date": "20130524T000000Z", "x-amz-storage-class": "REDUCED_REDUNDANCY", "Content-Encoding": "aws-chunked",
		"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "x-amz-decoded-content-length": "66560",
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request," +
			"SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class," +
			"Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
	} {
		r.Header.Set(name, value)
	}
	s, err := sigv4.Parse(r, when)
	require.NoError(t, err)
	require.NoError(t, s.Verify("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
	b, err := s.Body()
	require.NoError(t, err)
	got, err := io.ReadAll(b)
	require.NoError(t, err)
	require.Equal(t, a+a[:1024], string(got))
	require.Empty(t, s.ContentEncoding())
}

// stream is a body in chunks whose parts a test can spoil.
type stream struct {
	chunks  []string
	signed  bool
	trailer string // "name:value"
	decoded string
	spoil   func(string) string
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

func (c stream) request(t testing.TB) *http.Request {
	t.Helper()
	total := 0
	for _, chunk := range c.chunks {
		total += len(chunk)
	}
	header := map[string]string{"X-Amz-Decoded-Content-Length": strconv.Itoa(total), "Content-Encoding": "gzip, aws-chunked"}
	if c.decoded != "" {
		header["X-Amz-Decoded-Content-Length"] = c.decoded
	}
	payload := "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	if c.signed {
		payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
		if c.trailer != "" {
			payload += "-TRAILER"
		}
	}
	if c.trailer != "" {
		header["X-Amz-Trailer"], _, _ = strings.Cut(c.trailer, ":")
	}
	r := request(t, http.MethodPut, "/s3/b/k", nil, payload, header)
	_, previous, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	key := []byte("AWS4" + secret)
	for _, part := range []string{"20261123", "us-east-1", "s3", "aws4_request"} {
		key = mac(key, part)
	}
	scope := "20261123T120000Z\n20261123/us-east-1/s3/aws4_request\n"
	var b strings.Builder
	for _, chunk := range append(append([]string{}, c.chunks...), "") {
		fmt.Fprintf(&b, "%x", len(chunk))
		if c.signed {
			previous = hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256-PAYLOAD\n"+scope+previous+"\n"+emptied+"\n"+hashOf([]byte(chunk))))
			b.WriteString(";chunk-signature=" + previous)
		}
		b.WriteString("\r\n" + chunk)
		if chunk != "" {
			b.WriteString("\r\n")
		}
	}
	if c.trailer != "" {
		b.WriteString(c.trailer + "\r\n")
		if c.signed {
			b.WriteString("x-amz-trailer-signature:" + hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256-TRAILER\n"+scope+previous+"\n"+hashOf([]byte(c.trailer+"\n")))) + "\r\n")
		}
	}
	b.WriteString("\r\n")
	body := b.String()
	if c.spoil != nil {
		spoiled := c.spoil(body)
		require.NotEqual(t, body, spoiled)
		body = spoiled
	}
	in := httptest.NewRequest(http.MethodPut, "/s3/b/k", strings.NewReader(body))
	in.Host, in.Header, in.ContentLength = r.Host, r.Header, -1 // the SDK signs a length that it has; this one has none
	in.TransferEncoding = []string{"chunked"}
	return in
}

func TestStreams(t *testing.T) {
	t.Parallel()
	a, hi := strings.Repeat("a", 9000), "hi"
	sum := "x-amz-checksum-crc32:" + crc([]byte(a+hi))
	for name, c := range map[string]stream{
		"signed":                      {chunks: []string{a, hi}, signed: true},
		"signed, with a trailer":      {chunks: []string{a, hi}, signed: true, trailer: sum},
		"unsigned, with a trailer":    {chunks: []string{a, hi}, trailer: sum},
		"unsigned, without a trailer": {chunks: []string{a, hi}},
	} {
		r := c.request(t)
		got, err := open(r, secret)
		require.NoError(t, err, name)
		require.Equal(t, a+hi, got, name)
		s, err := sigv4.Parse(c.request(t), now)
		require.NoError(t, err)
		require.Equal(t, "gzip", s.ContentEncoding(), name)
	}
	got, err := open(stream{signed: true}.request(t), secret)
	require.NoError(t, err)
	require.Empty(t, got)
	got, err = open(stream{trailer: "x-amz-checksum-crc32:AAAAAA=="}.request(t), secret)
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestStreamsRefused(t *testing.T) {
	t.Parallel()
	a, hi := strings.Repeat("a", 9000), "hi"
	sum := "x-amz-checksum-crc32:" + crc([]byte(a+hi))
	swap := func(old, with string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, with, 1) }
	}
	last := func(s string) string { // the first digit of the last signature
		at := strings.LastIndex(s, "signature") + len("signature=")
		return s[:at] + string("10"[map[bool]int{true: 1}[s[at] == '1']]) + s[at+1:]
	}
	var tiny []string
	for range 1100 {
		tiny = append(tiny, "x")
	}
	for name, c := range map[string]struct {
		stream
		reason string
	}{
		"a byte of a chunk changed":            {stream{chunks: []string{a, hi}, signed: true, spoil: swap("aaa", "aab")}, "SIGNATURE_DOES_NOT_MATCH"},
		"the last chunk changed":               {stream{chunks: []string{a, hi}, signed: true, spoil: swap("hi", "ho")}, "SIGNATURE_DOES_NOT_MATCH"},
		"a chunk's signature forged":           {stream{chunks: []string{a, hi}, signed: true, spoil: last}, "SIGNATURE_DOES_NOT_MATCH"},
		"a chunk without a signature":          {stream{chunks: []string{a, hi}, signed: true, spoil: func(s string) string { return s[:4] + s[strings.Index(s, "\r\n"):] }}, "INVALID_CHUNK"},
		"the stream ends early":                {stream{chunks: []string{a, hi}, signed: true, spoil: func(s string) string { return s[:5000] }}, "INCOMPLETE_BODY"},
		"the last chunk cut off":               {stream{chunks: []string{a, hi}, signed: true, spoil: func(s string) string { return s[:strings.LastIndex(s, "0;chunk")] }}, "INCOMPLETE_BODY"},
		"more bytes than were said":            {stream{chunks: []string{a, hi}, signed: true, decoded: "9000"}, "INCOMPLETE_BODY"},
		"many more bytes than were said":       {stream{chunks: []string{a, hi}, signed: true, decoded: "10"}, "INCOMPLETE_BODY"},
		"fewer bytes than were said":           {stream{chunks: []string{a, hi}, signed: true, decoded: "9003"}, "INCOMPLETE_BODY"},
		"nought bytes said":                    {stream{chunks: []string{a, hi}, signed: true, decoded: "0"}, "INCOMPLETE_BODY"},
		"a negative length":                    {stream{chunks: []string{a, hi}, signed: true, decoded: "-1"}, "MISSING_CONTENT_LENGTH"},
		"a size that is signed":                {stream{chunks: []string{a, hi}, spoil: func(s string) string { return "+" + s }}, "INVALID_CHUNK"},
		"a size beyond all":                    {stream{chunks: []string{a, hi}, spoil: func(s string) string { return "fffffffffffffffff" + s }}, "INVALID_CHUNK"},
		"a line without end":                   {stream{chunks: []string{a, hi}, spoil: func(s string) string { return strings.Repeat("0", 9000) + s }}, "INVALID_CHUNK"},
		"no line's end after a chunk":          {stream{chunks: []string{a, hi}, spoil: swap("hi\r\n", "hi..")}, "INVALID_CHUNK"},
		"thousands of tiny chunks":             {stream{chunks: tiny, signed: true}, "INVALID_CHUNK_SIZE"},
		"bytes after the end":                  {stream{chunks: []string{a, hi}, signed: true, spoil: func(s string) string { return s + "GET / HTTP/1.1\r\n" }}, "INVALID_CHUNK"},
		"another checksum in the trailer":      {stream{chunks: []string{a, hi}, trailer: "x-amz-checksum-crc32:AAAAAA=="}, "BAD_DIGEST"},
		"a trailer that is not announced":      {stream{chunks: []string{a, hi}, trailer: sum, spoil: swap("crc32", "crc32c")}, "MALFORMED_TRAILER_ERROR"},
		"no trailer":                           {stream{chunks: []string{a, hi}, trailer: sum, spoil: swap(sum+"\r\n", "")}, "MALFORMED_TRAILER_ERROR"},
		"the trailer twice":                    {stream{chunks: []string{a, hi}, trailer: sum, spoil: swap(sum, sum+"\r\n"+sum)}, "MALFORMED_TRAILER_ERROR"},
		"a trailer without a name":             {stream{chunks: []string{a, hi}, spoil: func(s string) string { return s[:len(s)-2] + ":x\r\n\r\n" }}, "INVALID_CHUNK"},
		"a trailer that announces no checksum": {stream{chunks: []string{a, hi}, trailer: "content-type:text/html"}, "INVALID_REQUEST"},
		"a trailer's signature forged":         {stream{chunks: []string{a, hi}, signed: true, trailer: sum, spoil: last}, "SIGNATURE_DOES_NOT_MATCH"},
		"a trailer without a signature":        {stream{chunks: []string{a, hi}, signed: true, trailer: sum, spoil: swap("x-amz-trailer-signature", "x")}, "MALFORMED_TRAILER_ERROR"},
	} {
		got, err := open(c.request(t), secret)
		require.Equal(t, c.reason, reason(err), name)
		require.LessOrEqual(t, len(got), len(a+hi), name)
	}
}

// TestTheLastByteWaits: whoever reads as many bytes as were announced, and not to the end, gets no forged body either.
func TestTheLastByteWaits(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*http.Request{
		"a hash":    request(t, http.MethodPut, "/s3/b/k", []byte("hello"), hashOf([]byte("other")), nil),
		"a chunk":   stream{chunks: []string{"hello"}, signed: true, spoil: func(s string) string { return strings.Replace(s, "hello", "jello", 1) }}.request(t),
		"a trailer": stream{chunks: []string{"hello"}, trailer: "x-amz-checksum-crc32:AAAAAA=="}.request(t),
	} {
		s, err := sigv4.Parse(r, now)
		require.NoError(t, err)
		require.NoError(t, s.Verify(secret))
		b, err := s.Body()
		require.NoError(t, err)
		n, err := io.ReadFull(b, make([]byte, b.Size))
		require.Error(t, err, name)
		require.Less(t, n, 5, name)
		_, err = b.Read(make([]byte, 1))
		require.Error(t, err, name)
	}
}

func FuzzChunks(f *testing.F) {
	for _, c := range []stream{
		{chunks: []string{"hello"}, signed: true}, {chunks: []string{"hello"}, trailer: "x-amz-checksum-crc32:NhCmhg=="}, {chunks: []string{"hello"}},
	} {
		body, _ := io.ReadAll(c.request(f).Body)
		f.Add(body, c.signed, c.trailer != "")
	}
	f.Fuzz(func(t *testing.T, body []byte, signed, trailing bool) {
		c := stream{chunks: []string{"hello"}, signed: signed}
		if trailing {
			c.trailer = "x-amz-checksum-crc32:" + crc([]byte("hello"))
		}
		r := c.request(t)
		r.Body = io.NopCloser(bytes.NewReader(body))
		got, err := open(r, secret)
		require.LessOrEqual(t, len(got), 5)
		if err == nil && (signed || trailing) {
			require.Equal(t, "hello", got)
		}
		require.NotEqual(t, "INTERNAL", reason(err))
	})
}
