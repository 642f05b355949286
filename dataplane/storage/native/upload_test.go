package native_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

// part is a part of a form: a field, or a file when kind is not "".
type part struct{ disposition, kind, content string }

func fieldPart(name, content string) part {
	return part{fmt.Sprintf(`form-data; name="%s"`, name), "", content}
}

// blobPart is how storage-js sends a Blob.
func blobPart(kind, content string) part {
	return part{`form-data; name=""; filename="blob"`, kind, content}
}

// form encodes parts, and returns the Content-Type.
func form(t *testing.T, parts ...part) (body []byte, kind string) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {p.disposition}}
		if p.kind != "" {
			h.Set("Content-Type", p.kind)
		}
		in, err := w.CreatePart(h)
		require.NoError(t, err)
		_, err = io.WriteString(in, p.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes(), w.FormDataContentType()
}

func TestUploadOfABody(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		path := "/object/private/" + s.folder + "a%20b/%E6%97%A5.txt"
		a := ok(t, s.Call("POST", path, s.mine, "content", "Content-Type", "text/plain;charset=UTF-8", "Cache-Control", "max-age=7200", "Content-Language", "ja",
			"X-Metadata", base64.StdEncoding.EncodeToString([]byte(`{"who":"日本"}`))))
		require.Equal(t, "private/"+s.folder+"a b/日.txt", a.Str("Key"))
		require.Len(t, a.Str("Id"), 36)
		got := ok(t, s.Call("GET", path, s.mine, nil))
		require.Equal(t, "content", got.Text)
		require.Equal(t, "text/plain;charset=UTF-8", got.Header.Get("Content-Type"))
		require.Equal(t, "private, max-age=7200", got.Header.Get("Cache-Control"))
		require.Equal(t, "ja", got.Header.Get("Content-Language"))
		info := ok(t, s.Call("GET", strings.Replace(path, "/object/", "/object/info/", 1), s.mine, nil))
		require.Equal(t, a.Str("Id"), info.Str("id"))
		require.Equal(t, map[string]any{"who": "日本"}, info.Body["metadata"])

		refuses(t, s.Call("POST", path, s.mine, "again"), 400, "409", "KeyAlreadyExists", "The resource already exists")
		again := ok(t, s.Call("POST", path, s.mine, "again", "X-Upsert", "true"))
		require.Equal(t, a.Str("Id"), again.Str("Id"), "the object stays the same")
		require.Equal(t, "again", s.Call("GET", path, s.mine, nil).Text)
		put := ok(t, s.Call("PUT", path, s.mine, "put"))
		require.Equal(t, a.Str("Id"), put.Str("Id"))
		require.Equal(t, "put", s.Call("GET", path, s.mine, nil).Text)
		ok(t, s.Call("PUT", "/object/private/"+s.folder+"new", s.mine, "made by PUT"))
		require.Equal(t, "made by PUT", s.Read("private", s.folder+"new"))

		empty := ok(t, s.Call("POST", "/object/private/"+s.folder+"empty", s.mine, ""))
		require.NotEmpty(t, empty.Str("Id"))
		got = ok(t, s.Call("GET", "/object/private/"+s.folder+"empty", s.mine, nil))
		require.Empty(t, got.Text)
		require.Equal(t, "0", got.Header.Get("Content-Length"))
		require.Equal(t, "application/octet-stream", got.Header.Get("Content-Type"))
	})
}

