package rest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

func TestContentRange(t *testing.T) {
	t.Parallel()
	for want, in := range map[string][3]int64{"0-9/*": {0, 10, -1}, "5-5/6": {5, 1, 6}, "*/*": {3, 0, -1}, "*/0": {0, 0, 0}, "*/7": {9, 0, 7}} {
		require.Equal(t, want, contentRange(in[0], in[1], in[2]))
	}
}

func TestStatusOfSQLState(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int{
		"08006": 503, "09000": 500, "0L000": 403, "0P000": 403, "23503": 409, "23505": 409, "23502": 400, "25006": 405, "25001": 500, "28000": 403,
		"2D000": 500, "38000": 500, "39000": 500, "3B000": 500, "40001": 500, "53400": 500, "53300": 503, "54001": 500, "55000": 500, "57014": 500,
		"57P01": 503, "58000": 500, "F0000": 500, "HV000": 500, "P0001": 400, "P0002": 500, "XX000": 500, "42883": 404, "42P01": 404, "42P17": 500,
		"42501": 403, "22P02": 400, "21000": 500, "22023": 400, "PT402": 402, "PT40A": 500, "PT999": 500, "PT100": 500, "": 500, "123": 500,
	} {
		require.Equal(t, want, statusOf(&pgconn.PgError{Code: code}, false), code)
	}
	require.Equal(t, 401, statusOf(&pgconn.PgError{Code: "42501"}, true))
	require.Equal(t, 400, statusOf(&pgconn.PgError{Code: "21000", Message: "DELETE requires a WHERE clause"}, true))
	require.Equal(t, 401, statusOf(&pgconn.PgError{Code: "22023", Message: `role "x" does not exist`}, true))
}

func TestWriteError(t *testing.T) {
	t.Parallel()
	refusal := &query.Error{Status: 400, Code: "PGRST100", Message: "a <b>", Details: []string{"x"}, Hint: "h", Header: http.Header{"x-a": {"1"}}}
	write := func(e *query.Error, terse bool) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		WriteError(w, e, terse)
		return w
	}
	same := func(want string, w *httptest.ResponseRecorder) { // every byte, in this order
		t.Helper()
		require.Equal(t, want, w.Body.String())
	}
	w := write(refusal, false)
	same(`{"code":"PGRST100","details":["x"],"hint":"h","message":"a <b>"}`, w)
	require.Equal(t, "PostgREST; error=PGRST100", w.Header().Get("Proxy-Status"))
	require.Equal(t, "1", w.Header().Get("X-A"))
	same(`{"code":"PGRST100","message":"a <b>"}`, write(refusal, true))
	w = write(&query.Error{Status: 204, Code: "PT204", Message: "raised"}, false)
	require.Equal(t, 204, w.Code)
	require.Empty(t, w.Body.String())
	require.Empty(t, w.Header().Get("Proxy-Status"), "it is no error")
	require.Empty(t, write(&query.Error{Status: 400, Code: "a\r\nb"}, false).Header().Get("Proxy-Status"))
	same(`{"code":"","details":null,"hint":null,"message":""}`, write(&query.Error{Status: 400, Details: ""}, false))
}

func TestWhatIsRaisedMakesNoHugeHeaders(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 1<<20)
	w := httptest.NewRecorder()
	WriteError(w, raised(&pgconn.PgError{Code: "PGRST", Message: `{"code":"` + long + `","message":"m"}`, Detail: `{"status":400,"headers":{}}`}), false)
	require.Equal(t, 400, w.Code)
	require.Empty(t, w.Header().Get("Proxy-Status"))
	refused := raised(&pgconn.PgError{Code: "PGRST", Message: `{"code":"1","message":"m"}`, Detail: `{"status":400,"headers":{"X-A":"` + long + `"}}`})
	require.Equal(t, "PGRST121", refused.Code)
	require.Empty(t, refused.Header)
}

func FuzzSetHeaders(f *testing.F) {
	f.Add("X-A", "1", "x-a", "2")
	f.Add("Content-Length", "1", "Transfer-Encoding", "chunked")
	f.Add("X\r\nB", "1", "X-B", "a\r\nX-C: 1")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		h := http.Header{"X-A": {"own"}}
		setHeaders(h, []engine.Header{{Name: a, Value: b}, {Name: c, Value: d}})
		for name, values := range h {
			require.True(t, token(name))
			require.NotContains(t, reserved, name)
			for _, v := range values {
				require.True(t, printable(v))
				require.NotContains(t, v, "\n")
			}
		}
	})
}

// FuzzContentLocation checks that the address names the same parameters, and is its own canonical form.
func FuzzContentLocation(f *testing.F) {
	for _, s := range []string{"a=b", "b=1&a=2", "id=eq.1&select=*,x(y)", "a=%20+%zz", "apikey=x&b", "=&&a=", "a=b=c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		at := func(raw string) string {
			x := &exchange{r: &http.Request{URL: &url.URL{RawQuery: raw}}, target: "t/ä"}
			return x.contentLocation()
		}
		got := at(raw)
		u, err := url.Parse(got)
		require.NoError(t, err, got)
		require.Equal(t, "/t/ä", u.Path)
		require.False(t, u.Query().Has("apikey"))
		require.Equal(t, got, at(u.RawQuery))
	})
}

func FuzzRaised(f *testing.F) {
	f.Add(`{"code":"1","message":"m"}`, `{"status":400,"headers":{"X-A":"b"}}`)
	f.Add(`[]`, `null`)
	f.Fuzz(func(t *testing.T, message, detail string) {
		e := raised(&pgconn.PgError{Code: "PGRST", Message: message, Detail: detail})
		require.True(t, e.Status >= 200 && e.Status <= 599)
		w := httptest.NewRecorder()
		WriteError(w, e, false)
		if e.Status != 204 && e.Status != 304 {
			require.True(t, json.Valid(w.Body.Bytes()))
		}
	})
}
