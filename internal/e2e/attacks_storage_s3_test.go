package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"
)

// signedRequest is a request that somebody signed by SigV4.
type signedRequest struct {
	method, target     string // the path below /storage/v1/s3/, escaped, with parameters
	headers            map[string]string
	body, payload      string // payload is what the signature says of the body; "" is its hash
	key, secret, token string
	at                 time.Time
	base               string                // "" is the victim's host
	after              func(r *http.Request) // changes the request once it is signed
	presign            bool
}

// sendSigned signs and sends.
func (s *fileScene) sendSigned(t *testing.T, in signedRequest) (status int, header http.Header, body string) {
	t.Helper()
	if in.base == "" {
		in.base = s.victim.url
	}
	if in.at.IsZero() {
		in.at = time.Now()
	}
	if in.payload == "" {
		sum := sha256.Sum256([]byte(in.body))
		in.payload = hex.EncodeToString(sum[:])
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, in.method, in.base+"/storage/v1/s3/"+s.names(in.target), bytes.NewReader([]byte(in.body)))
	require.NoError(t, err)
	for name, value := range in.headers {
		request.Header.Set(name, s.names(value))
	}
	credentials := aws.Credentials{AccessKeyID: in.key, SecretAccessKey: in.secret, SessionToken: in.token}
	plain := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }
	if in.presign {
		address, _, err := v4.NewSigner().PresignHTTP(ctx, credentials, request, "UNSIGNED-PAYLOAD", "s3", "us-east-1", in.at, plain)
		require.NoError(t, err)
		return s.fetch(t, in.method, address, in.after)
	}
	request.Header.Set("X-Amz-Content-Sha256", in.payload)
	require.NoError(t, v4.NewSigner().SignHTTP(ctx, credentials, request, in.payload, "s3", "us-east-1", in.at, plain))
	if in.after != nil {
		in.after(request)
	}
	return s.do(t, request)
}

// do sends a request, and again where the limit of requests refused it: that proves nothing.
func (s *fileScene) do(t *testing.T, request *http.Request) (status int, header http.Header, body string) {
	t.Helper()
	for {
		got, err := s.signer.Do(request)
		require.NoError(t, err)
		text, err := io.ReadAll(got.Body)
		require.NoError(t, errors.Join(err, got.Body.Close()))
		if codeOfS3(string(text)) != "SlowDown" {
			return got.StatusCode, got.Header, string(text)
		}
		wait(t, got.Header)
		if request.GetBody != nil {
			request.Body, err = request.GetBody()
			require.NoError(t, err)
		}
	}
}

// wait waits as long as the limit of requests says.
func wait(t *testing.T, header http.Header) {
	t.Helper()
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	require.NoError(t, err, header)
	select {
	case <-time.After(time.Duration(seconds) * time.Second):
	case <-t.Context().Done():
		require.NoError(t, t.Context().Err())
	}
}

// fetch follows an address.
func (s *fileScene) fetch(t *testing.T, method, address string, change func(*http.Request)) (status int, header http.Header, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	require.NoError(t, err)
	if change != nil {
		change(request)
	}
	return s.do(t, request)
}

// signedS3 is a plain request of somebody's.
func (s *fileScene) signedS3(t *testing.T, method, key, secret, token, target string, change func(*http.Request)) (status int, header http.Header, body string) {
	t.Helper()
	return s.sendSigned(t, signedRequest{method: method, target: target, key: key, secret: secret, token: token, after: change})
}

// presigned makes an address of somebody's for reading.
func (s *fileScene) presigned(t *testing.T, key, secret, token, path, query string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.victim.url+"/storage/v1/s3/"+path+"?X-Amz-Expires=600&"+query, nil)
	require.NoError(t, err)
	address, _, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: key, SecretAccessKey: secret, SessionToken: token}, request, "UNSIGNED-PAYLOAD", "s3", "us-east-1", time.Now(),
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	require.NoError(t, err)
	return address
}

