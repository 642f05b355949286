//go:build vips

package render_test

import (
	"bytes"
	"image"
	_ "image/jpeg" // decodes
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/imaging"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/imagingtest"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/render"
	"github.com/wayli-app/fluxbase/dataplane/storage/sign"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// scene is a project with a public and a private bucket, in whose folders users do as they like with what is theirs.
type scene struct {
	*storagetest.Bundle
	mine, other, folder string
	svg                 string
}

const chrome = "image/avif,image/webp,image/apng,image/*,*/*;q=0.8"

func setup(t *testing.T, b *storagetest.Bundle, program string) *scene {
	t.Helper()
	pool := imaging.NewPool(imaging.PoolDeps{Program: program, Workers: 2, Memory: 512 << 20, Timeout: 20 * time.Second, TempDir: t.TempDir(), Log: testkit.Logger(t)})
	images, err := imaging.New(imaging.Deps{Pool: pool, Objects: b.Objects, Bytes: b.Blobs, Log: testkit.Logger(t)})
	require.NoError(t, err)
	t.Cleanup(func() { images.Close(t.Context()) })
	rt := protocol.NewRouter(testkit.Logger(t))
	render.New(render.Deps{Objects: b.Objects, Images: images}).Routes(rt)
	b.Handler = rt
	b.Bucket("public", true)
	b.Bucket("private", false)
	b.OwnFolders("private")
	s := &scene{Bundle: b, svg: `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`}
	me, mine := b.User()
	s.mine, s.folder = mine, me+"/"
	_, s.other = b.User()
	photo := imagingtest.JPEG(t, imagingtest.Halves(200, 100))
	for bucket, name := range map[string]string{"public": "folder/a b.jpg", "private": s.folder + "a.jpg"} {
		s.put(t, bucket, name, "image/jpeg", photo)
	}
	s.put(t, "public", "logo.svg", "image/svg+xml", []byte(s.svg))
	s.put(t, "public", "page.jpg", "image/jpeg", []byte("<!doctype html><script>alert(1)</script>"))
	s.put(t, "public", "photo.html", "text/html", photo)
	s.put(t, "public", "svg in disguise.jpg", "image/jpeg", []byte(s.svg))
	s.put(t, "public", "bomb.png", "image/png", imagingtest.PNGOf(60000, 60000, nil, imagingtest.Deflate(make([]byte, 1<<20))))
	return s
}

func (s *scene) put(t *testing.T, bucket, name, mime string, content []byte) {
	t.Helper()
	_, err := s.Objects.Upload(t.Context(), s.Service(), object.Target{
		Bucket: bucket, Name: name, Size: int64(len(content)), MimeType: mime, CacheControl: "max-age=3600", Upsert: true}, bytes.NewReader(content))
	require.NoError(t, err)
}

func both(t *testing.T, test func(t *testing.T, s *scene)) {
	t.Helper()
	program := imagingtest.Program(t)
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) { test(t, setup(t, b, program)) })
}

func (s *scene) signed(t *testing.T, bucket, name, transform string, lasts time.Duration) string {
	t.Helper()
	grant := sign.Grant{Use: sign.Render, Bucket: bucket, Name: name, Transform: transform, Expires: time.Now().Add(lasts)}
	token, err := sign.Token(s.Project, grant, time.Now())
	require.NoError(t, err)
	return token
}

func size(t *testing.T, a storagetest.Answer) image.Point {
	t.Helper()
	config, _, err := image.DecodeConfig(strings.NewReader(a.Text))
	require.NoError(t, err)
	return image.Pt(config.Width, config.Height)
}

