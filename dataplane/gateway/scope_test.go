package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/limit"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/scope"
)

// bounded adds a key with scopes to a snapshot, and returns its value.
func bounded(x *directoryv1.Snapshot, role string, scopes ...string) string {
	kind := id.PrefixSecret
	if role == roleAnon {
		kind = id.PrefixPublishable
	}
	value := id.NewSecret(kind)
	x.Keys = append(x.Keys, &directoryv1.Key{Id: uuid.NewString(), Hash: id.Hash(value), Role: role, Scopes: scopes})
	return value
}

// everyService serves what later issues will, too.
func everyService(d *Deps) {
	d.Limits = freely{}
	d.Services = append(d.Services, Service{Name: "api", Prefix: "/api/v1", Handler: echo("api")}, Service{Name: "api", Prefix: "/api/v1/auth", Handler: echo("api/auth")},
		Service{Name: "api", Prefix: "/api/v1/storage", Handler: echo("api/storage")},
		Service{Name: "functions", Prefix: "/functions/v1", Handler: echo("functions")},
		Service{Name: "realtime", Prefix: "/realtime/v1", Access: BearerAccess, Handler: echo("realtime")},
		Service{Name: "moons", Prefix: "/moons/v1", Handler: echo("moons")})
}

// never is what no scope opens, open what needs none.
const (
	never = "never"
	open  = ""
)

// scopeCases say which scope a request needs.
var scopeCases = []struct{ method, path, needs string }{
	{"GET", "/rest/v1/notes", "tables:read"},
	{"HEAD", "/rest/v1/notes", "tables:read"},
	{"OPTIONS", "/rest/v1/notes", "tables:read"},
	{"GET", "/rest/v1/", "tables:read"},
	{"GET", "/rest/v1/rpc/f", "tables:read"},
	{"POST", "/rest/v1/rpc/f", "tables:write"},
	{"POST", "/rest/v1/notes", "tables:write"},
	{"PATCH", "/rest/v1/notes", "tables:write"},
	{"PUT", "/rest/v1/notes", "tables:write"},
	{"DELETE", "/rest/v1/notes", "tables:write"},
	{"PROPFIND", "/rest/v1/notes", "tables:write"},

	{"GET", "/api/v1/tables/notes", "tables:read"},
	{"POST", "/api/v1/tables/notes", "tables:write"},
	{"GET", "/api/v1/rpc/f", "tables:read"},
	{"POST", "/api/v1/rpc/f", "tables:write"},
	{"POST", "/api/v1/transaction", "tables:write"},
	{"GET", "/api/v1/openapi.json", "tables:read"},
	{"POST", "/api/v1/auth/signin", open},
	{"GET", "/api/v1/auth/admin/users", "auth:admin"},
	{"POST", "/api/v1/auth//admin/users", "auth:admin"},
	{"GET", "/api/v1/storage/a", "storage:read"},
	{"PUT", "/api/v1/storage/buckets/b/objects/f", "storage:write"},
	{"POST", "/api/v1/storage/buckets/b/sign", "storage:read"},
	{"POST", "/api/v1/storage/buckets/b/archive", "storage:read"},
	{"POST", "/api/v1/storage/buckets/b/sign-upload", "storage:write"},
	{"POST", "/api/v1/storage/buckets/b/objects/sign", "storage:write"},
	{"POST", "/api/v1/storage/buckets/b%2Fobjects/sign", "storage:read"},
	{"POST", "/api/v1/storage/copy", "storage:write"},
	{"GET", "/api/v1/moons", never},

	{"GET", "/auth/v1/user", open},
	{"POST", "/auth/v1/token", open},
	{"GET", "/auth/v1/verify", open},
	{"GET", "/auth/v1/administrator", open},
	{"GET", "/auth/v1/admin", "auth:admin"},
	{"GET", "/auth/v1/admin/users", "auth:admin"},
	{"DELETE", "/auth/v1/admin/users/u", "auth:admin"},
	{"GET", "/auth/v1//admin/users", "auth:admin"},
	{"GET", "/auth/v1/%61dmin/users", "auth:admin"},
	{"GET", "/auth/v1/admin%2fusers", "auth:admin"},
	{"POST", "/auth/v1/invite", "auth:admin"},
	{"GET", "/auth/v1/audit", "auth:admin"},

	{"GET", "/storage/v1/object/b/f", "storage:read"},
	{"POST", "/storage/v1/object/list/b", "storage:read"},
	{"POST", "/storage/v1/object/sign/b/f", "storage:read"},
	{"POST", "/storage/v1/object/upload/sign/b/f", "storage:write"},
	{"POST", "/storage/v1/object/listing/f", "storage:write"},
	{"POST", "/storage/v1/object/b/f", "storage:write"},
	{"DELETE", "/storage/v1/bucket/b", "storage:write"},

	{"POST", "/functions/v1/f", "functions:invoke"},
	{"GET", "/functions/v1/f", "functions:invoke"},
	{"GET", "/realtime/v1/websocket", "realtime:subscribe"},
	{"POST", "/meta/v1/query", "sql:run"},
	{"GET", "/meta/v1/tables", "sql:run"},
	{"GET", "/moons/v1/europa", never},
}

