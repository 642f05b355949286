package protocol_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

func session() *projectdb.Session {
	return &projectdb.Session{Project: &directory.Project{Ref: "abcdefghijklmnopqrst", SchemaPrefix: "abcdefghijklmnopqrst_"}}
}

// ask sends a request to a router.
func ask(rt http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, target, nil)
	rt.ServeHTTP(w, r.WithContext(projectdb.NewContext(r.Context(), session())))
	return w
}

func TestRoutesAreFoundByThePathAsItWasSent(t *testing.T) {
	t.Parallel()
	rt := protocol.NewRouter(slog.New(slog.DiscardHandler))
	for _, route := range []string{
		"GET /bucket", "GET /bucket/{bucket}", "POST /object/{bucket}/*", "GET /object/{bucket}/*", "GET /object/public/{bucket}/*", "GET /object/info/{bucket}/*",
		"GET /object/info/public/{bucket}/*", "POST /object/sign/{bucket}", "POST /object/sign/{bucket}/*", "POST /object/upload/sign/{bucket}/*", "DELETE /object/{bucket}",
		"DELETE /object/{bucket}/*",
	} {
		method, pattern, _ := cutRoute(route)
		rt.Handle(method, pattern, func(w http.ResponseWriter, r *http.Request, _ *projectdb.Session) error {
			w.Header().Set("Route", pattern)
			w.Header().Set("Bucket", r.PathValue("bucket"))
			w.Header().Set("Name", r.PathValue(protocol.Rest))
			return nil
		})
	}
	for name, c := range map[string]struct{ method, path, route, bucket, object string }{
		"a plain name":                        {"GET", "/object/b/a.txt", "/object/{bucket}/*", "b", "a.txt"},
		"folders":                             {"GET", "/object/b/a/b/c.txt", "/object/{bucket}/*", "b", "a/b/c.txt"},
		"spaces":                              {"GET", "/object/my%20bucket/a%20b.txt", "/object/{bucket}/*", "my bucket", "a b.txt"},
		"a plus is a plus":                    {"GET", "/object/b/a+b%2Bc", "/object/{bucket}/*", "b", "a+b+c"},
		"other scripts":                       {"GET", "/object/b/%E6%97%A5%E6%9C%AC/%C3%BC.txt", "/object/{bucket}/*", "b", "日本/ü.txt"},
		"a percent sign":                      {"GET", "/object/b/50%25.txt", "/object/{bucket}/*", "b", "50%.txt"},
		"an escape is undone once":            {"GET", "/object/b/a%252Fb", "/object/{bucket}/*", "b", "a%2Fb"},
		"a question mark and a number sign":   {"GET", "/object/b/a%3Fb%23c", "/object/{bucket}/*", "b", "a?b#c"},
		"an escaped slash is one of the name": {"GET", "/object/b/a%2Fb.txt", "/object/{bucket}/*", "b", "a/b.txt"},
		"it does not leave the bucket":        {"GET", "/object/b%2Fc/d", "/object/{bucket}/*", "b/c", "d"},
		"an escaped literal":                  {"GET", "/object/p%75blic/b/a", "/object/public/{bucket}/*", "b", "a"},
		"double slashes are kept":             {"GET", "/object/b/a//c", "/object/{bucket}/*", "b", "a//c"},
		"a final slash of a name is kept":     {"GET", "/object/b/a/", "/object/{bucket}/*", "b", "a/"},
		"what is literal goes first":          {"GET", "/object/public/b/a", "/object/public/{bucket}/*", "b", "a"},
		"and is a bucket where nothing fits":  {"POST", "/object/public/b/a", "/object/{bucket}/*", "public", "b/a"},
		"public, of info":                     {"GET", "/object/info/public/b/a", "/object/info/public/{bucket}/*", "b", "a"},
		"a file in a bucket named info":       {"GET", "/object/info/b", "/object/{bucket}/*", "info", "b"},
		"many":                                {"POST", "/object/sign/b", "/object/sign/{bucket}", "b", ""},
		"one":                                 {"POST", "/object/sign/b/a", "/object/sign/{bucket}/*", "b", "a"},
		"going back from a literal":           {"POST", "/object/upload/a", "/object/{bucket}/*", "upload", "a"},
		"HEAD is answered by GET":             {"HEAD", "/object/b/a", "/object/{bucket}/*", "b", "a"},
		"a final slash of a route":            {"GET", "/bucket/", "/bucket", "", ""},
		"of a route with a bucket":            {"GET", "/bucket/b/", "/bucket/{bucket}", "b", ""},
		"no name":                             {"DELETE", "/object/b/", "/object/{bucket}/*", "b", ""},
	} {
		w := ask(rt, c.method, c.path)
		require.Equal(t, 200, w.Code, name)
		require.Equal(t, c.route, w.Header().Get("Route"), name)
		require.Equal(t, c.bucket, w.Header().Get("Bucket"), name)
		require.Equal(t, c.object, w.Header().Get("Name"), name)
	}
	for _, path := range []string{"/", "/nothing", "/bucket/a/b", "/object", "/object//a", "/objects/b/a"} {
		w := ask(rt, http.MethodGet, path)
		require.Equal(t, 404, w.Code, path)
		require.JSONEq(t, `{"statusCode":"404","code":"RouteNotFound","error":"RouteNotFound","message":"There is nothing at this path."}`, w.Body.String())
	}
	w := ask(rt, http.MethodPatch, "/object/b/a")
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
	require.Equal(t, "DELETE, GET, POST", w.Header().Get("Allow"))
	require.Contains(t, rt.Routes(), "DELETE /object/{bucket}/*")
}