func TestUploadOfAForm(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		large := strings.Repeat("0123456789abcdef", 1<<14)
		for name, c := range map[string]struct {
			parts                []part
			kind, cache, content string
			metadata             any
		}{
			"as storage-js sends it": {[]part{fieldPart("cacheControl", "3600"), fieldPart("metadata", `{"a":[1]}`), blobPart("image/png", "png")}, "image/png",
				"private, max-age=3600", "png", map[string]any{"a": []any{1.0}}},
			"by another name":      {[]part{{`form-data; name="file"; filename="../../etc/passwd"`, "text/css", "css"}}, "text/css", "private, no-cache", "css", nil},
			"without a type":       {[]part{blobPart("", "bytes")}, "application/octet-stream", "private, no-cache", "bytes", nil},
			"with its type apart":  {[]part{fieldPart("contentType", "image/webp"), blobPart("text/plain", "webp")}, "image/webp", "private, no-cache", "webp", nil},
			"with a whole control": {[]part{fieldPart("cacheControl", "public, max-age=60"), blobPart("a/b", "x")}, "a/b", "private, max-age=60", "x", nil},
			"without a name":       {[]part{{`form-data; name="cacheControl"`, "text/plain", "60"}, {`form-data; name="upload"`, "a/b", "x"}}, "a/b", "private, max-age=60", "x", nil},
			"an empty file":        {[]part{blobPart("a/b", "")}, "a/b", "private, no-cache", "", nil},
			"a large file":         {[]part{blobPart("a/b", large)}, "a/b", "private, no-cache", large, nil},
			"with fields after it": {[]part{blobPart("a/b", "x"), fieldPart("cacheControl", "1"), fieldPart("metadata", `{"a":1}`), fieldPart("contentType", "image/png")}, "a/b",
				"private, max-age=1", "x", map[string]any{"a": 1.0}},
			"a boundary within": {[]part{blobPart("a/b", "--x\r\n--")}, "a/b", "private, no-cache", "--x\r\n--", nil},
		} {
			body, kind := form(t, c.parts...)
			path := "/object/private/" + s.folder + strings.ReplaceAll(name, " ", "%20")
			ok(t, s.Call("POST", path, s.mine, body, "Content-Type", kind))
			got := ok(t, s.Call("GET", path, s.mine, nil))
			require.Equal(t, c.content, got.Text, name)
			require.Equal(t, c.kind, got.Header.Get("Content-Type"), name)
			require.Equal(t, c.cache, got.Header.Get("Cache-Control"), name)
			require.Equal(t, c.metadata, s.Call("GET", strings.Replace(path, "/object/", "/object/info/", 1), s.mine, nil).Body["metadata"], name)
		}
	})
}