func TestRoutes(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		signed := func(bucket, name, transform string, lasts time.Duration) string {
			return "/render/image/sign/" + bucket + "/" + name + "?token=" + s.signed(t, bucket, name, transform, lasts)
		}
		const public = "/render/image/public/public/folder/a%20b.jpg"
		private := "/render/image/authenticated/private/" + s.folder + "a.jpg"
		cases := []struct {
			name, path, as, accept string
			status                 int
			mime, says, code       string
			size                   image.Point
		}{
			{name: "a public image is resized for anybody", path: public + "?width=50&height=50", status: 200, mime: "image/jpeg", size: image.Pt(50, 50)},
			{name: "cover is the rule", path: public + "?width=50", status: 200, mime: "image/jpeg", size: image.Pt(50, 100)},
			{name: "contain keeps the ratio", path: public + "?width=50&resize=contain", status: 200, mime: "image/jpeg", size: image.Pt(50, 25)},
			{name: "a size over the limit is taken down to it", path: public + "?width=99999&height=10", status: 200, mime: "image/jpeg", size: image.Pt(200, 10)},
			{name: "a size of 0 is none", path: public + "?width=0&height=0", status: 200, mime: "image/jpeg", size: image.Pt(200, 100)},
			{name: "WebP is given to who shows it", path: public + "?width=50", accept: chrome, status: 200, mime: "image/webp"},
			{name: "origin keeps the format", path: public + "?width=50&format=origin", accept: chrome, status: 200, mime: "image/jpeg"},
			{name: "AVIF is given to who asks for it", path: public + "?width=50&format=avif", status: 200, mime: "image/avif"},
			{name: "WebP is given to who asks for it", path: public + "?width=50&format=webp", status: 200, mime: "image/webp"},
			{name: "what an image is decides, not its type", path: "/render/image/public/public/photo.html?width=50", status: 200, mime: "image/jpeg"},
			{name: "SVG is left as it is", path: "/render/image/public/public/logo.svg?width=50", accept: chrome, status: 200, mime: "image/svg+xml"},
			{name: "the owner's image is resized for its owner", path: private + "?width=20&height=10", as: s.mine, status: 200, mime: "image/jpeg", size: image.Pt(20, 10)},
			{name: "a signed image is for who has the address", path: signed("private", s.folder+"a.jpg", "width:30,height:30,resize:fill", time.Hour), status: 200, mime: "image/jpeg", size: image.Pt(30, 30)},
			{name: "the query cannot change what was signed", path: signed("private", s.folder+"a.jpg", "width:30,height:30", time.Hour) + "&width=150&height=99&resize=fill&quality=1&format=avif", status: 200, mime: "image/jpeg", size: image.Pt(30, 30)},

			{name: "somebody else's image is not there", path: private + "?width=20", as: s.other, status: 400, code: "NoSuchKey"},
			{name: "a private image is not there for nobody", path: private + "?width=20", status: 400, code: "NoSuchKey"},
			{name: "a private image is not public", path: "/render/image/public/private/" + s.folder + "a.jpg", as: s.mine, status: 400, code: "NoSuchKey"},
			{name: "a missing image is missing", path: "/render/image/public/public/nothing.jpg", status: 400, code: "NoSuchKey"},
			{name: "a path upwards is refused", path: "/render/image/public/public/folder/%2e%2e/a.jpg", status: 400, code: "InvalidKey"},
			{name: "an escaped slash leads nowhere else", path: "/render/image/public/public/..%2fprivate%2f" + s.folder + "a.jpg", status: 400, code: "InvalidKey"},
			{name: "a width that is no number", path: public + "?width=wide", status: 400, code: "InvalidRequest", says: "querystring/width must be integer"},
			{name: "a width below nought", path: public + "?width=-1", status: 400, code: "InvalidRequest", says: "querystring/width must be >= 0"},
			{name: "a width beyond all numbers", path: public + "?width=99999999999999999999", status: 400, code: "InvalidRequest", says: "must be integer"},
			{name: "a quality too low", path: public + "?quality=19", status: 400, code: "InvalidRequest", says: "querystring/quality must be >= 20"},
			{name: "a quality too high", path: public + "?quality=101", status: 400, code: "InvalidRequest", says: "querystring/quality must be <= 100"},
			{name: "a resize that is none", path: public + "?resize=crop", status: 400, code: "InvalidRequest", says: "cover, contain, fill"},
			{name: "a format that is none", path: public + "?format=svg", status: 400, code: "InvalidRequest", says: "origin, webp, avif"},
			{name: "HTML is no image, whatever its type", path: "/render/image/public/public/page.jpg?width=50", status: 400, code: "InvalidRequest", says: "invalid or unsupported"},
			{name: "SVG is not drawn, whatever its type", path: "/render/image/public/public/svg%20in%20disguise.jpg?width=50", status: 400, code: "InvalidRequest", says: "invalid or unsupported"},
			{name: "a bomb is refused", path: "/render/image/public/public/bomb.png?width=50", status: 400, code: "InvalidRequest", says: "resolution is too large"},
			{name: "a signed address needs its token", path: "/render/image/sign/private/" + s.folder + "a.jpg", as: s.mine, status: 400, code: "MissingParameter"},
			{name: "a token of nonsense", path: "/render/image/sign/private/" + s.folder + "a.jpg?token=e30.e30.e30", status: 400, code: "InvalidJWT"},
			{name: "a token that was changed", path: signed("private", s.folder+"a.jpg", "width:30", time.Hour) + "x", status: 400, code: "InvalidJWT"},
			{name: "a token that has expired", path: signed("private", s.folder+"a.jpg", "width:30", -time.Second), status: 400, code: "InvalidJWT"},
			{name: "a token of another image", path: strings.Replace(signed("private", s.folder+"a.jpg", "width:30", time.Hour), "a.jpg?", "b.jpg?", 1), status: 400, code: "InvalidSignature"},
			{name: "a user's token opens no signed address", path: "/render/image/sign/private/" + s.folder + "a.jpg?token=" + s.mine, status: 400, code: "InvalidJWT"},
			{name: "other methods are none", path: public, as: "POST", status: 405, code: "MethodNotAllowed"},
		}
		for _, c := range cases {
			method, as := http.MethodGet, c.as
			if as == "POST" {
				method, as = as, ""
			}
			a := s.Call(method, c.path, as, nil, "Accept", c.accept)
			require.Equal(t, c.status, a.Status, "%s: %s", c.name, a.Text)
			if c.status != 200 {
				require.Equal(t, c.code, a.Str("code"), "%s: %s", c.name, a.Text)
				require.Contains(t, a.Str("message"), c.says, c.name)
				require.Equal(t, "no-store", a.Header.Get("Cache-Control"), c.name)
				require.Empty(t, a.Header.Get("ETag"), c.name)
				continue
			}
			require.Equal(t, c.mime, a.Header.Get("Content-Type"), c.name)
			if c.size != image.Pt(0, 0) {
				require.Equal(t, c.size, size(t, a), c.name)
			}
		}
	})
}

