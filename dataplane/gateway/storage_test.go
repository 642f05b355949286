package gateway

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

// storageCases say what opens which path of storage: "open" needs nothing, "key" a key or a token.
var storageCases = []struct{ method, path, opens, scope string }{
	{"GET", "/object/public/b/f", "open", ""},
	{"HEAD", "/object/public/b/f", "open", ""},
	{"POST", "/object/public/b/f", "key", "storage:write"},
	{"PUT", "/object/public/b/f", "key", "storage:write"},
	{"DELETE", "/object/public/b/f", "key", "storage:write"},
	{"GET", "/object/publicity/f", "key", "storage:read"},
	{"GET", "//object/public/b/f", "key", "storage:read"},
	{"GET", "/object/info/public/b/f", "open", ""},
	{"GET", "/object/info/b/f", "key", "storage:read"},
	{"HEAD", "/object/info/b/f", "key", "storage:read"},
	{"GET", "/object/info/authenticated/b/f", "key", "storage:read"},
	{"GET", "/object/authenticated/b/f", "key", "storage:read"},
	{"HEAD", "/object/authenticated/b/f", "key", "storage:read"},
	{"GET", "/object/b/f", "key", "storage:read"},
	{"GET", "/render/image/public/b/f", "open", ""},
	{"GET", "/render/image/authenticated/b/f", "key", "storage:read"},
	{"GET", "/render/image/sign/b/f", "open", ""},
	{"HEAD", "/render/image/sign/b/f", "open", ""},
	{"POST", "/render/image/sign/b/f", "key", "storage:write"},

	{"GET", "/object/sign/b/f", "open", ""},
	{"HEAD", "/object/sign/b/f", "open", ""},
	{"POST", "/object/sign/b/f", "key", "storage:read"},
	{"POST", "/object/sign/b", "key", "storage:read"},
	{"POST", "/object/sign//f", "key", "storage:write"},
	{"PUT", "/object/sign/f", "key", "storage:write"},
	{"DELETE", "/object/sign/f", "key", "storage:write"},
	{"PUT", "/object/upload/sign/b/f", "open", ""},
	{"POST", "/object/upload/sign/b/f", "key", "storage:write"},
	{"GET", "/object/upload/sign/b/f", "key", "storage:read"},

	{"POST", "/object/list/b", "key", "storage:read"},
	{"POST", "/object/list-v2/b", "key", "storage:read"},
	{"POST", "/object/list/b/f", "key", "storage:write"}, // a file in the bucket "list"
	{"POST", "/object/list//f", "key", "storage:write"},
	{"POST", "/object/list-v2/b/f", "key", "storage:write"},
	{"PUT", "/object/list/f", "key", "storage:write"},
	{"DELETE", "/object/list-v2/f", "key", "storage:write"},
	{"POST", "/object/list%2Fb/f", "key", "storage:write"}, // an escaped slash is one of a name
	{"POST", "/object/list%2Fb", "key", "storage:write"},
	{"POST", "/object/list/b%2Ff", "key", "storage:read"},
	{"POST", "/object%2Flist/b", "key", "storage:write"},
	{"POST", "/object/sign%2Fb/f", "key", "storage:write"},
	{"GET", "/object%2Fpublic/b/f", "key", "storage:read"},
	{"GET", "/object/public%2Fb/f", "key", "storage:read"},
	{"GET", "/object/%70ublic/b/f", "key", "storage:read"},
	{"POST", "/object/listing/f", "key", "storage:write"},

	{"POST", "/object/b/f", "key", "storage:write"},
	{"PUT", "/object/b/f", "key", "storage:write"},
	{"DELETE", "/object/b", "key", "storage:write"},
	{"DELETE", "/object/b/f", "key", "storage:write"},
	{"POST", "/object/move", "key", "storage:write"},
	{"POST", "/object/copy", "key", "storage:write"},
	{"POST", "/object/info/b/f", "key", "storage:write"},
	{"GET", "/bucket", "key", "storage:read"},
	{"GET", "/bucket/b", "key", "storage:read"},
	{"POST", "/bucket", "key", "storage:write"},
	{"PUT", "/bucket/b", "key", "storage:write"},
	{"POST", "/bucket/b/empty", "key", "storage:write"},
	{"DELETE", "/bucket/b", "key", "storage:write"},
	{"DELETE", "/cdn/b/f", "key", "storage:write"},

	{"GET", "/s3-keys", "key", never}, // a bounded key makes none that is not
	{"POST", "/s3-keys", "key", never},
	{"DELETE", "/s3-keys/k", "key", never},
	{"POST", "//s3-keys", "key", never},
	{"POST", "/%733-keys", "key", never},
	{"POST", "/reconcile", "key", "storage:write"},

	{"OPTIONS", "/upload/resumable", "open", ""},
	{"OPTIONS", "/upload/resumable/u", "open", ""},
	{"POST", "/upload/resumable", "key", "storage:write"},
	{"HEAD", "/upload/resumable/u", "key", "storage:write"},
	{"PATCH", "/upload/resumable/u", "key", "storage:write"},
	{"DELETE", "/upload/resumable/u", "key", "storage:write"},
	{"POST", "/upload/resumable/sign", "open", ""},
	{"HEAD", "/upload/resumable/sign/u", "open", ""},
	{"PATCH", "/upload/resumable/sign/u", "open", ""},
	{"PATCH", "/upload/resumable/signed", "key", "storage:write"},

	{"GET", "/s3", "open", ""},
	{"GET", "/s3/b", "open", ""},
	{"PUT", "/s3/b/f", "open", ""},
	{"DELETE", "/s3/b/f", "open", ""},
	{"GET", "/s3s", "key", "storage:read"},
	{"GET", "/status", "open", ""},
	{"GET", "/health", "open", ""},
	{"POST", "/status", "key", "storage:write"},
}

