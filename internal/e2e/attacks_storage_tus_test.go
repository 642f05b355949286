package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tus is a request of TUS's.
func tus(r request, method, path, body string, headers ...string) request {
	r.method, r.path, r.body, r.kind = method, path, body, "application/offset+octet-stream"
	r.headers = append([]string{"Tus-Resumable: 1.0.0"}, headers...)
	return r
}

// begin begins an upload and returns its path.
func (s *fileScene) begin(t *testing.T, as request, name string, headers ...string) string {
	t.Helper()
	got := s.done(t, tus(as, "POST", "/storage/v1/upload/resumable", "", append([]string{"x-upsert: true", "Upload-Metadata: bucketName " + b64("vault") + ",objectName " + b64(s.names(name))}, headers...)...))
	location := got.header.Get("Location")
	require.NotEmpty(t, location)
	return "/storage/v1/upload/resumable/" + location[strings.LastIndexByte(location, '/')+1:]
}

// tusFileAttacks are against uploads under way.
func tusFileAttacks() []fileAttack {
	return []fileAttack{
		{"TUS: another's upload by its address: ask, go on, give up", func(t *testing.T, s *fileScene) string {
			path := s.begin(t, s.asVic(request{}), "{V}/under-way.txt", "Upload-Length: 10")
			signed := strings.Replace(path, "/resumable/", "/resumable/sign/", 1)
			token := s.uploadToken(t, s.asMal(request{}), "vault/{M}/sign.txt")
			for _, r := range []request{
				tus(s.asMal(request{}), "HEAD", path, ""), tus(s.asMal(request{}), "PATCH", path, "planted...", "Upload-Offset: 0"), tus(s.asMal(request{}), "DELETE", path, ""),
				tus(s.asMal(request{}), "POST", path, "planted...", "Upload-Offset: 0", "X-HTTP-Method-Override: PATCH"), tus(s.asMal(request{}), "POST", path, "", "X-HTTP-Method-Override: DELETE"),
				tus(s.asAnon(request{}), "HEAD", path, ""), tus(s.asAnon(request{}), "DELETE", path, ""),
				tus(request{host: s.hostOf(s.victim)}, "PATCH", signed, "planted...", "Upload-Offset: 0", "x-signature: "+token),
				tus(request{host: s.hostOf(s.victim)}, "DELETE", signed, "", "x-signature: "+token),
				tus(request{key: s.attacker.secret}, "HEAD", path, ""), tus(request{key: s.attacker.secret}, "DELETE", path, ""),
			} {
				got := s.request(t, r)
				require.Contains(t, []int{400, 404}, got.status, "%s %s: %s", r.method, r.path, got.body)
			}
			got := s.done(t, tus(s.asVic(request{}), "HEAD", path, ""))
			require.Equal(t, "0", got.header.Get("Upload-Offset"))
			s.done(t, tus(s.asVic(request{}), "DELETE", path, ""))
			return "404"
		}},
		{"TUS: offsets that lie", func(t *testing.T, s *fileScene) string {
			path := s.begin(t, s.asMal(request{}), "{M}/offsets.txt", "Upload-Length: 10")
			s.done(t, tus(s.asMal(request{}), "PATCH", path, "01234", "Upload-Offset: 0"))
			for _, offset := range []string{"0", "4", "6", "10", "11", "-1", "99999999999999999999", "0x5", "5.0", "", "5 "} {
				got := s.request(t, tus(s.asMal(request{}), "PATCH", path, "xxxxx", "Upload-Offset: "+offset))
				if strings.TrimSpace(offset) != "5" {
					require.Contains(t, []int{400, 409, 413}, got.status, "%q: %s", offset, got.body)
				}
			}
			return "409"
		}},
		{"TUS: more than was announced", func(t *testing.T, s *fileScene) string {
			path := s.begin(t, s.asMal(request{}), "{M}/more.txt", "Upload-Length: 4")
			got := s.refused(t, tus(s.asMal(request{}), "PATCH", path, "more than four", "Upload-Offset: 0"), 400, 413)
			require.Equal(t, "0", s.done(t, tus(s.asMal(request{}), "HEAD", path, "")).header.Get("Upload-Offset"))
			return got
		}},
		{"TUS: writers at once, of one upload", func(t *testing.T, s *fileScene) string {
			path := s.begin(t, s.asMal(request{}), "{M}/race.txt", "Upload-Length: 50000")
			var wait sync.WaitGroup
			statuses := make(chan int, 8)
			for i := range 8 {
				wait.Go(func() {
					statuses <- s.request(t, tus(s.asMal(request{}), "PATCH", path, strings.Repeat(string(rune('a'+i)), 50_000), "Upload-Offset: 0")).status
				})
			}
			wait.Wait()
			close(statuses)
			won := 0
			for status := range statuses {
				if status == http.StatusNoContent {
					won++
				}
			}
			require.LessOrEqual(t, won, 1)
			if won == 1 {
				got := s.done(t, s.asMal(request{path: "/storage/v1/object/vault/{M}/race.txt"})).body
				require.Equal(t, strings.Repeat(got[:1], 50_000), got, "a mixture")
			}
			return fmt.Sprint(won, " of 8")
		}},
	}
}

