package e2e

import (
	"bytes"
	"compress/zlib"
	big "encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var tinyPNG = func() string {
	var out bytes.Buffer
	_ = png.Encode(&out, image.NewRGBA(image.Rect(0, 0, 2, 2))) // to memory
	return out.String()
}()

// shown uploads Mal's own file into the public bucket, and reads it as a browser does, by host and by path.
func (s *fileScene) shown(t *testing.T, name, kind, content string, headers ...string) []answer {
	t.Helper()
	s.done(t, s.asMal(request{method: "POST", path: "/storage/v1/object/open/{M}/" + name, kind: kind, body: content, headers: append(headers, "x-upsert: true")}))
	return []answer{
		s.done(t, request{host: s.hostOf(s.victim), path: "/storage/v1/object/public/open/{M}/" + name}),
		s.done(t, request{host: "127.0.0.1", path: "/p/{B}/storage/v1/object/public/open/{M}/" + name}),
		s.done(t, request{host: s.hostOf(s.victim), path: "/api/v1/storage/public/open/{M}/" + name}),
		s.done(t, s.asMal(request{path: "/storage/v1/object/open/{M}/" + name})),
	}
}

// sandboxed requires that a browser runs nothing of an answer.
func sandboxed(t *testing.T, got answer) {
	t.Helper()
	require.Equal(t, []string{"nosniff"}, got.header.Values("X-Content-Type-Options"))
	policy := got.header.Get("Content-Security-Policy")
	require.Contains(t, policy, "sandbox", got.header)
	require.Contains(t, policy, "default-src 'none'")
	require.NotContains(t, policy, "allow-scripts")
	require.NotContains(t, policy, "allow-same-origin")
}

// browserFileAttacks have a browser run something that Mal uploaded.
func browserFileAttacks() []fileAttack {
	var all []fileAttack
	script := "<script>fetch('/auth/v1/user')</script>"
	kinds := map[string]string{
		"page.html": "text/html", "page.xhtml": "application/xhtml+xml", "pic.svg": "image/svg+xml", "feed.xml": "application/xml", "style.xsl": "text/xsl", "mail.eml": "message/rfc822",
		"page.mhtml": "multipart/related", "code.js": "text/javascript", "weird.bin": "application/x-unknown", "capitals.htm": "TEXT/HTML; charset=utf-8", "wasm.wasm": "application/wasm",
		"text.html": "text/plain", "json.html": "application/vnd.api+json",
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		kind := kinds[name]
		all = append(all, fileAttack{"open a file as a page: " + name + " of " + kind, func(t *testing.T, s *fileScene) string {
			for _, got := range s.shown(t, name, kind, script) {
				sandboxed(t, got)
			}
			return "sandboxed, nosniff"
		}})
	}
	return append(all,
		fileAttack{"have a browser guess: HTML that is uploaded as an image", func(t *testing.T, s *fileScene) string {
			for _, got := range s.shown(t, "guess.png", "image/png", script) {
				require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
				require.Equal(t, "image/png", got.header.Get("Content-Type"))
			}
			return "nosniff"
		}},
		fileAttack{"two types in one, or a type behind another's parameters", func(t *testing.T, s *fileScene) string {
			for _, kind := range []string{"image/png, text/html", "image/png;, text/html", "image/png; a=b, text/html", "image/png\ttext/html", "image/png; charset=\"a\", text/html", "application/pdf,text/html"} {
				got := s.request(t, s.asMal(request{method: "POST", path: "/storage/v1/object/open/{M}/two.png", kind: kind, body: script, headers: []string{"x-upsert: true"}}))
				if got.status == http.StatusOK {
					sandboxed(t, s.done(t, request{host: s.hostOf(s.victim), path: "/storage/v1/object/public/open/{M}/two.png"}))
				}
			}
			return "refused or sandboxed"
		}},
		fileAttack{"a type that a signed address of S3's asks for", func(t *testing.T, s *fileScene) string {
			s.done(t, s.asMal(request{method: "POST", path: "/storage/v1/object/open/{M}/asked.png", kind: "image/png", body: script, headers: []string{"x-upsert: true"}}))
			address := s.presigned(t, s.victim.ref, s.victim.anon, s.malToken, s.names("open/{M}/asked.png"), "response-content-type=text%2Fhtml&response-content-disposition=inline")
			status, header, body := s.fetch(t, http.MethodGet, address, nil)
			require.Equal(t, http.StatusOK, status, body)
			sandboxed(t, answer{header: header})
			return "sandboxed"
		}},
		fileAttack{"an image made of a script: SVG through the renderer", func(t *testing.T, s *fileScene) string {
			svg := `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9"><script>1</script><image xlink:href="http://169.254.169.254/"/><text>&x;</text></svg>`
			s.shown(t, "render.svg", "image/svg+xml", svg)
			got := s.request(t, request{host: s.hostOf(s.victim), path: "/storage/v1/render/image/public/open/{M}/render.svg?width=5"})
			require.NotContains(t, got.body, "root:")
			if got.status == http.StatusOK {
				sandboxed(t, got)
				return "as it is, sandboxed"
			}
			return fmt.Sprint(got.status, " ", got.code())
		}},
		fileAttack{"SVG that says it is an image of another type, through the renderer", func(t *testing.T, s *fileScene) string {
			s.shown(t, "lies.png", "image/png", `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>1</script></svg>`)
			return s.refused(t, request{host: s.hostOf(s.victim), path: "/storage/v1/render/image/public/open/{M}/lies.png?width=5"}, 400, 415, 422)
		}},
	)
}

