package serve_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/serve"
	"github.com/wayli-app/fluxbase/internal/fault"
)

const content = "0123456789"

var modified = time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)

func file(text string) serve.File {
	return serve.File{
		Metadata: object.Metadata{ETag: `"abc"`, Size: int64(len(text)), MimeType: "text/plain", CacheControl: "public, s-maxage=5, max-age=60", LastModified: modified},
		Open: func(_ context.Context, from, to int64) (io.ReadCloser, error) {
			if to < 0 {
				to = int64(len(text)) - 1
			}
			return io.NopCloser(strings.NewReader(text[from : to+1])), nil
		},
	}
}

func get(f serve.File, method string, headers ...string) (*httptest.ResponseRecorder, error) {
	r := httptest.NewRequest(method, "/", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	err := serve.Object(w, r, f)
	return w, err
}

func TestRanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, asked, ifRange string
		status               int
		want, told           string
	}{
		{name: "the whole", status: 200, want: content},
		{name: "a part", asked: "bytes=2-4", status: 206, want: "234", told: "bytes 2-4/10"},
		{name: "one byte", asked: "bytes=0-0", status: 206, want: "0", told: "bytes 0-0/10"},
		{name: "to the end", asked: "bytes=7-", status: 206, want: "789", told: "bytes 7-9/10"},
		{name: "the last", asked: "bytes=-3", status: 206, want: "789", told: "bytes 7-9/10"},
		{name: "more than there is", asked: "bytes=5-99999999999999999999", status: 206, want: "56789", told: "bytes 5-9/10"},
		{name: "the last, more than there is", asked: "bytes=-99999999999999999999", status: 206, want: content, told: "bytes 0-9/10"},
		{name: "beyond the end", asked: "bytes=10-", status: 416, told: "bytes */10"},
		{name: "far beyond the end", asked: "bytes=99999999999999999999-", status: 416, told: "bytes */10"},
		{name: "nothing of the end", asked: "bytes=-0", status: 416, told: "bytes */10"},
		{name: "several are answered by the whole", asked: "bytes=0-1,3-4", status: 200, want: content},
		{name: "very many too", asked: "bytes=" + strings.Repeat("0-,", 1000) + "0-", status: 200, want: content},
		{name: "backwards", asked: "bytes=4-2", status: 200, want: content},
		{name: "no number", asked: "bytes=a-b", status: 200, want: content},
		{name: "a sign", asked: "bytes=+1-2", status: 200, want: content},
		{name: "no dash", asked: "bytes=5", status: 200, want: content},
		{name: "another unit", asked: "lines=1-2", status: 200, want: content},
		{name: "of the same file", asked: "bytes=2-4", ifRange: `"abc"`, status: 206, want: "234", told: "bytes 2-4/10"},
		{name: "of another", asked: "bytes=2-4", ifRange: `"other"`, status: 200, want: content},
		{name: "a weak tag names none", asked: "bytes=2-4", ifRange: `W/"abc"`, status: 200, want: content},
		{name: "of that time", asked: "bytes=2-4", ifRange: modified.Format(http.TimeFormat), status: 206, want: "234", told: "bytes 2-4/10"},
		{name: "of another time", asked: "bytes=2-4", ifRange: modified.Add(time.Hour).Format(http.TimeFormat), status: 200, want: content},
	} {
		headers := []string{}
		if c.asked != "" {
			headers = append(headers, "Range", c.asked)
		}
		if c.ifRange != "" {
			headers = append(headers, "If-Range", c.ifRange)
		}
		w, err := get(file(content), http.MethodGet, headers...)
		require.Equal(t, c.told, w.Header().Get("Content-Range"), c.name)
		if c.status == 416 {
			require.Equal(t, "RANGE_NOT_SATISFIABLE", fault.From(err).Reason, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		require.Equal(t, c.status, w.Code, c.name)
		require.Equal(t, c.want, w.Body.String(), c.name)
	}
	w, err := get(file(""), http.MethodGet, "Range", "bytes=0-")
	require.NoError(t, err)
	require.Equal(t, []any{200, "0"}, []any{w.Code, w.Header().Get("Content-Length")}, "an empty file has no range")
	w, err = get(file(content), http.MethodHead, "Range", "bytes=2-4")
	require.NoError(t, err)
	require.Equal(t, []any{206, "3", ""}, []any{w.Code, w.Header().Get("Content-Length"), w.Body.String()})
}

func TestConditions(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) string { return modified.Add(d).Format(http.TimeFormat) }
	for _, c := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"the same tag", []string{"If-None-Match", `"abc"`}, 304},
		{"one of several", []string{"If-None-Match", `"x", W/"abc"`}, 304},
		{"in several headers", []string{"If-None-Match", `"x"`, "If-None-Match", `"abc"`}, 304},
		{"any", []string{"If-None-Match", "*"}, 304},
		{"another tag", []string{"If-None-Match", `"x"`}, 200},
		{"a tag goes before a time", []string{"If-None-Match", `"x"`, "If-Modified-Since", at(time.Hour)}, 200},
		{"not modified since", []string{"If-Modified-Since", at(0)}, 304},
		{"modified since", []string{"If-Modified-Since", at(-time.Hour)}, 200},
		{"no time", []string{"If-Modified-Since", "yesterday"}, 200},
		{"as asked for", []string{"If-Match", `"abc"`}, 200},
		{"not as asked for", []string{"If-Match", `"x"`}, 412},
		{"a weak tag matches nothing", []string{"If-Match", `W/"abc"`}, 412},
		{"unmodified", []string{"If-Unmodified-Since", at(0)}, 200},
		{"modified", []string{"If-Unmodified-Since", at(-time.Hour)}, 412},
		{"not modified goes before a range", []string{"If-None-Match", `"abc"`, "Range", "bytes=99-"}, 304},
	} {
		w, err := get(file(content), http.MethodGet, c.headers...)
		if c.status == 412 {
			require.Equal(t, "PRECONDITION_FAILED", fault.From(err).Reason, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		require.Equal(t, c.status, w.Code, c.name)
		require.Equal(t, `"abc"`, w.Header().Get("Etag"), c.name)
		if c.status == 304 {
			require.Empty(t, w.Body.String(), c.name)
			require.Empty(t, w.Header().Get("Content-Type"), c.name)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	f := file(content)
	w, err := get(f, http.MethodGet)
	require.NoError(t, err)
	require.Equal(t, "public, s-maxage=5, max-age=60", w.Header().Get("Cache-Control"))
	require.Equal(t, "Fri, 02 Jan 2026 03:04:05 GMT", w.Header().Get("Last-Modified"))
	f.Private = true
	f.Metadata.MimeType = "text/html\r\nSet-Cookie: x"
	w, err = get(f, http.MethodGet)
	require.NoError(t, err)
	require.Equal(t, "private, max-age=60", w.Header().Get("Cache-Control"))
	require.Equal(t, "application/octet-stream", w.Header().Get("Content-Type"))
	f.Metadata.CacheControl, f.Metadata.ETag, f.Metadata.LastModified = "", "", time.Time{}
	w, err = get(f, http.MethodGet, "If-None-Match", `""`, "If-Modified-Since", modified.Format(http.TimeFormat))
	require.NoError(t, err)
	require.Equal(t, []any{200, "private, no-cache", ""}, []any{w.Code, w.Header().Get("Cache-Control"), w.Header().Get("Etag")})
	for name, want := range map[string]string{
		"":               "attachment",
		"a.txt":          `attachment; filename="a.txt"; filename*=UTF-8''a.txt`,
		"\"\r\n\\%.txt":  `attachment; filename="_____.txt"; filename*=UTF-8''%22%0D%0A%5C%25.txt`,
		"日本 ü.txt":       `attachment; filename="__ _.txt"; filename*=UTF-8''%E6%97%A5%E6%9C%AC%20%C3%BC.txt`,
		"a;filename=b.x": `attachment; filename="a;filename=b.x"; filename*=UTF-8''a%3Bfilename%3Db.x`,
	} {
		require.Equal(t, want, serve.Attachment(name))
	}
}

// TestWhatBreaksOff: nobody takes a part for the whole.
func TestWhatBreaksOff(t *testing.T) {
	t.Parallel()
	f := file(content)
	f.Open = func(context.Context, int64, int64) (io.ReadCloser, error) { return nil, errors.New("gone") }
	w, err := get(f, http.MethodGet, "Range", "bytes=1-2")
	require.Error(t, err)
	require.Empty(t, w.Header().Get("Content-Range"))
	f.Open = func(context.Context, int64, int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("012")), nil
	}
	_, err = get(f, http.MethodGet)
	require.Equal(t, "STORAGE_UNAVAILABLE", fault.From(err).Reason, "nothing was sent yet")
	long := strings.Repeat("x", 200_000)
	f = file(long)
	f.Open = func(context.Context, int64, int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(long[:100_000])), nil
	}
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { _, _ = get(f, http.MethodGet) })
	f.Open = func(context.Context, int64, int64) (io.ReadCloser, error) {
		return struct{ io.ReadCloser }{io.NopCloser(strings.NewReader(long + "more"))}, nil
	}
	w, err = get(f, http.MethodGet)
	require.NoError(t, err)
	require.Len(t, w.Body.String(), len(long), "no more than was told")
	f.Open = func(context.Context, int64, int64) (io.ReadCloser, error) { // one that writes itself
		return io.NopCloser(strings.NewReader(long + "more")), nil
	}
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { _, _ = get(f, http.MethodGet) })
}

// FuzzRange: what is served is what is told to be.
func FuzzRange(f *testing.F) {
	for _, asked := range []string{"bytes=0-", "bytes=-1", "bytes=3-4", "bytes=9-10", "bytes=10-", "bytes=1-0", "bytes= 1-2", "bytes=0-0,1-1", "bytes=--1", "x=0-1", "bytes=18446744073709551616-"} {
		f.Add(asked)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		w, err := get(file(content), http.MethodGet, "Range", asked)
		if err != nil {
			require.Equal(t, "RANGE_NOT_SATISFIABLE", fault.From(err).Reason)
			return
		}
		if w.Code == http.StatusOK {
			require.Equal(t, content, w.Body.String())
			return
		}
		var from, to, size int
		_, err = fmt.Sscanf(w.Header().Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size)
		require.NoError(t, err)
		require.Equal(t, content[from:to+1], w.Body.String())
	})
}