func TestAnswersCanBeKept(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		const path = "/render/image/public/public/folder/a%20b.jpg?width=50"
		first := s.Call(http.MethodGet, path, "", nil, "Accept", chrome)
		require.Equal(t, http.StatusOK, first.Status)
		etag := first.Header.Get("ETag")
		require.NotEmpty(t, etag)
		require.Equal(t, "max-age=3600", first.Header.Get("Cache-Control"))
		require.Equal(t, "Accept", first.Header.Get("Vary"))
		require.Equal(t, "width:50", first.Header.Get("X-Transformations"))
		require.NotEmpty(t, first.Header.Get("Last-Modified"))

		again := s.Call(http.MethodGet, path, "", nil, "Accept", chrome, "If-None-Match", etag)
		require.Equal(t, http.StatusNotModified, again.Status)
		require.Empty(t, again.Text)
		require.Equal(t, etag, again.Header.Get("ETag"))
		plain := s.Call(http.MethodGet, path, "", nil, "If-None-Match", etag)
		require.Equal(t, http.StatusOK, plain.Status, "another format is another image")
		require.NotEqual(t, etag, plain.Header.Get("ETag"))
		origin := s.Call(http.MethodGet, path+"&format=origin", "", nil)
		require.Empty(t, origin.Header.Get("Vary"))
		require.Equal(t, plain.Text, origin.Text)

		head := s.Call(http.MethodHead, path, "", nil, "Accept", chrome)
		require.Equal(t, http.StatusOK, head.Status)
		require.Empty(t, head.Text)
		require.Equal(t, first.Header.Get("Content-Length"), head.Header.Get("Content-Length"))
		part := s.Call(http.MethodGet, path, "", nil, "Accept", chrome, "Range", "bytes=2-9")
		require.Equal(t, http.StatusPartialContent, part.Status)
		require.Equal(t, first.Text[2:10], part.Text)

		download := s.Call(http.MethodGet, path+"&download="+url.QueryEscape(`bilder "ö".jpg`), "", nil)
		require.Equal(t, `attachment; filename="bilder ___.jpg"; filename*=UTF-8''bilder%20%22%C3%B6%22.jpg`, strings.ReplaceAll(download.Header.Get("Content-Disposition"), "____", "___"))
		require.Equal(t, http.StatusBadRequest, s.Call(http.MethodGet, path+"&download="+strings.Repeat("x", 2000), "", nil).Status)

		own := s.Call(http.MethodGet, "/render/image/authenticated/private/"+s.folder+"a.jpg?width=50", s.mine, nil)
		require.Equal(t, "private, max-age=3600", own.Header.Get("Cache-Control"))
		token := s.signed(t, "private", s.folder+"a.jpg", "", time.Minute)
		signed := s.Call(http.MethodGet, "/render/image/sign/private/"+s.folder+"a.jpg?token="+token, "", nil)
		require.Equal(t, http.StatusOK, signed.Status, signed.Text)
		require.Regexp(t, `^private, max-age=(60|5\d)$`, signed.Header.Get("Cache-Control"), "no longer than the address")
		require.NotEmpty(t, signed.Header.Get("Expires"))
	})
}