// headerFileAttacks put lines into the headers of answers.
func headerFileAttacks() []fileAttack {
	clean := func(t *testing.T, got answer) {
		t.Helper()
		require.Empty(t, got.header.Values("Set-Cookie"))
		require.Empty(t, got.header.Values("X-Injected"))
		for name, values := range got.header {
			for _, value := range values {
				require.NotContains(t, value, "\r", name)
				require.NotContains(t, value, "\n", name)
			}
		}
	}
	field := func(name, value string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n--x\r\nContent-Disposition: form-data; name=\"\"; filename=\"a\"\r\nContent-Type: text/plain\r\n\r\nx\r\n--x--\r\n"
	}
	var all []fileAttack
	for _, c := range [][2]string{{"cacheControl", "3600\r\nSet-Cookie: x=1"}, {"contentType", "text/plain\r\nX-Injected: 1"}, {"cacheControl", "max-age=1\x00"}, {"contentType", "text/plain; a=\"\u2028\""}} {
		all = append(all, fileAttack{fmt.Sprintf("a form's %s %q", c[0], c[1]), func(t *testing.T, s *fileScene) string {
			got := s.request(t, s.asMal(request{method: "POST", path: "/storage/v1/object/open/{M}/header.txt", kind: "multipart/form-data; boundary=x", body: field(c[0], c[1]), headers: []string{"x-upsert: true"}}))
			if got.status == http.StatusOK {
				clean(t, s.done(t, request{host: s.hostOf(s.victim), path: "/storage/v1/object/public/open/{M}/header.txt"}))
				return "cleaned"
			}
			require.Equal(t, 400, got.status, got.body)
			return fmt.Sprint(got.status, " ", got.code())
		}})
	}
	for _, c := range [][2]string{{"contentType", "text/plain\r\nSet-Cookie: x=1"}, {"cacheControl", "1\nX-Injected: 1"}, {"metadata", "{\"a\\r\\nSet-Cookie\":\"x=1\"}"}} {
		all = append(all, fileAttack{fmt.Sprintf("TUS's %s %q", c[0], c[1]), func(t *testing.T, s *fileScene) string {
			got := s.request(t, s.asMal(request{method: "POST", path: "/storage/v1/upload/resumable", headers: []string{"Tus-Resumable: 1.0.0", "Upload-Length: 0", "x-upsert: true",
				"Upload-Metadata: bucketName " + b64("open") + ",objectName " + b64(s.names("{M}/tus-header.txt")) + "," + c[0] + " " + b64(c[1])}}))
			clean(t, got)
			if got.status == http.StatusCreated {
				clean(t, s.done(t, request{host: s.hostOf(s.victim), path: "/storage/v1/object/public/open/{M}/tus-header.txt"}))
				status, header, _ := s.signedS3(t, http.MethodHead, s.victim.ref, s.victim.anon, s.malToken, s.names("open/{M}/tus-header.txt"), nil)
				require.Equal(t, http.StatusOK, status)
				clean(t, answer{header: header})
				return "cleaned"
			}
			require.Contains(t, []int{400, 415}, got.status, got.body)
			return fmt.Sprint(got.status, " ", got.code())
		}})
	}
	for _, name := range []string{"a%0d%0aSet-Cookie:%20x=1", "a%22%3b%20filename=%22b.html", "%e2%80%aegnp.exe", "..%2f..%2fa", "a%00b", "%ff%fe"} {
		all = append(all, fileAttack{"download=" + name, func(t *testing.T, s *fileScene) string {
			s.shown(t, "named.txt", "text/plain", "x")
			got := s.request(t, request{host: s.hostOf(s.victim), path: "/storage/v1/object/public/open/{M}/named.txt?download=" + name})
			clean(t, got)
			if got.status != http.StatusOK {
				require.Equal(t, 400, got.status)
				return fmt.Sprint(got.status, " ", got.code())
			}
			disposition := got.header.Get("Content-Disposition")
			require.True(t, strings.HasPrefix(disposition, "attachment"), disposition)
			require.LessOrEqual(t, strings.Count(disposition, `"`), 2, disposition)
			for _, c := range disposition {
				require.True(t, c >= ' ' && c <= '~', disposition)
			}
			return "one attachment"
		}})
	}
	return append(all,
		fileAttack{"/api/v1's edit of a type", func(t *testing.T, s *fileScene) string {
			s.shown(t, "edit.txt", "text/plain", "x")
			for _, body := range []string{`{"mime_type":"text/plain\r\nX-Injected: 1"}`, `{"cache_control":"a\r\nX-Injected: 1"}`, `{"content_disposition":"inline\r\nX-Injected: 1"}`, `{"content_disposition":"inline; filename=\"\u000a\""}`} {
				s.refused(t, s.asMal(request{method: "PATCH", path: "/api/v1/storage/buckets/open/metadata/{M}/edit.txt", body: body}), 400, 415, 422)
			}
			return "refused"
		}},
		fileAttack{"a copy with other headers", func(t *testing.T, s *fileScene) string {
			s.shown(t, "edit.txt", "text/plain", "x")
			return s.refused(t, s.asMal(request{method: "POST", path: "/storage/v1/object/copy", headers: []string{"x-upsert: true"},
				body: `{"bucketId":"open","sourceKey":"{M}/edit.txt","destinationKey":"{M}/edit2.txt","metadata":{"cacheControl":"a\r\nX-Injected: 1","mimetype":"text/html\r\nX-Injected: 2"}}`}), 400)
		}},
	)
}