func TestWhatOpensStorage(t *testing.T) {
	t.Parallel()
	keys := map[string]string{}
	s := newSample(t, func(x *directoryv1.Snapshot) {
		for _, name := range []string{"storage:read", "storage:write", "tables:read"} {
			keys[name] = bounded(x, roleService, name)
		}
	})
	b := setup(t, func(d *Deps) { d.Limits = freely{} }, s)
	for _, c := range storageCases {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			t.Parallel()
			send := func(key, bearer string) response {
				header := map[string]string{}
				if key != "" {
					header["apikey"] = key
				}
				if bearer != "" {
					header["Authorization"] = "Bearer " + bearer
				}
				return b.do(t, request{method: c.method, host: s.project.Ref + ".example.test", path: "/storage/v1" + c.path, header: header})
			}
			role := func(key, bearer, want string) {
				t.Helper()
				got := send(key, bearer)
				require.Equal(t, 200, got.status, got.body)
				if c.method != http.MethodHead {
					require.Equal(t, want, got.seen(t).Role)
				}
			}
			role(s.publishable, "", roleAnon)
			role(s.secret, "", roleService)
			role(s.publishable, s.user, roleAuthenticated)
			role("", s.user, roleAuthenticated)
			role("", s.developer, roleService)
			role(s.publishable, s.developer, roleService)
			for name, key := range keys {
				if c.opens == "key" && name != c.scope {
					require.Equal(t, 403, send(key, "").status, name)
				} else if c.opens == "key" {
					role(key, "", roleService)
				}
			}
			if c.opens == "key" {
				require.Equal(t, 401, send("", "").status)
				require.Equal(t, 401, send("fbk_pub_nonsense", "").status)
				require.Equal(t, 401, send(s.expired, "").status)
				require.Equal(t, 401, send(s.publishable, "nonsense").status)
				return
			}
			role("", "", roleAnon)
			for _, bad := range []string{"nonsense", "fbk_pub_nonsense", s.expired, s.user + "x"} {
				role(bad, "", roleAnon)
				role("", bad, roleAnon)
				role(s.secret, bad, roleAnon)
				role(bad, s.user, roleAnon)
			}
			role(keys["tables:read"], "", roleAnon) // what was not given does not count, and does not hinder
		})
	}
}

