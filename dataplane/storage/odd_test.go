package storage_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/seal"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// odd are texts that somebody has not thought of.
var odd = []string{
	"\x00", "a\x00b", "\xff\xfe", "\xed\xa0\x80", "\U0010ffff", "'", `"`, `\`, "%", "_", "*", "';select 1--", "${jndi:ldap://x}", "{{7*7}}", "\u202e",
	strings.Repeat("é", 600), strings.Repeat("/", 50), "-1", "NaN", "9223372036854775808", "..", ".",
}

// oddJSON are values that are odd as JSON.
var oddJSON = []string{
	`"\u0000"`, `"\ud800"`, `"a\u0000b"`, `1e999`, `-1`, `null`, `[]`, `{}`, `true`, `""`, `"'"`, `"%"`, `["\u0000"]`, `{"a":"\u0000"}`, `{"\u0000":1}`, `{"a":"\ud800"}`,
	`99999999999999999999`, `1.5`, `[null]`, `[1]`, `[["a"]]`, `{"a":1e999}`,
}

// oddWorld is the whole service of a project with a bucket, and a user with a folder in it. There is no limit of requests.
type oddWorld struct {
	*storagetest.Bundle
	id, token string
	n         int
}

// bearers judges tokens by their signature only.
type bearers struct{}

func (bearers) Caller(_ context.Context, p *directory.Project, token string) (projectdb.Caller, error) {
	v, err := p.Verifier.Verify(token, time.Now())
	if err != nil {
		return projectdb.Caller{}, err
	}
	return projectdb.Caller{Role: v.Role, Claims: v.JSON, Subject: v.Subject, SessionID: v.SessionID}, nil
}

func newOddWorld(t *testing.T, b *storagetest.Bundle) *oddWorld {
	t.Helper()
	master, err := seal.NewKey()
	require.NoError(t, err)
	sealer, err := seal.New(master)
	require.NoError(t, err)
	options, err := redis.ParseURL(testkit.RedisURL(t))
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	service, err := storage.New(storage.Deps{
		Log: testkit.Logger(t), Store: b.S3, Queue: b.Queue, Redis: client, Egress: b.Egress, Sealer: sealer, Binder: b.Door, Tokens: bearers{}, WorkerID: "test",
		Settings: config.Storage{TransferTimeout: time.Minute, TempDir: t.TempDir(), ImageMemory: 512 << 20, ImageTimeout: 20 * time.Second},
	})
	require.NoError(t, err)
	t.Cleanup(func() { service.Close(context.Background()) })
	b.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			http.StripPrefix("/api", service.API()).ServeHTTP(w, r)
			return
		}
		service.ServeHTTP(w, r)
	})
	w := &oddWorld{Bundle: b}
	w.id, w.token = b.User()
	b.Bucket("vault", false)
	b.Owner(`create policy "see" on {storage}.buckets for select to {authenticated} using (true)`)
	b.OwnFolders("vault")
	b.Put("vault", w.id+"/mine.txt", "mine")
	return w
}

// names puts the user's id into a text.
func (w *oddWorld) names(text string) string { return strings.ReplaceAll(text, "{M}", w.id) }

// fine sends a request as the user or, every second time, as the service role: it may be refused, but not by an error of ours.
func (w *oddWorld) fine(method, path string, body any, headers ...string) {
	w.T.Helper()
	if text, ok := body.(string); ok {
		body = w.names(text)
	}
	bearer := w.token
	if w.n%2 == 1 {
		bearer = storagetest.Secret
	}
	w.judge(w.Call(method, w.names(path), bearer, body, headers...), "%s %s %q %q", method, path, body, headers)
}

func (w *oddWorld) judge(got storagetest.Answer, said string, args ...any) {
	w.T.Helper()
	w.n++
	require.True(w.T, got.Status < 500 || got.Status == http.StatusNotImplemented, "%s: %d %s", fmt.Sprintf(said, args...), got.Status, got.Text)
	require.NotContains(w.T, got.Text, "SQLSTATE")
	if prefix := w.Project.SchemaPrefix; prefix != "" {
		require.NotContains(w.T, got.Text, prefix)
	}
}

func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// TestOddInputIsNoErrorOfOurs sends what nobody sends, in every field of every protocol.
func TestOddInputIsNoErrorOfOurs(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		w := newOddWorld(t, b)
		for name, send := range map[string]func(*oddWorld){"fields": (*oddWorld).fields, "paths": (*oddWorld).paths, "headers": (*oddWorld).headers, "metadata": (*oddWorld).metadata, "S3": (*oddWorld).s3} {
			w.T, w.n = t, 0
			send(w)
			t.Logf("%s: %d requests", name, w.n)
		}
		require.Equal(t, "mine", b.Read("vault", w.id+"/mine.txt"))
	})
}

func (w *oddWorld) fields() {
	whole := map[string]string{
		"bucketId": `"vault"`, "sourceKey": `"{M}/mine.txt"`, "destinationKey": `"{M}/odd.txt"`, "expiresIn": "60", "name": `"{M}/mine.txt"`, "from": `{"bucket":"vault","name":"{M}/mine.txt"}`,
		"to": `{"name":"{M}/odd.txt"}`,
	}
	for path, fields := range map[string][]string{
		"/object/list/vault":               {"prefix", "search", "limit", "offset", "sortBy"},
		"/object/list-v2/vault":            {"prefix", "cursor", "limit", "with_delimiter", "sortBy"},
		"/object/copy":                     {"bucketId", "sourceKey", "destinationKey", "destinationBucket", "metadata", "copyMetadata"},
		"/object/move":                     {"bucketId", "sourceKey", "destinationKey", "destinationBucket"},
		"/object/sign/vault":               {"paths", "expiresIn"},
		"/object/sign/vault/{M}/mine.txt":  {"expiresIn", "transform"},
		"/bucket":                          {"id", "name", "file_size_limit", "allowed_mime_types", "public", "type"},
		"/s3-keys":                         {"description"},
		"/api/copy":                        {"from", "to", "upsert"},
		"/api/move":                        {"from", "to"},
		"/api/buckets":                     {"name", "file_size_limit", "allowed_mime_types", "public"},
		"/api/buckets/vault/archive":       {"names", "prefix", "filename"},
		"/api/buckets/vault/sign":          {"name", "names", "expires_in", "download"},
		"/api/buckets/vault/sign-upload":   {"name", "upsert"},
		"/object/upload/sign/vault/{M}/up": {"anything"},
	} {
		for _, field := range fields {
			for _, value := range oddJSON {
				body := []string{fmt.Sprintf("%q:%s", field, value)}
				for _, other := range fields {
					if whole[other] != "" && other != field {
						body = append(body, fmt.Sprintf("%q:%s", other, whole[other]))
					}
				}
				if strings.HasSuffix(path, "move") { // the file stays for the others
					body = append(body, `"sourceKey":"{M}/nothing.txt"`)
				}
				w.fine(http.MethodPost, path, "{"+strings.Join(body, ",")+"}", "X-Upsert", "true")
			}
		}
	}
	for _, value := range oddJSON {
		w.fine(http.MethodDelete, "/object/vault", `{"prefixes":`+value+`}`)
		w.fine(http.MethodDelete, "/api/buckets/vault/objects", `{"names":`+value+`}`)
		w.fine(http.MethodPost, "/object/copy", value)
		w.fine(http.MethodPut, "/bucket/nothing", `{"public":`+value+`,"file_size_limit":`+value+`}`)
		w.fine(http.MethodPatch, "/api/buckets/nothing", `{"public":`+value+`,"file_size_limit":`+value+`}`)
	}
}

func (w *oddWorld) paths() {
	for _, text := range odd {
		text = escape(text)
		for _, path := range []string{
			"/object/vault/{M}/" + text, "/object/" + text + "/a", "/bucket/" + text, "/bucket?search=" + text, "/bucket?limit=" + text, "/bucket?offset=" + text, "/bucket?sortColumn=" + text, "/bucket?sortOrder=" + text,
			"/object/vault/{M}/mine.txt?download=" + text, "/object/sign/vault/{M}/mine.txt?token=" + text, "/render/image/authenticated/vault/{M}/mine.txt?width=" + text,
			"/render/image/authenticated/vault/{M}/mine.txt?format=" + text, "/object/info/vault/" + text, "/object/public/" + text + "/" + text, "/upload/resumable/" + text, "/s3-keys/" + text, "/" + text,
			"/api/buckets/vault/objects?prefix=" + text, "/api/buckets/vault/objects?search=" + text, "/api/buckets/vault/objects?cursor=" + text, "/api/buckets/vault/objects?delimiter=" + text,
			"/api/buckets/vault/objects?sort=" + text, "/api/buckets/vault/objects?limit=" + text, "/api/buckets?sort=" + text, "/api/buckets?search=" + text, "/api/buckets/vault/objects/" + text,
			"/api/buckets/vault/metadata/" + text, "/api/public/" + text + "/" + text, "/api/" + text,
		} {
			w.fine(http.MethodGet, path, nil)
		}
		w.fine(http.MethodDelete, "/object/vault/"+text, nil)
		w.fine(http.MethodDelete, "/bucket/"+text, nil)
		w.fine(http.MethodDelete, "/cdn/vault/"+text, nil)
		w.fine(http.MethodPost, "/object/"+text+"/"+text, "x", "Content-Type", "text/plain")
	}
}

func (w *oddWorld) headers() {
	for _, text := range []string{"\xff\xfe", "'", `"`, `\`, "%00", strings.Repeat("a", 5000), "*", "W/*", `""`, "-1", "bytes=", "a,b", ";", "=", "\u202e", "text/plain", "text/html; charset=\x01"} {
		for _, header := range []string{
			"If-Match", "If-None-Match", "If-Range", "If-Modified-Since", "Range", "Cache-Control", "Content-Encoding", "Content-Disposition", "Content-Language", "X-Metadata", "X-Upsert", "Accept", "Expires",
			"X-Meta-A", "Content-Type", "X-Signature",
		} {
			w.fine(http.MethodPost, "/object/vault/{M}/header.txt", "x", "X-Upsert", "true", "Content-Type", "text/plain", header, text)
			w.fine(http.MethodPut, "/api/buckets/vault/objects/{M}/header.txt", "x", "Content-Type", "text/plain", header, text)
			w.fine(http.MethodGet, "/object/vault/{M}/header.txt", nil, header, text)
		}
		for _, header := range []string{"Upload-Length", "Upload-Metadata", "Upload-Concat", "Upload-Defer-Length", "Upload-Checksum", "Tus-Resumable", "Upload-Offset", "X-Http-Method-Override"} {
			w.fine(http.MethodPost, "/upload/resumable", nil, "Tus-Resumable", "1.0.0", "Upload-Metadata", "bucketName "+b64("vault")+",objectName "+b64(w.id+"/odd"), header, text)
			w.fine(http.MethodPatch, "/upload/resumable/"+strings.Repeat("a", 43), "x", "Tus-Resumable", "1.0.0", header, text)
		}
	}
}

func (w *oddWorld) metadata() {
	for _, value := range oddJSON {
		for _, metadata := range []string{value, `{"a":` + value + `}`, `{"a":{"b":[` + value + `]}}`} {
			w.fine(http.MethodPost, "/object/vault/{M}/metadata.txt", "x", "Content-Type", "text/plain", "X-Upsert", "true", "X-Metadata", b64(metadata))
			w.fine(http.MethodPost, "/object/copy", `{"bucketId":"vault","sourceKey":"{M}/mine.txt","destinationKey":"{M}/metadata2.txt"}`, "X-Upsert", "true", "X-Metadata", b64(metadata))
			w.fine(http.MethodPatch, "/api/buckets/vault/metadata/{M}/metadata.txt", `{"metadata":`+metadata+`}`)
			w.fine(http.MethodPost, "/upload/resumable", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "0", "X-Upsert", "true",
				"Upload-Metadata", "bucketName "+b64("vault")+",objectName "+b64(w.id+"/metadata.txt")+",metadata "+b64(metadata))
			w.fine(http.MethodGet, "/object/info/vault/{M}/metadata.txt", nil)
			w.fine(http.MethodGet, "/object/vault/{M}/metadata.txt", nil)
			w.signed(http.MethodHead, "vault/{M}/metadata.txt", "")
		}
	}
}

// signed sends a request of S3's as the user.
func (w *oddWorld) signed(method, target, body string, headers ...string) {
	w.T.Helper()
	r := httptest.NewRequestWithContext(w.T.Context(), method, "/s3/"+w.names(target), strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	sum := sha256.Sum256([]byte(body))
	payload := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", payload)
	credentials := aws.Credentials{AccessKeyID: w.Project.Ref, SecretAccessKey: w.Project.AnonKey, SessionToken: w.token}
	require.NoError(w.T, v4.NewSigner().SignHTTP(w.T.Context(), credentials, r, payload, "s3", "us-east-1", time.Now(), func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }))
	r.RequestURI = r.URL.RequestURI() // as it was signed
	w.judge(w.Do(r, ""), "%s %s %q %q", method, target, body, headers)
}

func (w *oddWorld) s3() {
	for _, text := range odd {
		text = escape(text)
		for _, parameter := range []string{"prefix", "delimiter", "marker", "max-keys", "encoding-type", "list-type=2&continuation-token", "list-type=2&start-after", "list-type=2&fetch-owner",
			"uploads=&key-marker", "uploads=&upload-id-marker", "uploads=&prefix", "uploads=&max-uploads", "uploads=&delimiter", "uploads=&encoding-type"} {
			w.signed(http.MethodGet, "vault?"+parameter+"="+text, "")
		}
		w.signed(http.MethodGet, "?continuation-token="+text, "")
		w.signed(http.MethodGet, "?max-buckets="+text+"&prefix="+text, "")
		for _, parameter := range []string{"uploadId", "partNumber", "response-content-type", "response-expires", "versionId", "uploadId=x&part-number-marker", "uploadId=x&max-parts"} {
			w.signed(http.MethodGet, "vault/{M}/mine.txt?"+parameter+"="+text, "")
		}
		w.signed(http.MethodPut, "vault/{M}/mine.txt?partNumber="+text+"&uploadId=x", "x")
		w.signed(http.MethodGet, "vault/{M}/"+text, "")
		w.signed(http.MethodPut, text, "")
		w.signed(http.MethodPut, "vault/{M}/s3.txt", "", "X-Amz-Copy-Source", "vault/{M}/"+text)
		w.signed(http.MethodPut, "vault/{M}/s3.txt", "x", "X-Amz-Tagging", "a="+text)
		w.signed(http.MethodPut, "vault/{M}/s3.txt", "x", "X-Amz-Tagging", text+"=a")
		for _, header := range []string{"X-Amz-Meta-A", "X-Amz-Checksum-Crc32", "X-Amz-Storage-Class", "Content-Md5", "Content-Type", "X-Amz-Sdk-Checksum-Algorithm", "X-Amz-Decoded-Content-Length"} {
			w.signed(http.MethodPut, "vault/{M}/s3.txt", "x", header, text)
		}
	}
	for _, body := range []string{
		"", "<", "<Delete/>", "<Delete><Object><Key></Key></Object></Delete>", "<Delete><Object><Key>&#0;</Key></Object></Delete>", "<Delete><Object><Key>\xff</Key></Object></Delete>",
		"<Delete>" + strings.Repeat("<Object><Key>a</Key></Object>", 1001) + "</Delete>", strings.Repeat("<a>", 50_000), "<!DOCTYPE a [<!ENTITY b 'c'>]><Delete><Object><Key>&b;</Key></Object></Delete>",
		"<Tagging><TagSet><Tag><Key></Key><Value></Value></Tag></TagSet></Tagging>", "<CompleteMultipartUpload><Part><PartNumber>-1</PartNumber><ETag></ETag></Part></CompleteMultipartUpload>",
	} {
		w.signed(http.MethodPost, "vault?delete=", body)
		w.signed(http.MethodPut, "vault/{M}/mine.txt?tagging=", body)
		w.signed(http.MethodPost, "vault/{M}/mine.txt?uploadId=x", body)
		w.signed(http.MethodPut, "odd-bucket", body)
	}
}