// rangeFileAttacks ask for parts that cost more than they should.
func rangeFileAttacks() []fileAttack {
	size := 4096
	var all []fileAttack
	asked := map[string]string{
		"a thousand": "bytes=" + strings.Repeat("0-4095,", 999) + "0-4095", "overlapping": "bytes=0-,1-,2-,3-,4-", "beyond numbers": "bytes=0-99999999999999999999999999",
		"from beyond numbers": "bytes=99999999999999999999999999-", "negative": "bytes=-0", "two signs": "bytes=--5", "backwards": "bytes=5-1", "of other units": "lines=1-2",
		"nothing": "bytes=", "a suffix beyond the file": "bytes=-99999999999999999999", "not numbers": "bytes=0x1-0x5", "with a sign": "bytes=+1-+5", "with letters": "bytes=1-5,a",
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		ranges := asked[name]
		all = append(all, fileAttack{"ranges: " + name, func(t *testing.T, s *fileScene) string {
			s.shown(t, "range.bin", "application/octet-stream", strings.Repeat("x", size))
			for _, path := range []string{"/storage/v1/object/public/open/{M}/range.bin", "/api/v1/storage/public/open/{M}/range.bin"} {
				got := s.request(t, request{host: s.hostOf(s.victim), path: path, headers: []string{"Range: " + ranges}})
				require.Contains(t, []int{200, 206, 416}, got.status, got.body)
				require.LessOrEqual(t, len(got.body), size)
				require.NotContains(t, got.header.Get("Content-Type"), "multipart")
			}
			return "at most the file, once"
		}})
	}
	return all
}