func TestWhatOpensTheAPIOfStorage(t *testing.T) {
	t.Parallel()
	keys := map[string]string{}
	s := newSample(t, func(x *directoryv1.Snapshot) {
		for _, name := range []string{"storage:read", "storage:write"} {
			keys[name] = bounded(x, roleService, name)
		}
	})
	b := setup(t, func(d *Deps) {
		d.Limits = freely{}
		d.Services = append(d.Services, Service{Name: "api", Prefix: apiStoragePrefix, Handler: echo("api")})
	}, s)
	for _, c := range []struct{ method, path, scope string }{
		{"GET", "/public/b/f", ""},
		{"HEAD", "/public/b/f", ""},
		{"GET", "/publication", "storage:read"},
		{"PUT", "/public/b/f", "storage:write"},
		{"GET", "/buckets", "storage:read"},
		{"GET", "/buckets/b/objects/f", "storage:read"},
		{"POST", "/buckets/b/sign", "storage:read"},
		{"POST", "/buckets/b/archive", "storage:read"},
		{"POST", "/buckets/b/sign-upload", "storage:write"},
		{"POST", "/buckets/b/objects/sign", "storage:write"},
		{"POST", "/buckets/b%2Fobjects/sign", "storage:read"},
		{"POST", "/buckets/b/objects%2Fsign", "storage:write"},
		{"POST", "/buckets//sign", "storage:write"},
		{"PUT", "/buckets/b/sign", "storage:write"},
		{"POST", "/copy", "storage:write"},
		{"DELETE", "/buckets/b/objects", "storage:write"},
	} {
		send := func(header map[string]string) int {
			return b.do(t, request{method: c.method, host: s.project.Ref + ".example.test", path: apiStoragePrefix + c.path, header: header}).status
		}
		for name, key := range keys {
			require.Equal(t, name == c.scope || c.scope == "", send(map[string]string{"apikey": key}) == 200, "%s %s with %s", c.method, c.path, name)
		}
		require.Equal(t, c.scope == "", send(nil) == 200, c.path)
		for _, bearer := range []string{s.user, s.developer} {
			require.Equal(t, 200, send(map[string]string{"Authorization": "Bearer " + bearer}), c.path)
		}
	}
}

func TestAMethodCannotBeAnother(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	seen := make(chan http.Header, 1)
	look := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header })
	b := setup(t, func(d *Deps) {
		d.Services = []Service{{Name: "storage", Prefix: storagePrefix, Handler: look}, {Name: "rest", Prefix: "/rest/v1", Handler: look}}
	}, s)
	for _, c := range []struct {
		method, path, meant string
		passes              bool
	}{
		{"POST", "/storage/v1/upload/resumable/u", "PATCH", true},
		{"POST", "/storage/v1/upload/resumable/u", "DELETE", true},
		{"POST", "/storage/v1/upload/resumable/sign/u", "patch", true},
		{"POST", "/storage/v1/upload/resumable/u", "HEAD", false},
		{"GET", "/storage/v1/upload/resumable/u", "PATCH", false},
		{"HEAD", "/storage/v1/upload/resumable/u", "DELETE", false},
		{"POST", "/storage/v1/object/list/b", "PUT", false},
		{"GET", "/storage/v1/bucket/b", "DELETE", false},
		{"GET", "/rest/v1/notes", "DELETE", false},
	} {
		b.do(t, request{method: c.method, host: s.project.Ref + ".example.test", path: c.path, header: map[string]string{
			"apikey": s.secret, "x-http-method-override": c.meant, "X-Own": "a",
		}})
		h := <-seen
		require.Equal(t, c.passes, h.Get("X-Http-Method-Override") != "", "%s as %s", c.path, c.meant)
		require.Equal(t, "a", h.Get("X-Own"))
		b.do(t, request{host: s.project.Ref + ".example.test", path: c.path, header: map[string]string{"apikey": s.secret, "X-HTTP-Method": "PUT", "X-Method-Override": "PATCH"}})
		h = <-seen
		for _, name := range overrides {
			require.Empty(t, h[name])
		}
	}
}

// TestTheLimitsHoldForOpenPaths holds that what needs no key is limited all the same: by address, by project, and by a key that is shown.
func TestTheLimitsHoldForOpenPaths(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		limits *directoryv1.Limits
		header func(*sample) map[string]string
	}{
		"address":           {&directoryv1.Limits{RequestsPerSecondPerIp: 3}, func(*sample) map[string]string { return nil }},
		"address, bad keys": {&directoryv1.Limits{RequestsPerSecondPerIp: 3}, func(*sample) map[string]string { return map[string]string{"apikey": "fbk_sec_nonsense"} }},
		"address, publishable": {&directoryv1.Limits{RequestsPerSecondPerIp: 3}, func(s *sample) map[string]string {
			return map[string]string{"apikey": s.publishable}
		}},
		"project": {&directoryv1.Limits{RequestsPerSecond: 3, Burst: 3}, func(*sample) map[string]string { return nil }},
		"project, secret": {&directoryv1.Limits{RequestsPerSecond: 3, Burst: 3}, func(s *sample) map[string]string {
			return map[string]string{"apikey": s.secret}
		}},
		"key": {&directoryv1.Limits{RequestsPerSecondPerKey: 3}, func(s *sample) map[string]string { return map[string]string{"apikey": s.secret} }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSample(t, func(x *directoryv1.Snapshot) { x.Limits = c.limits })
			b := setup(t, nil, s)
			paths := []string{"/object/public/b/f", "/render/image/public/b/f", "/object/sign/b/f?token=t", "/s3/b", "/status"}
			refused := 0
			for i := range 40 {
				got := b.do(t, request{host: s.project.Ref + ".example.test", path: storagePrefix + paths[i%len(paths)], header: c.header(s)})
				if got.status == http.StatusTooManyRequests {
					refused++
					require.NotEmpty(t, got.header.Get("Retry-After"))
				}
			}
			require.Greater(t, refused, 20)
		})
	}
	s := newSample(t, func(x *directoryv1.Snapshot) { x.Limits = &directoryv1.Limits{RequestsPerSecondPerIp: 1} })
	b := setup(t, nil, s)
	for range 10 {
		got := b.do(t, request{host: s.project.Ref + ".example.test", path: "/storage/v1/object/public/b/f", header: map[string]string{"apikey": s.secret}})
		require.Equal(t, 200, got.status, "the project's own servers come from few addresses")
	}
}