func TestUploadsAreRefused(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		s.Owner(`update {storage}.buckets set file_size_limit = 10, allowed_mime_types = '{image/*,text/plain}' where id = 'private'`)
		inForm := func(parts ...part) (body any, kind string) { return form(t, parts...) }
		var many []part
		for range 30 {
			many = append(many, fieldPart("x", "y"))
		}
		tooMany, manyKind := inForm(append(many, blobPart("image/png", "x"))...)
		noFile, noFileKind := inForm(fieldPart("cacheControl", "1"))
		badMetadata, badKind := inForm(fieldPart("metadata", `[1]`), blobPart("image/png", "x"))
		largeField, largeFieldKind := inForm(fieldPart("metadata", strings.Repeat("x", 200<<10)), blobPart("image/png", "x"))
		badCache, badCacheKind := inForm(fieldPart("cacheControl", "1\r\nSet-Cookie: x"), blobPart("image/png", "x"))
		largeFile, largeFileKind := inForm(blobPart("image/png", "12345678901"))
		html, htmlKind := inForm(blobPart("text/html", "x"))
		twoFiles, twoKind := inForm(blobPart("image/png", "1"), blobPart("image/png", "2"))
		lateMetadata, lateKind := inForm(blobPart("image/png", "1"), fieldPart("metadata", "[1]"))
		whole, wholeKind := form(t, blobPart("image/png", "1234567"))
		base := "/object/private/" + s.folder
		for name, c := range map[string]struct {
			path, bearer string
			body         any
			headers      []string
			status, code string
		}{
			"nobody":                        {base + "x", "", "x", []string{"Content-Type", "text/plain"}, "403", "AccessDenied"},
			"another's folder":              {base + "x", s.other, "x", []string{"Content-Type", "text/plain"}, "403", "AccessDenied"},
			"a public bucket is not open":   {"/object/public/x", s.mine, "x", nil, "403", "AccessDenied"},
			"a bucket that is not there":    {"/object/nothing/x", s.mine, "x", nil, "404", "NoSuchBucket"},
			"a type that is not allowed":    {base + "x", s.mine, "x", []string{"Content-Type", "text/html"}, "415", "InvalidMimeType"},
			"no type where some are":        {base + "x", s.mine, "x", nil, "415", "InvalidMimeType"},
			"a type that is none":           {base + "x", s.mine, "x", []string{"Content-Type", "nonsense"}, "415", "InvalidMimeType"},
			"a file that is too large":      {base + "x", s.mine, "12345678901", []string{"Content-Type", "text/plain"}, "413", "EntityTooLarge"},
			"one whose size is not told":    {base + "x", s.mine, io.MultiReader(strings.NewReader("12345678901")), []string{"Content-Type", "text/plain"}, "413", "EntityTooLarge"},
			"a form's file too":             {base + "x", s.mine, largeFile, []string{"Content-Type", largeFileKind}, "413", "EntityTooLarge"},
			"a form's type too":             {base + "x", s.mine, html, []string{"Content-Type", htmlKind}, "415", "InvalidMimeType"},
			"metadata that is no base64":    {base + "x", s.mine, "x", []string{"Content-Type", "text/plain", "X-Metadata", "{}"}, "400", "InvalidParameter"},
			"metadata that is no object":    {base + "x", s.mine, "x", []string{"Content-Type", "text/plain", "X-Metadata", "WzFd"}, "400", "InvalidRequest"},
			"a form's metadata":             {base + "x", s.mine, badMetadata, []string{"Content-Type", badKind}, "400", "InvalidRequest"},
			"a form's control":              {base + "x", s.mine, badCache, []string{"Content-Type", badCacheKind}, "400", "InvalidRequest"},
			"a form's long field":           {base + "x", s.mine, largeField, []string{"Content-Type", largeFieldKind}, "400", "InvalidParameter"},
			"a form of many fields":         {base + "x", s.mine, tooMany, []string{"Content-Type", manyKind}, "400", "InvalidParameter"},
			"a form of two files":           {base + "x", s.mine, twoFiles, []string{"Content-Type", twoKind}, "400", "InvalidParameter"},
			"a form's metadata, late":       {base + "x", s.mine, lateMetadata, []string{"Content-Type", lateKind}, "400", "InvalidRequest"},
			"a form without a file":         {base + "x", s.mine, noFile, []string{"Content-Type", noFileKind}, "400", "InvalidRequest"},
			"a form without a boundary":     {base + "x", s.mine, whole, []string{"Content-Type", "multipart/form-data"}, "400", "InvalidParameter"},
			"a form that ends in its head":  {base + "x", s.mine, whole[:90], []string{"Content-Type", wholeKind}, "400", "InvalidRequest"},
			"a form that is none":           {base + "x", s.mine, "nothing", []string{"Content-Type", wholeKind}, "400", "InvalidRequest"},
			"a parent":                      {"/object/private/" + s.folder + "..%2Fx", s.mine, "x", nil, "400", "InvalidKey"},
			"a parent, in other folders":    {"/object/private/%2E%2E/x", s.mine, "x", nil, "400", "InvalidKey"},
			"a backslash":                   {base + "a%5Cb", s.mine, "x", nil, "400", "InvalidKey"},
			"double slashes":                {base + "/x", s.mine, "x", nil, "400", "InvalidKey"},
			"double slashes, escaped":       {base + "%2Fx", s.mine, "x", nil, "400", "InvalidKey"},
			"a final slash":                 {base, s.mine, "x", nil, "400", "InvalidKey"},
			"no name":                       {"/object/private/", s.mine, "x", nil, "400", "InvalidKey"},
			"a zero character":              {base + "a%00b", s.mine, "x", nil, "400", "InvalidKey"},
			"a new line":                    {base + "a%0Ab", s.mine, "x", nil, "400", "InvalidKey"},
			"what is no UTF-8":              {base + "a%FF", s.mine, "x", nil, "400", "InvalidKey"},
			"a very long name":              {base + strings.Repeat("a", 1024), s.mine, "x", nil, "400", "InvalidKey"},
			"a bucket with an escape":       {"/object/private%2F" + s.folder + "x/y", s.mine, "x", nil, "400", "InvalidBucketName"},
			"a bucket of another directory": {"/object/%2E%2E/x", s.mine, "x", nil, "400", "InvalidBucketName"},
		} {
			a := s.Call("POST", c.path, c.bearer, c.body, c.headers...)
			require.Equal(t, 400, a.Status, name+a.Text)
			require.Equal(t, c.status, a.Str("statusCode"), name+a.Text)
			require.Equal(t, c.code, a.Str("code"), name+a.Text)
		}
		require.Equal(t, "[]", s.Call("POST", "/object/list/private", storagetest.Secret, `{"prefix":""}`).Text, "nothing is there")
		require.Empty(t, s.StoredKeys(), "nor are bytes of what was refused")
	})
}

