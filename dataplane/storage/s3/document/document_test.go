package document_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/document"
	"github.com/wayli-app/fluxbase/internal/fault"
)

func TestErrorsInS3sDialect(t *testing.T) {
	t.Parallel()
	session := &projectdb.Session{Project: &directory.Project{Ref: "abcdefghijklmnopqrst", SchemaPrefix: "abcdefghijklmnopqrst_"}}
	for name, c := range map[string]struct {
		err        error
		status     int
		code, says string
	}{
		"no object":          {fault.New(fault.NotFound, "NO_SUCH_KEY", "Object not found"), 404, "NoSuchKey", "Object not found"},
		"no bucket":          {fault.New(fault.NotFound, "NO_SUCH_BUCKET", "x"), 404, "NoSuchBucket", "x"},
		"no upload":          {fault.New(fault.NotFound, "NO_SUCH_UPLOAD", "x"), 404, "NoSuchUpload", "x"},
		"a policy":           {&pgconn.PgError{Code: "42501", Message: "new row violates row-level security policy for table x"}, 403, "AccessDenied", "new row violates row-level security policy"},
		"a grant":            {&pgconn.PgError{Code: "42501", Message: "permission denied for schema abcdefghijklmnopqrst_storage"}, 403, "AccessDenied", "permission denied for schema storage"},
		"too large":          {fault.New(fault.Exhausted, "ENTITY_TOO_LARGE", "x"), 400, "EntityTooLarge", "x"},
		"full":               {fault.New(fault.Exhausted, "QUOTA_STORAGE", "x"), 403, "QuotaExceeded", "x"},
		"a bad range":        {fault.New(fault.Invalid, "RANGE_NOT_SATISFIABLE", "x"), 416, "InvalidRange", "x"},
		"a precondition":     {fault.New(fault.FailedPrecondition, "PRECONDITION_FAILED", "x"), 412, "PreconditionFailed", "x"},
		"a bad name":         {fault.New(fault.Invalid, "INVALID_KEY", "x"), 400, "InvalidKey", "x"},
		"a full bucket":      {fault.New(fault.FailedPrecondition, "RESOURCE_NOT_EMPTY", "x"), 409, "BucketNotEmpty", "x"},
		"no connections":     {fault.New(fault.Unavailable, "CONNECTIONS_EXHAUSTED", "x"), 503, "SlowDown", "x"},
		"the store is away":  {fault.New(fault.Unavailable, "OBJECT_STORE_UNREACHABLE", "x"), 503, "ServiceUnavailable", "x"},
		"a defect":           {errors.New("secret"), 500, "InternalError", "Something went wrong"},
		"a defect of ours":   {fault.New(fault.Internal, "ACCESS_DENIED", "secret"), 500, "InternalError", ""},
		"words that are XML": {fault.New(fault.Invalid, "INVALID_KEY", "<b>&\x01"), 400, "InvalidKey", "&lt;b&gt;&amp;\ufffd"},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/s3/b/k", nil)
		r.Header.Set("X-Request-Id", "7")
		for _, header := range []string{"Content-Length", "Etag", "Content-Range", "Cache-Control", "x-amz-meta-a"} {
			w.Header()[header] = []string{"1"}
		}
		document.WriteError(w, r, session, c.err)
		require.Equal(t, c.status, w.Code, name)
		body := w.Body.String()
		require.Contains(t, body, "<Error><Code>"+c.code+"</Code><Message>"+c.says, name)
		require.Contains(t, body, "<Resource>/s3/b/k</Resource><RequestId>7</RequestId></Error>", name)
		require.NotContains(t, body, "secret", name)
		require.NotContains(t, w.Header(), "x-amz-meta-a")
		require.Empty(t, w.Header().Get("Etag"))
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		w = httptest.NewRecorder()
		document.WriteError(w, httptest.NewRequest(http.MethodHead, "/s3/b/k", nil), session, c.err)
		require.Equal(t, c.status, w.Code, name)
		require.Empty(t, w.Body.String())
	}
	w := httptest.NewRecorder()
	slow := fault.New(fault.Exhausted, "SLOW_DOWN", "x")
	slow.RetryAfter = 1500 * time.Millisecond
	document.WriteError(w, httptest.NewRequest(http.MethodGet, "/s3", nil), session, slow)
	require.Equal(t, "2", w.Header().Get("Retry-After"))
}

func TestNamesAreEncodedAsAsked(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a b/ü&", document.Encode("a b/ü&", ""))
	require.Equal(t, "a+b/%C3%BC%26%2B", document.Encode("a b/ü&+", "url"))
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"<Delete><Quiet>true</Quiet><Object><Key>a</Key></Object></Delete>", "<Delete xmlns=\"x\"/>", "<!DOCTYPE a [<!ENTITY b \"c\">]><Delete>&b;</Delete>", "<a><b/>", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var out document.Delete
		if err := document.Read(strings.NewReader(text), -1, &out); err != nil {
			require.NotEqual(t, fault.Internal, fault.From(err).Kind)
		}
	})
}