// tusSizeAttacks are about lengths, and parts that are joined.
func tusSizeAttacks() []fileAttack {
	return []fileAttack{
		{"TUS: lengths that are none", func(t *testing.T, s *fileScene) string {
			for _, length := range []string{"Upload-Length: -1", "Upload-Length: 9223372036854775808", "Upload-Length: 1e3", "Upload-Length: 0x10", "Upload-Defer-Length: 2", "Upload-Defer-Length: 1\r\nUpload-Length: 5", "X-None: 1"} {
				s.refused(t, tus(s.asMal(request{}), "POST", "/storage/v1/upload/resumable", "", length, "Upload-Metadata: bucketName "+b64("vault")+",objectName "+b64(s.names("{M}/lengths.txt"))), 400, 413)
			}
			return s.refused(t, tus(s.asMal(request{}), "POST", "/storage/v1/upload/resumable", "", "Upload-Length: 9223372036854775807", "Upload-Metadata: bucketName "+b64("vault")+",objectName "+b64(s.names("{M}/lengths.txt"))), 413)
		}},
		{"TUS: a length that is never told, beyond the limit", func(t *testing.T, s *fileScene) string {
			path := s.begin(t, s.asMal(request{}), "{M}/endless.bin", "Upload-Defer-Length: 1")
			piece, offset := strings.Repeat("x", 400_000), 0
			for {
				got := s.request(t, tus(s.asMal(request{}), "PATCH", path, piece, fmt.Sprint("Upload-Offset: ", offset)))
				if got.status != http.StatusNoContent {
					require.Contains(t, []int{400, 413}, got.status, got.body)
					break
				}
				offset += len(piece)
				require.LessOrEqual(t, offset, mostOfVictim)
			}
			s.refused(t, tus(s.asMal(request{}), "PATCH", path, "", fmt.Sprint("Upload-Offset: ", offset), "Upload-Length: 99999999999"), 400, 413, 415)
			return "413"
		}},
		{"TUS: join the parts of another", func(t *testing.T, s *fileScene) string {
			part := s.begin(t, s.asVic(request{}), "{V}/part.txt", "Upload-Length: 5", "Upload-Concat: partial")
			s.done(t, tus(s.asVic(request{}), "PATCH", part, "parts", "Upload-Offset: 0"))
			join := func(of string) string {
				return s.refused(t, tus(s.asMal(request{}), "POST", "/storage/v1/upload/resumable", "", "Upload-Concat: final;"+of, "Upload-Metadata: bucketName "+b64("vault")+",objectName "+b64(s.names("{M}/joined.txt"))), 400, 404)
			}
			join("http://" + s.hostOf(s.victim) + part)
			s.done(t, tus(s.asVic(request{}), "DELETE", part, ""))
			return join(part)
		}},
		{"TUS: join what is elsewhere", func(t *testing.T, s *fileScene) string {
			var last string
			for _, of := range []string{"http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "/storage/v1/upload/resumable/../../object/vault/{V}/secret.txt", "../{V}/secret.txt", "", "%00", strings.Repeat("/a", 5000)} {
				last = s.refused(t, tus(s.asMal(request{}), "POST", "/storage/v1/upload/resumable", "", "Upload-Concat: final;"+of, "Upload-Metadata: bucketName "+b64("vault")+",objectName "+b64(s.names("{M}/joined.txt"))), 400, 404)
			}
			return last
		}},
		{"TUS: parts that are small each, and together too large", func(t *testing.T, s *fileScene) string {
			var parts []string
			for range 3 {
				part := s.begin(t, s.asMal(request{}), "{M}/sum.bin", "Upload-Length: 400000", "Upload-Concat: partial")
				s.done(t, tus(s.asMal(request{}), "PATCH", part, strings.Repeat("x", 400_000), "Upload-Offset: 0"))
				parts = append(parts, part)
			}
			return s.refused(t, tus(s.asMal(request{}), "POST", "/storage/v1/upload/resumable", "", "Upload-Concat: final;"+strings.Join(parts, " "), "Upload-Metadata: bucketName "+b64("vault")+",objectName "+b64(s.names("{M}/sum.bin"))), 400, 413)
		}},
	}
}