// code is the code of an error of S3's.
func codeOfS3(body string) string {
	var e struct {
		Code string `xml:"Code"`
	}
	_ = xml.Unmarshal([]byte(body), &e)
	return e.Code
}

// signedAttack is an attack by one request, by default Mal's with the session token.
func signedAttack(name string, build func(s *fileScene) signedRequest, codes ...string) fileAttack {
	return fileAttack{"S3: " + name, func(t *testing.T, s *fileScene) string {
		in := build(s)
		if in.key == "" {
			in.key, in.secret, in.token = s.victim.ref, s.victim.anon, s.malToken
		}
		status, _, body := s.sendSigned(t, in)
		require.NotContains(t, body, s.mark)
		require.GreaterOrEqual(t, status, 400, body)
		require.Contains(t, append(codes, ""), codeOfS3(body), body)
		if in.method == http.MethodHead || codeOfS3(body) == "" {
			require.Contains(t, []int{400, 401, 403, 404}, status, body)
		}
		return strings.TrimSpace(fmt.Sprint(status, " ", codeOfS3(body)))
	}}
}

// s3FileAttacks are against the S3 protocol.
func s3FileAttacks() []fileAttack {
	secret := "vault/{V}/secret.txt"
	complete := "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"
	var all []fileAttack
	for _, climb := range []string{"open/../vault/{V}/secret.txt", "open/%2e%2e/vault/{V}/secret.txt", "open%2f..%2fvault/{V}/secret.txt", "vault/{M}/..%2f{V}%2fsecret.txt", "vault//{V}/secret.txt", "vault%2f{V}/secret.txt", "/vault/{V}/secret.txt", "vault/{M}%5c..%5c{V}%5csecret.txt", "a%2fb/c"} {
		all = append(all, signedAttack("read by "+climb, func(*fileScene) signedRequest { return signedRequest{method: "GET", target: climb} },
			"NoSuchKey", "InvalidKey", "InvalidBucketName", "NoSuchBucket", "SignatureDoesNotMatch", "AccessDenied", "KeyTooLongError", "NotImplemented", "MethodNotAllowed"))
	}
	for _, source := range []string{"vault/{V}/secret.txt", "/vault/{V}/secret.txt", "vault/{M}/../{V}/secret.txt", "vault%2F{V}%2Fsecret.txt", "open/..%2Fvault/{V}/secret.txt", "vault/{M}%2F..%2F{V}%2Fsecret.txt", "a/b/c", "a%2Fb/c", "arn:aws:s3:::vault/{V}/secret.txt", "vault/{V}/secret.txt?versionId=null", "vault", ""} {
		if source == "" {
			continue
		}
		all = append(all, signedAttack("copy from "+source, func(*fileScene) signedRequest {
			return signedRequest{method: "PUT", target: "vault/{M}/stolen.txt", headers: map[string]string{"X-Amz-Copy-Source": source}}
		}, "NoSuchKey", "InvalidKey", "InvalidArgument", "InvalidBucketName", "AccessDenied"))
	}
	for _, c := range []struct {
		name    string
		request signedRequest
		codes   []string
	}{
		{"read another's file", signedRequest{method: "GET", target: secret}, []string{"NoSuchKey"}},
		{"ask about another's file", signedRequest{method: "HEAD", target: secret}, nil},
		{"attributes of another's file", signedRequest{method: "GET", target: secret + "?attributes=", headers: map[string]string{"X-Amz-Object-Attributes": "ETag"}}, []string{"NoSuchKey"}},
		{"tags of another's file", signedRequest{method: "PUT", target: secret + "?tagging=", body: "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"}, []string{"NoSuchKey", "AccessDenied"}},
		{"write over another's file", signedRequest{method: "PUT", target: secret, body: "planted"}, []string{"AccessDenied"}},
		{"copy over another's file", signedRequest{method: "PUT", target: secret, headers: map[string]string{"X-Amz-Copy-Source": "open/{M}/mine.txt"}}, []string{"AccessDenied", "NoSuchKey"}},
		{"an upload in parts over another's file", signedRequest{method: "POST", target: secret + "?uploads="}, []string{"AccessDenied"}},
		{"complete an upload that is none", signedRequest{method: "POST", target: secret + "?uploadId=..%2f..%2fx", body: complete}, []string{"NoSuchUpload", "AccessDenied"}},
		{"XML with an entity", signedRequest{method: "POST", target: "vault?delete=", body: `<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&x;</Key></Object></Delete>`}, []string{"MalformedXML"}},
		{"make a bucket", signedRequest{method: "PUT", target: "mals"}, []string{"AccessDenied"}},
		{"delete a bucket", signedRequest{method: "DELETE", target: "a"}, []string{"AccessDenied", "NoSuchBucket", "BucketNotEmpty"}},
		{"open a bucket by a policy of S3's", signedRequest{method: "PUT", target: "vault?policy=", body: "{}"}, []string{"NotImplemented"}},
		{"open a bucket by an ACL", signedRequest{method: "PUT", target: "vault?acl=", headers: map[string]string{"X-Amz-Acl": "public-read"}}, []string{"NotImplemented", "AccessControlListNotSupported"}},
		{"a hash of another body", signedRequest{method: "PUT", target: "vault/{M}/hash.txt", body: "other", payload: strings.Repeat("ab", 32)}, []string{"XAmzContentSHA256Mismatch"}},
		{"a signature of 16 minutes ago", signedRequest{method: "GET", target: "vault/{M}/mine.txt", at: time.Now().Add(-16 * time.Minute)}, []string{"RequestTimeTooSkewed"}},
		{"a signature of the future", signedRequest{method: "GET", target: "vault/{M}/mine.txt", at: time.Now().Add(16 * time.Minute)}, []string{"RequestTimeTooSkewed"}},
		{"a presigned address of yesterday", signedRequest{method: "GET", target: "vault/{M}/mine.txt?X-Amz-Expires=600", presign: true, at: time.Now().Add(-24 * time.Hour)}, []string{"AccessDenied"}},
		{"a presigned address for ever", signedRequest{method: "GET", target: "vault/{M}/mine.txt?X-Amz-Expires=604801", presign: true}, []string{"AuthorizationQueryParametersError"}},
		{"forged signatures of chunks", signedRequest{method: "PUT", target: "vault/{M}/chunks.txt", payload: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
			headers: map[string]string{"X-Amz-Decoded-Content-Length": "5", "Content-Encoding": "aws-chunked"},
			body:    "5;chunk-signature=" + strings.Repeat("0", 64) + "\r\nhello\r\n0;chunk-signature=" + strings.Repeat("0", 64) + "\r\n\r\n"}, []string{"SignatureDoesNotMatch"}},
		{"chunks that are longer than they say", signedRequest{method: "PUT", target: "vault/{M}/chunks.txt", payload: "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
			headers: map[string]string{"X-Amz-Decoded-Content-Length": "5", "Content-Encoding": "aws-chunked", "X-Amz-Trailer": "x-amz-checksum-crc32"},
			body:    "ffffffffffffffff\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"}, []string{"InvalidRequest", "IncompleteBody", "InvalidChunkSizeError", "MalformedTrailerError", "BadDigest", "EntityTooLarge", "AccessDenied"}},
	} {
		all = append(all, signedAttack(c.name, func(*fileScene) signedRequest { return c.request }, c.codes...))
	}
	return all
}