func TestABoundedKeyOpensWhatItsScopesName(t *testing.T) {
	t.Parallel()
	keys := map[string]string{}
	s := newSample(t, func(x *directoryv1.Snapshot) {
		for _, name := range append(scope.Names(), "moons:read") {
			keys[name] = bounded(x, roleService, name)
		}
	})
	b := setup(t, everyService, s)
	for _, c := range scopeCases {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			t.Parallel()
			for has, key := range keys {
				got := b.do(t, request{method: c.method, host: s.project.Ref + ".example.test", path: c.path, header: map[string]string{"apikey": key}})
				switch {
				case has == c.needs || c.needs == open:
					require.Equal(t, 200, got.status, "%s: %s", has, got.body)
				case c.needs == "sql:run": // not even asked for
					require.Equal(t, 401, got.status, has)
				default:
					require.Equal(t, 403, got.status, "%s: %s", has, got.body)
					if c.method != http.MethodHead && c.needs != never {
						require.Contains(t, got.body, "the scope "+c.needs)
					}
				}
			}
			got := b.do(t, request{method: c.method, host: s.project.Ref + ".example.test", path: c.path, header: map[string]string{"apikey": s.secret}})
			require.Equal(t, c.needs != "sql:run", got.status == 200, "a key without scopes does what it always did: %s", got.body)
		})
	}
}

func TestScopesBoundWhoeverShowsTheKey(t *testing.T) {
	t.Parallel()
	var reader, admin, everyone, sql string
	s := newSample(t, func(x *directoryv1.Snapshot) {
		reader, admin = bounded(x, roleAnon, "tables:read", "realtime:subscribe"), bounded(x, roleService, "auth:admin")
		everyone, sql = bounded(x, roleAnon, "auth:admin", "sql:run"), bounded(x, roleService, "sql:run")
	})
	b := setup(t, everyService, s)
	send := func(method, path, key, bearer string) response {
		header := map[string]string{}
		if key != "" {
			header["apikey"] = key
		}
		if bearer != "" {
			header["Authorization"] = "Bearer " + bearer
		}
		return b.do(t, request{method: method, host: s.project.Ref + ".example.test", path: path, header: header})
	}
	require.Equal(t, roleAuthenticated, send("GET", rest, reader, s.user).seen(t).Role)
	require.Equal(t, roleAnon, send("GET", rest, reader, reader).seen(t).Role)
	require.Equal(t, roleAnon, send("GET", rest, "", reader).seen(t).Role)
	for _, bearer := range []string{s.user, s.service, reader} {
		require.Equal(t, 403, send("POST", rest, reader, bearer).status, "no bearer token widens a key")
	}
	require.Equal(t, 403, send("GET", "/auth/v1/admin/users", reader, s.developer).status, "not even a developer's")
	require.Equal(t, 403, send("POST", "/meta/v1/query", admin, s.developer).status)
	require.Equal(t, roleService, send("POST", rest, reader, s.secret).seen(t).Role, "a bearer that is a key counts as that key")
	require.Equal(t, 403, send("POST", rest, s.secret, reader).status)
	require.Equal(t, roleService, send("GET", "/auth/v1/admin/users", admin, "").seen(t).Role)
	require.Equal(t, roleAuthenticated, send("GET", "/auth/v1/admin/users", admin, s.user).seen(t).Role, "auth refuses who is no admin")
	require.Equal(t, roleAnon, send("GET", "/auth/v1/admin/users", everyone, "").seen(t).Role, "a scope gives no role")

	require.Equal(t, "api/auth", send("POST", "/api/v1/auth/signin", reader, "").seen(t).Service, "the longest prefix is meant")

	got := send("POST", "/meta/v1/query", sql, "").seen(t)
	require.Equal(t, roleService, got.Role)
	require.Regexp(t, "^key/[0-9a-f-]{36}$", got.Developer)
	require.Empty(t, got.Subject)
	require.Equal(t, s.userID, send("POST", "/meta/v1/query", sql, s.developer).seen(t).Developer)
	require.Equal(t, 401, send("POST", "/meta/v1/query", sql, s.user).status, "a user does not run SQL")
	require.Equal(t, 401, send("POST", "/meta/v1/query", everyone, "").status, "nor does a publishable key")
}