// tusNameAttacks are about names, checksums and locks.
func tusNameAttacks() []fileAttack {
	return []fileAttack{
		{"TUS: metadata that names another's file, or two", func(t *testing.T, s *fileScene) string {
			b, name := b64("vault"), func(text string) string { return b64(s.names(text)) }
			for _, said := range []string{
				"bucketName " + b + ",objectName " + name("{V}/new.txt"), "bucketName " + b + ",objectName " + name("{M}/a") + ",objectName " + name("{V}/new.txt"),
				"bucketName " + b + ",objectName " + name("{M}/../{V}/new.txt"), "bucketName " + b64("vault/{V}/..") + ",objectName " + name("{V}/new.txt"), "bucketName " + b + ",objectName " + name("{M}/\x00"),
				"bucketName " + b + ",objectName !!!!", "bucketName " + b + ",objectName " + b64("\xff\xfe"), "objectName " + name("{M}/a"), "bucketname " + b + ",objectname " + name("{M}/a"),
			} {
				s.refused(t, tus(s.asMal(request{}), "POST", "/storage/v1/upload/resumable", "", "Upload-Length: 5", "x-upsert: true", "Upload-Metadata: "+said), 400, 403)
			}
			return "400, 403"
		}},
		{"TUS: paths that climb", func(t *testing.T, s *fileScene) string {
			for _, path := range []string{"..%2fbucket", "../../object/vault/{V}/secret.txt", "%2e%2e/%2e%2e/object/vault/{V}/secret.txt", "a/b", "a%2Fb", "%00", strings.Repeat("a", 3000), "sign/..%2f.."} {
				for _, method := range []string{"HEAD", "PATCH", "DELETE"} {
					got := s.request(t, tus(s.asMal(request{}), method, "/storage/v1/upload/resumable/"+path, "", "Upload-Offset: 0"))
					require.Contains(t, []int{400, 401, 404, 405}, got.status, "%s %s", method, path)
				}
			}
			return "404"
		}},
		{"TUS: go on after the end, and with a wrong checksum", func(t *testing.T, s *fileScene) string {
			path := s.begin(t, s.asMal(request{}), "{M}/ended.txt", "Upload-Length: 5")
			s.refused(t, tus(s.asMal(request{}), "PATCH", path, "12345", "Upload-Offset: 0", "Upload-Checksum: sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA="), 460)
			s.refused(t, tus(s.asMal(request{}), "PATCH", path, "12345", "Upload-Offset: 0", "Upload-Checksum: crc32 AAAAAA=="), 400)
			s.done(t, tus(s.asMal(request{}), "PATCH", path, "12345", "Upload-Offset: 0"))
			got := s.request(t, tus(s.asMal(request{}), "PATCH", path, "67890", "Upload-Offset: 5"))
			require.GreaterOrEqual(t, got.status, 400)
			require.Equal(t, "12345", s.done(t, s.asMal(request{path: "/storage/v1/object/vault/{M}/ended.txt"})).body)
			return fmt.Sprint(got.status, " ", got.code())
		}},
		{"TUS: hold the lock of an upload", func(t *testing.T, s *fileScene) string {
			path := s.begin(t, s.asMal(request{}), "{M}/locked.txt", "Upload-Length: 100")
			conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.in.workers[0].url, "http://"), 5*time.Second)
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
			_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: %s\r\napikey: %s\r\nAuthorization: Bearer %s\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 100\r\n\r\nx",
				path, s.hostOf(s.victim), s.victim.publishable, s.malToken)
			require.NoError(t, err)
			began := time.Now()
			got := s.request(t, tus(s.asMal(request{}), "HEAD", path, "")) // it takes the lock over, or is told that there is one
			require.Contains(t, []int{200, 423}, got.status, got.body)
			require.Less(t, time.Since(began), 20*time.Second)
			for range 3 { // others are served meanwhile
				s.done(t, s.asVic(request{path: "/storage/v1/object/vault/{V}/secret.txt"}))
			}
			return fmt.Sprint(got.status)
		}},
	}
}