func cutRoute(route string) (method, pattern string, ok bool) {
	for i := range route {
		if route[i] == ' ' {
			return route[:i], route[i+1:], true
		}
	}
	return "", "", false
}

func TestErrorsInSupabasesDialect(t *testing.T) {
	t.Parallel()
	refused := func(code, message string) error { return &pgconn.PgError{Code: code, Message: message} }
	for name, c := range map[string]struct {
		err          error
		http         int
		status, code string
		older, says  string
	}{
		"an object that is not there":  {protocol.ErrNoSuchKey, 400, "404", "NoSuchKey", "not_found", "Object not found"},
		"a bucket that is not there":   {protocol.ErrNoSuchBucket, 400, "404", "NoSuchBucket", "Bucket not found", "Bucket not found"},
		"a name that is taken":         {fault.New(fault.Exists, "KEY_ALREADY_EXISTS", "The resource already exists"), 400, "409", "KeyAlreadyExists", "Duplicate", "The resource already exists"},
		"a file that is too large":     {fault.New(fault.Invalid, "ENTITY_TOO_LARGE", "The object exceeded the maximum allowed size"), 400, "413", "EntityTooLarge", "Payload too large", "The object exceeded the maximum allowed size"},
		"a type that is not allowed":   {fault.New(fault.Invalid, "INVALID_MIME_TYPE", "mime type a/b is not supported"), 400, "415", "InvalidMimeType", "invalid_mime_type", "mime type a/b is not supported"},
		"a bad token":                  {fault.New(fault.Invalid, "INVALID_JWT", "x"), 400, "400", "InvalidJWT", "InvalidJWT", "x"},
		"a bad range":                  {fault.New(fault.Invalid, "RANGE_NOT_SATISFIABLE", "x"), 416, "416", "InvalidRange", "invalid_range", "x"},
		"a precondition":               {fault.New(fault.FailedPrecondition, "PRECONDITION_FAILED", "x"), 412, "412", "PreconditionFailed", "PreconditionFailed", "x"},
		"a quota":                      {fault.New(fault.Exhausted, "QUOTA_STORAGE", "x"), 402, "402", "QuotaExceeded", "QuotaExceeded", "x"},
		"a policy":                     {refused("42501", `new row violates row-level security policy for table "objects"`), 400, "403", "AccessDenied", "Unauthorized", "new row violates row-level security policy"},
		"a grant":                      {refused("42501", "permission denied for table objects"), 400, "403", "AccessDenied", "Unauthorized", "permission denied for table objects"},
		"a row that is there":          {refused("23505", "secret"), 400, "409", "ResourceAlreadyExists", "Duplicate", "The resource already exists"},
		"a database that is slow":      {refused("57014", "secret"), 544, "544", "DatabaseTimeout", "DatabaseTimeout", "The database took too long. Check the project's policies and triggers on storage, and the load on its database."},
		"a trigger's words":            {refused("P0001", "abcdefghijklmnopqrst_public says no"), 400, "400", "DatabaseError", "DatabaseError", "public says no"},
		"a defect, which is not told":  {errors.New("secret"), 500, "500", "InternalError", "InternalError", fault.From(errors.New("")).Message},
		"a defect of the database":     {refused("XX000", "secret"), 500, "500", "InternalError", "InternalError", fault.From(errors.New("")).Message},
		"a defect that has words":      {fault.New(fault.Internal, "NO_SUCH_KEY", "secret"), 500, "500", "InternalError", "InternalError", fault.From(errors.New("")).Message},
		"a part that is down":          {fault.New(fault.Unavailable, "STORAGE_UNAVAILABLE", "x"), 503, "503", "StorageUnavailable", "StorageUnavailable", "x"},
		"connections that are used up": {fault.New(fault.Unavailable, "CONNECTIONS_EXHAUSTED", "x"), 429, "429", "SlowDown", "too_many_connections", "x"},
	} {
		rt := protocol.NewRouter(slog.New(slog.DiscardHandler))
		rt.Handle(http.MethodGet, "/x", func(w http.ResponseWriter, _ *http.Request, _ *projectdb.Session) error {
			w.Header().Set("Content-Length", "1000")
			w.Header().Set("Cache-Control", "public, max-age=3600")
			return c.err
		})
		w := ask(rt, http.MethodGet, "/x")
		require.Equal(t, c.http, w.Code, name)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"), name)
		require.JSONEq(t, `{"statusCode":"`+c.status+`","code":"`+c.code+`","error":"`+c.older+`","message":"`+c.says+`"}`, w.Body.String(), name)
	}
}