// broken is a body that ends in the middle.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestAnInterruptedUploadLeavesNothing(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/object/private/"+s.folder+"x", broken{strings.NewReader("half")})
		r.ContentLength = 8
		r.Header.Set("Content-Type", "text/plain")
		a := s.Do(r, s.mine)
		refuses(t, a, 499, "499", "IncompleteBody")
		half, kind := form(t, blobPart("image/png", "1234567"))
		refuses(t, s.Call("POST", "/object/private/"+s.folder+"x", s.mine, half[:len(half)-20], "Content-Type", kind), 499, "499", "IncompleteBody")
		refuses(t, s.Call("GET", "/object/private/"+s.folder+"x", s.mine, nil), 400, "404", "NoSuchKey")
		require.Empty(t, s.StoredKeys())
	})
}

func TestConditionalUploads(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		path := "/object/private/" + s.folder + "x"
		ok(t, s.Call("PUT", path, s.mine, "1", "If-None-Match", "*"))
		refuses(t, s.Call("PUT", path, s.mine, "2", "If-None-Match", "*"), 412, "412", "PreconditionFailed")
		etag := s.Call("GET", path, s.mine, nil).Header.Get("ETag")
		ok(t, s.Call("PUT", path, s.mine, "3", "If-Match", etag))
		refuses(t, s.Call("PUT", path, s.mine, "4", "If-Match", etag), 412, "412", "PreconditionFailed")
		require.Equal(t, "3", s.Read("private", s.folder+"x"))
	})
}

func TestATriggersWordsAreTold(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		s.Owner(`create function {public}.no_cats() returns trigger language plpgsql as $$ begin
			if new.name like '%cat%' then raise exception 'No cats, please.'; end if; return new; end $$`)
		s.Owner(`create trigger no_cats before insert on {storage}.objects for each row execute function {public}.no_cats()`)
		refuses(t, s.Call("POST", "/object/private/"+s.folder+"cat.png", s.mine, "x"), 400, "400", "DatabaseError", "No cats, please.")
		ok(t, s.Call("POST", "/object/private/"+s.folder+"dog.png", s.mine, "x"))
		s.Owner(`create policy broken on {storage}.objects for insert with check (1 / 0 = 1)`)
		a := s.Call("POST", "/object/public/x", s.mine, "x")
		refuses(t, a, 400, "400", "InvalidParameter", "division by zero")
	})
}

func TestWritersAtOnceLeaveOneWholeFile(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		path := "/object/private/" + s.folder + "x"
		whole := map[string]bool{}
		contents := make([]string, 12)
		for i := range contents {
			contents[i] = strings.Repeat(string(rune('a'+i)), 10_000+i)
			whole[contents[i]] = true
		}
		ok(t, s.Call("POST", path, s.mine, contents[0]))
		var all sync.WaitGroup
		for _, content := range contents {
			all.Go(func() {
				if a := s.Call("PUT", path, s.mine, content); a.Status != 200 {
					t.Errorf("PUT: %s", a.Text)
				}
			})
			all.Go(func() {
				a := s.Call("GET", path, s.mine, nil)
				if sum := md5.Sum([]byte(a.Text)); a.Status != 200 || !whole[a.Text] || a.Header.Get("ETag") != fmt.Sprintf(`"%x"`, sum) {
					t.Errorf("GET: %d %.40q %s", a.Status, a.Text, a.Header.Get("ETag"))
				}
			})
		}
		all.Wait()
		require.Len(t, rows(t, s.Call("POST", "/object/list/private", s.mine, `{"prefix":"`+s.me+`"}`)), 1)
		require.Equal(t, 1, strings.Count(s.Call("POST", "/object/list-v2/private", s.mine, `{}`).Text, `"id"`))
		same := s.Call("GET", path, s.mine, nil)
		info := s.Call("GET", strings.Replace(path, "/object/", "/object/info/", 1), s.mine, nil)
		require.InDelta(t, len(same.Text), info.Body["size"], 0)
	})
}