func TestStorageIsRefusedInItsOwnDialects(t *testing.T) {
	t.Parallel()
	s := newSample(t, func(x *directoryv1.Snapshot) { x.OverQuota, x.OverQuotaReason = true, "No more <b>egress</b>." })
	paused := newSample(t, func(x *directoryv1.Snapshot) { x.Status = directoryv1.ServingStatus_SERVING_STATUS_PAUSED })
	b := setup(t, nil, s, paused)
	get := func(s *sample, path string) response {
		return b.do(t, request{host: s.project.Ref + ".example.test", path: path})
	}
	got := get(s, "/storage/v1/object/public/b/f")
	require.Equal(t, 402, got.status)
	require.JSONEq(t, `{"statusCode":"402","code":"OVER_QUOTA","error":"Payment Required","message":"No more <b>egress</b>.",
		"hint":"Its organisation can choose a larger plan; quotas start anew with the next month (UTC)."}`, got.body)
	for path, want := range map[string]struct {
		s      *sample
		status int
		code   string
	}{"/storage/v1/s3/b/f": {s, 402, "AccessDenied"}, "/storage/v1/s3": {paused, 503, "ServiceUnavailable"}} {
		got := get(want.s, path)
		require.Equal(t, want.status, got.status)
		require.Equal(t, "application/xml", got.header.Get("Content-Type"))
		var body s3Body
		require.NoError(t, xml.Unmarshal([]byte(got.body), &body), got.body)
		require.Equal(t, want.code, body.Code)
		require.NotEmpty(t, body.Message)
		require.Equal(t, got.header.Get("X-Request-Id"), body.RequestID)
	}
	require.Equal(t, "SlowDown", s3Codes[errRateLimited.status])
}

// TestFilesAreShownOnTheProjectsOwnAddress holds that files that can do nothing are shown, and all others stay shut in; and that on an address
// that the console may share everything does.
func TestFilesAreShownOnTheProjectsOwnAddress(t *testing.T) {
	t.Parallel()
	s := newSample(t, func(x *directoryv1.Snapshot) { x.Hosts = []string{"files.customer.com"} })
	b := setup(t, nil, s)
	send := func(host, prefix, kind string) response {
		return b.do(t, request{host: host, path: prefix + "/storage/v1/set?" + url.Values{"Content-Type": {kind}}.Encode(), header: map[string]string{"apikey": s.anon}})
	}
	for kind, shown := range map[string]bool{
		"application/pdf": true, "image/png": true, "IMAGE/JPEG": true, "image/webp; q=1": true, "video/mp4": true, "audio/mpeg": true,
		"image/svg+xml": false, "image/svg+xml; charset=utf-8": false, "text/html": false, "application/xhtml+xml": false, "text/xml": false,
		"image/x+xml": false, "video/mp4+xml": false, "image/png,text/html": false, "image/png;a=b, text/html": false, "image/png, image/svg+xml": false,
		"application/pdf+html": false, "application/octet-stream": false, "text/plain": false, "": false, "multipart/x-mixed-replace": false,
		"application/x-shockwave-flash": false, "text/javascript": false, "image/": false, "image": false,
	} {
		for _, host := range []string{s.project.Ref + ".example.test", "files.customer.com"} {
			got := send(host, "", kind)
			require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"), kind)
			require.Equal(t, "cross-origin", got.header.Get("Cross-Origin-Resource-Policy"), kind)
			require.Equal(t, !shown, got.header.Get("Content-Security-Policy") == sandbox[0], kind)
		}
		got := send("worker.example.test", "/p/"+s.project.Ref, kind)
		require.Equal(t, sandbox, got.header["Content-Security-Policy"], kind)
	}
}

