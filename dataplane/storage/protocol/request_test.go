package protocol_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	decode := func(body io.Reader) (in struct {
		Name  string   `json:"name"`
		Limit *int     `json:"limit"`
		List  []string `json:"list"`
		Flag  bool     `json:"flag"`
		Sort  struct {
			By string `json:"by"`
		} `json:"sort"`
	}, err error) {
		r := httptest.NewRequest(http.MethodPost, "/", body)
		err = protocol.Decode(httptest.NewRecorder(), r, &in)
		return in, err
	}
	in, err := decode(strings.NewReader(`{"name":"日本","limit":3,"unknown":[1]}`))
	require.NoError(t, err)
	require.Equal(t, "日本", in.Name)
	require.Equal(t, 3, *in.Limit)
	_, err = decode(strings.NewReader(""))
	require.NoError(t, err, "no body is an empty object")
	for name, c := range map[string]struct {
		body         io.Reader
		reason, says string
	}{
		"no JSON":        {strings.NewReader(`{"name"`), "INVALID_REQUEST", "JSON"},
		"two values":     {strings.NewReader(`{} {}`), "INVALID_REQUEST", "JSON"},
		"no UTF-8":       {strings.NewReader("{\"name\":\"\xff\"}"), "INVALID_REQUEST", "UTF-8"},
		"a list":         {strings.NewReader(`[]`), "INVALID_PARAMETER", "object"},
		"another type":   {strings.NewReader(`{"limit":"3"}`), "INVALID_PARAMETER", "body/limit has the wrong type: it is a string, where a whole number is wanted"},
		"a text wanted":  {strings.NewReader(`{"name":3}`), "INVALID_PARAMETER", "it is a number, where a string is wanted"},
		"a list wanted":  {strings.NewReader(`{"list":"a"}`), "INVALID_PARAMETER", "it is a string, where a list of strings is wanted"},
		"a list of else": {strings.NewReader(`{"list":[1]}`), "INVALID_PARAMETER", "body/list has the wrong type: it is a number, where a string is wanted"},
		"a flag wanted":  {strings.NewReader(`{"flag":"no"}`), "INVALID_PARAMETER", "it is a string, where true or false is wanted"},
		"inside another": {strings.NewReader(`{"sort":{"by":[]}}`), "INVALID_PARAMETER", "body/sort.by has the wrong type: it is a list, where a string is wanted"},
		"a fraction":     {strings.NewReader(`{"limit":3.5}`), "INVALID_PARAMETER", "body/limit"},
		"a large number": {strings.NewReader(`{"limit":1e99}`), "INVALID_PARAMETER", "it is the number 1e99, where a whole number is wanted"},
		"an object":      {strings.NewReader(`{"sort":true}`), "INVALID_PARAMETER", "it is true or false, where an object is wanted"},
		"very deep":      {strings.NewReader(`{"x":` + strings.Repeat("[", 100_000)), "INVALID_REQUEST", "JSON"},
		"very long":      {strings.NewReader(`{"x":"` + strings.Repeat("x", 3<<20) + `"}`), "ENTITY_TOO_LARGE", "2097152 bytes"},
		"what broke off": {io.MultiReader(strings.NewReader(`{"name":`), broken{}), "INCOMPLETE_BODY", "connection"},
	} {
		_, err := decode(c.body)
		f := fault.From(err)
		require.Equal(t, c.reason, f.Reason, name)
		require.Contains(t, f.Message, c.says, name)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// FuzzRoutes holds that a route never takes a path for another: bucket and name are what the path says, unescaped once.
func FuzzRoutes(f *testing.F) {
	rt := protocol.NewRouter(slog.New(slog.DiscardHandler))
	rt.Handle(http.MethodGet, "/object/public/{bucket}/*", func(w http.ResponseWriter, r *http.Request, _ *projectdb.Session) error {
		w.Header().Set("Was", "/object/public/"+r.PathValue("bucket")+"/"+r.PathValue(protocol.Rest))
		return nil
	})
	rt.Handle(http.MethodGet, "/object/{bucket}/*", func(w http.ResponseWriter, r *http.Request, _ *projectdb.Session) error {
		w.Header().Set("Was", "/object/"+r.PathValue("bucket")+"/"+r.PathValue(protocol.Rest))
		return nil
	})
	for _, path := range []string{"/object/public/b/a", "/object/b/a%2Fb", "/object//b", "/object/public%2Fb/c", "/object/%2e%2e/x", "/object/b/%25", "/object/b/", "/object/a;b/c"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		r := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}, Body: http.NoBody}
		rt.ServeHTTP(w, r.WithContext(projectdb.NewContext(t.Context(), session())))
		if w.Code != http.StatusOK {
			return
		}
		require.Equal(t, []string{u.Path}, w.Header()["Was"])
		if bucket := r.PathValue("bucket"); strings.Contains(bucket, "/") {
			require.Contains(t, strings.ToUpper(u.EscapedPath()), "%2F")
		}
	})
}