// replayFileAttacks change a request once it is signed, or sign it for another project.
func replayFileAttacks() []fileAttack {
	mine := func(after func(r *http.Request)) func(*fileScene) signedRequest {
		return func(*fileScene) signedRequest {
			return signedRequest{method: "GET", target: "vault/{M}/mine.txt", after: after}
		}
	}
	return []fileAttack{
		signedAttack("a signed request sent for another file", func(s *fileScene) signedRequest {
			return mine(func(r *http.Request) {
				r.URL.Path = strings.Replace(r.URL.Path, s.mal+"/mine.txt", s.vic+"/secret.txt", 1)
			})(s)
		}, "SignatureDoesNotMatch"),
		signedAttack("a signed request sent by another method", mine(func(r *http.Request) { r.Method = http.MethodDelete }), "SignatureDoesNotMatch"),
		signedAttack("a header that was not signed: the copy's source", mine(func(r *http.Request) {
			r.Method = http.MethodPut
			r.Header.Set("X-Amz-Copy-Source", "vault/x")
		}), "AccessDenied", "SignatureDoesNotMatch"),
		signedAttack("a header that was not signed: another token", mine(func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }), "SignatureDoesNotMatch", "AccessDenied"),
		signedAttack("a header twice", mine(func(r *http.Request) { r.Header.Add("X-Amz-Security-Token", "x") }), "InvalidRequest", "SignatureDoesNotMatch"),
		signedAttack("a parameter that was not signed", mine(func(r *http.Request) { r.URL.RawQuery = "tagging=" }), "SignatureDoesNotMatch"),
		signedAttack("both kinds of signature", mine(func(r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=" + strings.Repeat("0", 64) }), "InvalidRequest"),
		signedAttack("no signature", mine(func(r *http.Request) { r.Header.Del("Authorization") }), "AccessDenied"),
		signedAttack("the publishable key in place of a signature", func(s *fileScene) signedRequest {
			return mine(func(r *http.Request) {
				r.Header.Set("Authorization", "Bearer "+s.victim.publishable)
				r.Header.Set("apikey", s.victim.publishable)
			})(s)
		}, "AccessDenied", "InvalidRequest"),
		signedAttack("an access key of another project", func(s *fileScene) signedRequest {
			return signedRequest{method: "GET", target: "vault/{V}/secret.txt", key: s.key, secret: s.secret}
		}, "InvalidAccessKeyId"),
		signedAttack("a user of another project", func(s *fileScene) signedRequest {
			return signedRequest{method: "GET", target: "vault/{V}/secret.txt", key: s.victim.ref, secret: s.victim.anon, token: s.attackerUser}
		}, "InvalidToken", "AccessDenied"),
		signedAttack("another project's service role as the token", func(s *fileScene) signedRequest {
			return signedRequest{method: "GET", target: "vault/{V}/secret.txt", key: s.victim.ref, secret: s.victim.anon, token: s.attacker.serviceRole}
		}, "InvalidToken", "AccessDenied"),
		signedAttack("another project's ref and anon key", func(s *fileScene) signedRequest {
			return signedRequest{method: "GET", target: "vault/{V}/secret.txt", key: s.attacker.ref, secret: s.attacker.anon, token: s.attackerUser}
		}, "InvalidAccessKeyId"),
		signedAttack("the ref as an access key without a token", func(s *fileScene) signedRequest {
			return signedRequest{method: "GET", target: "vault/{V}/secret.txt", key: s.victim.ref, secret: s.victim.anon}
		}, "AccessDenied"),
		signedAttack("a request for the attacker's project sent to the victim's host", func(s *fileScene) signedRequest {
			return signedRequest{method: "GET", target: "vault/{V}/secret.txt", base: s.attacker.url, key: s.key, secret: s.secret, after: func(r *http.Request) { r.Host = s.hostOf(s.victim); r.URL.Host = r.Host }}
		}, "InvalidAccessKeyId", "SignatureDoesNotMatch"),
		signedAttack("a request for the attacker's path sent to the victim's path", func(s *fileScene) signedRequest {
			return signedRequest{method: "GET", target: "vault/{V}/secret.txt", base: s.attacker.pathURL, key: s.key, secret: s.secret, after: func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, s.attacker.ref, s.victim.ref, 1) }}
		}, "InvalidAccessKeyId", "SignatureDoesNotMatch"),
	}
}