func TestEachServiceSaysWhichScopeIsMissing(t *testing.T) {
	t.Parallel()
	var key string
	s := newSample(t, func(x *directoryv1.Snapshot) { key = bounded(x, roleService, "moons:read") })
	b := setup(t, everyService, s)
	for path, want := range map[string]string{
		"/rest/v1/notes":      `{"code":"INSUFFICIENT_SCOPE","details":null,"hint":"Use a key that has the scope tables:read, or one without scopes.","message":"The API key lacks the scope tables:read."}`,
		"/auth/v1/admin/user": `{"code":403,"error_code":"insufficient_scope","msg":"The API key lacks the scope auth:admin.","hint":"Use a key that has the scope auth:admin, or one without scopes."}`,
		"/api/v1/tables/n":    `{"error":{"code":"INSUFFICIENT_SCOPE","message":"The API key lacks the scope tables:read.","hint":"Use a key that has the scope tables:read, or one without scopes."}}`,
		"/storage/v1/object":  `{"statusCode":"403","code":"INSUFFICIENT_SCOPE","error":"Unauthorized","message":"The API key lacks the scope storage:read.","hint":"Use a key that has the scope storage:read, or one without scopes."}`,
		"/functions/v1/f":     `{"code":"INSUFFICIENT_SCOPE","message":"The API key lacks the scope functions:invoke.","hint":"Use a key that has the scope functions:invoke, or one without scopes."}`,
		"/moons/v1/europa":    `{"code":"INSUFFICIENT_SCOPE","message":"No scope of an API key opens this path.","hint":"Use a key without scopes."}`,
	} {
		got := b.do(t, request{host: s.project.Ref + ".example.test", path: path, header: map[string]string{"apikey": key}})
		require.Equal(t, 403, got.status)
		require.JSONEq(t, want, got.body)
		require.Empty(t, got.header.Get("WWW-Authenticate"), "another sign-in would not help")
	}
	require.Empty(t, b.usage.requests, "what is refused is not billed")
}

func TestAKeysOwnLimit(t *testing.T) {
	t.Parallel()
	var slow string
	s := newSample(t, func(x *directoryv1.Snapshot) {
		slow = bounded(x, roleService)
		x.Keys[len(x.Keys)-1].RequestsPerSecond = 2
		x.Limits.RequestsPerSecondPerKey = 1000
	})
	b := setup(t, nil, s)
	send := func(key string) response {
		return b.do(t, request{host: s.project.Ref + ".example.test", path: rest, header: map[string]string{"apikey": key}})
	}
	statuses := map[int]int{}
	for range 20 {
		statuses[send(slow).status]++
	}
	require.Positive(t, statuses[http.StatusOK])
	require.Greater(t, statuses[http.StatusTooManyRequests], 5, statuses)
	require.Equal(t, http.StatusOK, send(s.secret).status, "others go by the plan's")

	for _, c := range []struct{ plan, own, want int }{{0, 0, 0}, {5, 0, 5}, {0, 5, 5}, {10, 5, 5}, {5, 10, 5}} {
		l := s.project.Limits
		l.RequestsPerSecondPerKey = c.plan
		require.Equal(t, limit.Rate{PerSecond: float64(c.want)}, apiKey{perSecond: c.own}.rate(l))
	}
}

func FuzzScopes(f *testing.F) {
	for _, c := range scopeCases {
		f.Add(c.method, c.path)
	}
	services := []*service{}
	for _, prefix := range []string{"/rest/v1", "/api/v1", "/auth/v1", "/storage/v1", "/meta/v1", "/moons/v1", "/api/v1/auth"} {
		services = append(services, &service{Service: Service{Name: prefix[1:5], Prefix: prefix}})
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		if dotted(path) || !strings.HasPrefix(path, "/") { // refused before
			return
		}
		for _, s := range services {
			if no := outOfScope(apiKey{}, s, method, path); no != nil {
				t.Fatalf("a key without scopes is refused %s %s", method, path)
			}
			no := outOfScope(apiKey{scopes: scope.Of([]string{"moons:read"})}, s, method, path)
			if no != nil {
				_, err := json.Marshal(no.body(s.Name, http.Header{}))
				require.NoError(t, err)
				continue
			}
			whole := strings.Join(strings.FieldsFunc(s.Prefix+path, func(r rune) bool { return r == '/' }), "/") + "/"
			admin := strings.HasPrefix(whole, "auth/v1/admin/") || strings.HasPrefix(whole, "api/v1/auth/admin/")
			if admin || !strings.HasPrefix(whole, "auth/v1/") && !strings.HasPrefix(whole, "api/v1/auth/") {
				t.Fatalf("%s %s is open", method, whole)
			}
		}
	})
}