// pixels makes a PNG that says it has so many, in few bytes.
func pixels(width, height uint32) string {
	var out bytes.Buffer
	out.WriteString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, body []byte) {
		_ = big.Write(&out, big.BigEndian, uint32(len(body)))
		out.WriteString(kind)
		out.Write(body)
		_ = big.Write(&out, big.BigEndian, crc32.ChecksumIEEE(append([]byte(kind), body...)))
	}
	head := big.BigEndian.AppendUint32(big.BigEndian.AppendUint32(nil, width), height)
	chunk("IHDR", append(head, 1, 0, 0, 0, 0))
	var lines bytes.Buffer
	z := zlib.NewWriter(&lines)
	row := make([]byte, width/8+2)
	for range min(height, 4000) {
		_, _ = z.Write(row)
	}
	_ = z.Close()
	chunk("IDAT", lines.Bytes())
	chunk("IEND", nil)
	return out.String()
}

// bombFileAttacks are small and would be large.
func bombFileAttacks() []fileAttack {
	var all []fileAttack
	bombs := map[string][2]string{
		"60,000 by 60,000 points": {"image/png", pixels(60_000, 60_000)}, "two billion by one": {"image/png", pixels(1<<31-1, 1)}, "a broken end": {"image/png", tinyPNG[:len(tinyPNG)/2]},
		"no image": {"image/png", strings.Repeat("not an image ", 100)}, "a GIF without end": {"image/gif", "GIF89a\xff\xff\xff\xff\xf7\x00\x00" + strings.Repeat("\x00", 768) + "!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"},
		"a TIFF that points to itself": {"image/tiff", "II*\x00\x08\x00\x00\x00\x01\x00\x00\x01\x03\x00\x01\x00\x00\x00\xff\xff\x00\x00\x08\x00\x00\x00"},
		"an ImageMagick script":        {"image/png", "push graphic-context\nviewbox 0 0 1 1\nimage over 0,0 0,0 'url(http://169.254.169.254/)'\npop graphic-context\n"},
	}
	for _, name := range slices.Sorted(maps.Keys(bombs)) {
		c := bombs[name]
		all = append(all, fileAttack{"an image bomb: " + name, func(t *testing.T, s *fileScene) string {
			s.shown(t, "bomb.png", c[0], c[1])
			began := time.Now()
			outcome := s.refused(t, request{host: s.hostOf(s.victim), path: "/storage/v1/render/image/public/open/{M}/bomb.png?width=100&height=100"}, 400, 413, 415, 422)
			require.Less(t, time.Since(began), 25*time.Second)
			s.shown(t, "fine.png", "image/png", tinyPNG)
			s.done(t, request{host: s.hostOf(s.victim), path: "/storage/v1/render/image/public/open/{M}/fine.png?width=1"})
			return outcome
		}})
	}
	return append(all,
		fileAttack{"an image of more than 4,000 points of anything", func(t *testing.T, s *fileScene) string {
			s.shown(t, "fine.png", "image/png", tinyPNG)
			for _, query := range []string{"width=-1", "width=1e9", "width=99999999999999999999", "quality=1000", "resize=../../", "format=svg", "format=magick", "width=1%00"} {
				s.refused(t, request{host: s.hostOf(s.victim), path: "/storage/v1/render/image/public/open/{M}/fine.png?" + query}, 400)
			}
			got := s.done(t, request{host: s.hostOf(s.victim), path: "/storage/v1/render/image/public/open/{M}/fine.png?width=2000000000&height=2000000000&resize=fill&format=origin"})
			made, err := png.DecodeConfig(strings.NewReader(got.body))
			require.NoError(t, err)
			require.LessOrEqual(t, max(made.Width, made.Height), 4000)
			return fmt.Sprintf("refused, or made %d by %d", made.Width, made.Height)
		}},
		fileAttack{"a body that says it is compressed is kept as it is", func(t *testing.T, s *fileScene) string {
			for _, got := range s.shown(t, "gzip.bin", "application/octet-stream", "\x1f\x8bnot expanded", "Content-Encoding: gzip") {
				require.Equal(t, "\x1f\x8bnot expanded", got.body)
			}
			s.refused(t, s.asMal(request{method: "POST", path: "/storage/v1/object/list/vault", body: "\x1f\x8b\x08bomb", headers: []string{"Content-Encoding: gzip"}}), 400, 415)
			return "never expanded"
		}},
		fileAttack{"a ZIP that is larger than all its files", func(t *testing.T, s *fileScene) string {
			s.shown(t, "fine.png", "image/png", tinyPNG)
			names := strings.Repeat(`"{M}/fine.png",`, 20_000)
			return s.refused(t, s.asMal(request{method: "POST", path: "/api/v1/storage/buckets/open/archive", body: `{"names":[` + strings.TrimSuffix(names, ",") + `]}`}), 400, 413, 422)
		}},
		fileAttack{"JSON that is deep or long", func(t *testing.T, s *fileScene) string {
			s.refused(t, s.asMal(request{method: "POST", path: "/storage/v1/object/copy", body: strings.Repeat(`{"a":`, 100_000)}), 400)
			s.refused(t, s.asMal(request{method: "POST", path: "/storage/v1/object/vault/{M}/deep.txt", kind: "text/plain", body: "x", headers: []string{"x-metadata: " + b64(strings.Repeat("[", 30_000)), "x-upsert: true"}}), 400)
			return s.refused(t, s.asMal(request{method: "DELETE", path: "/storage/v1/object/vault", body: `{"prefixes":["` + strings.Repeat("a", 3<<20) + `"]}`}), 400, 413)
		}},
		fileAttack{"more than the project's size, by each way in", func(t *testing.T, s *fileScene) string {
			large := strings.Repeat("x", mostOfVictim+1)
			for _, r := range []request{
				{method: "POST", path: "/storage/v1/object/vault/{M}/large.bin", kind: "a/b", body: large},
				{method: "PUT", path: "/api/v1/storage/buckets/vault/objects/{M}/large.bin", kind: "a/b", body: large},
				{method: "POST", path: "/storage/v1/object/vault/{M}/large.bin", kind: "multipart/form-data; boundary=x", body: "--x\r\nContent-Disposition: form-data; name=\"\"; filename=\"a\"\r\n\r\n" + large + "\r\n--x--\r\n"},
				{method: "POST", path: "/storage/v1/upload/resumable", headers: []string{"Tus-Resumable: 1.0.0", fmt.Sprint("Upload-Length: ", len(large)), "Upload-Metadata: bucketName " + b64("vault") + ",objectName " + b64(s.names("{M}/large.bin"))}},
			} {
				s.refused(t, s.asMal(r), 400, 413)
			}
			return "413"
		}},
	)
}