func TestAVIFIsGivenWhereTheBucketSaysSo(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		s.Owner("update {storage}.buckets set avif_autodetection = true where id = 'public'")
		const path = "/render/image/public/public/folder/a%20b.jpg?width=50"
		require.Equal(t, "image/avif", s.Call(http.MethodGet, path, "", nil, "Accept", chrome).Header.Get("Content-Type"))
		require.Equal(t, "image/webp", s.Call(http.MethodGet, path, "", nil, "Accept", "image/avif;q=0, image/webp").Header.Get("Content-Type"))
		require.Equal(t, "image/jpeg", s.Call(http.MethodGet, path, "", nil, "Accept", "*/*").Header.Get("Content-Type"))
	})
}

func TestImagesThatAreOffOrImpossibleAreSaidToBe(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		const path = "/render/image/public/public/folder/a%20b.jpg?width=50"
		without := setup(t, storagetest.New(t, s.Project.Shared), filepath.Join(t.TempDir(), "none"))
		a := without.Call(http.MethodGet, path, "", nil)
		require.Equal(t, http.StatusNotImplemented, a.Status, a.Text)
		require.Contains(t, a.Str("message"), "libvips")
		off := s.With(map[string]string{"storage.image_transformations_enabled": "false"})
		for _, name := range []string{path, "/render/image/public/public/logo.svg"} {
			a = off.Call(http.MethodGet, name, "", nil)
			require.Equal(t, "FeatureNotEnabled", a.Str("code"), a.Text)
			require.Contains(t, a.Str("message"), "storage.image_transformations_enabled")
		}
	})
}

func TestAskedForIsSignedAndReadBack(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]job.Asked{
		"":                               {},
		"width:50":                       {Width: 50},
		"width:50,height:60,resize:fill": {Width: 50, Height: 60, Resize: job.Fill},
		"quality:30,format:origin":       {Quality: 30, Format: job.Origin},
	} {
		got, err := job.Parse(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, text, got.String())
	}
	_, err := job.Parse("width:-5")
	require.Error(t, err)
}