func TestAnswersOfFilesPassUnchanged(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	at := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	b := setup(t, func(d *Deps) {
		d.Services = []Service{{Name: "storage", Prefix: storagePrefix, Timeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"abc"`)
			w.Header().Set("Content-Type", "image/png")
			http.ServeContent(w, r, "", at, strings.NewReader("0123456789"))
		})}}
	}, s)
	get := func(method string, header map[string]string) response {
		return b.do(t, request{method: method, host: s.project.Ref + ".example.test", path: "/storage/v1/object/public/b/f", header: header})
	}
	got := get("GET", map[string]string{"Range": "bytes=2-4", "Accept-Encoding": "identity"})
	require.Equal(t, 206, got.status)
	require.Equal(t, "234", got.body)
	require.Equal(t, "bytes 2-4/10", got.header.Get("Content-Range"))
	require.Equal(t, `"abc"`, got.header.Get("Etag"))
	require.Equal(t, "bytes", got.header.Get("Accept-Ranges"))
	got = get("GET", map[string]string{"If-None-Match": `"abc"`})
	require.Equal(t, 304, got.status)
	require.Equal(t, `"abc"`, got.header.Get("Etag"))
	require.Empty(t, got.header.Get("Content-Security-Policy"), "browsers would put it onto the file that they keep")
	got = get("HEAD", nil)
	require.Equal(t, "10", got.header.Get("Content-Length"))
	got = get("GET", map[string]string{"Range": "bytes=20-"})
	require.Equal(t, 416, got.status)
	require.Equal(t, "bytes */10", got.header.Get("Content-Range"))
	b.usage.mu.Lock()
	defer b.usage.mu.Unlock()
	require.Equal(t, int64(3+len(got.body)), b.usage.egress[s.project.ID+"/storage"], "what HEAD would send is not sent")
}

func TestBrowsersMayUseFiles(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	b := setup(t, nil, s)
	host := s.project.Ref + ".example.test"
	asked := "authorization, tus-resumable, upload-length, upload-offset, upload-metadata, x-upsert, x-metadata, x-signature, cache-control, if-none-match, range, " +
		"x-amz-date, x-amz-content-sha256, x-amz-meta-color, amz-sdk-invocation-id"
	got := b.do(t, request{method: "OPTIONS", host: host, path: "/storage/v1/upload/resumable", header: map[string]string{
		"Origin": "https://app.test", "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": asked,
	}})
	require.Equal(t, 200, got.status)
	for name := range strings.SplitSeq(asked, ", ") {
		require.Contains(t, got.header.Get("Access-Control-Allow-Headers"), name)
	}
	require.Contains(t, got.header.Get("Access-Control-Allow-Methods"), "PATCH")
	for _, name := range []string{"tus-resumable", "upload-length", "upload-offset", "upload-metadata", "upload-concat", "upload-checksum", "x-upsert", "x-metadata", "x-signature", "x-amz-date"} {
		require.Contains(t, strings.Split(corsHeaders, ", "), name)
	}

	exposed := func(path, origin string) string {
		header := map[string]string{"apikey": s.publishable}
		if origin != "" {
			header["Origin"] = origin
		}
		return strings.ToLower(strings.Join(b.do(t, request{host: host, path: path, header: header}).header.Values("Access-Control-Expose-Headers"), ", "))
	}
	names := strings.Split(exposed("/storage/v1/object/public/b/f", "https://app.test"), ", ")
	for _, name := range []string{
		"etag", "location", "content-range", "accept-ranges", "content-length", "content-disposition", "last-modified", "tus-resumable", "tus-version", "tus-extension",
		"tus-max-size", "upload-offset", "upload-length", "upload-metadata", "upload-expires", "x-amz-request-id", "*",
	} {
		require.Contains(t, names, name)
	}
	require.NotContains(t, strings.Split(exposed(rest, "https://app.test"), ", "), "*")
	require.Empty(t, exposed("/storage/v1/object/public/b/f", ""), "only scripts of other origins are told")
	require.Equal(t, "/upload/resumable", b.do(t, request{method: "OPTIONS", host: host, path: "/storage/v1/upload/resumable"}).seen(t).Path, "a question that is meant")
}
