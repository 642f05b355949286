package resumable_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

const mb = 1 << 20

func TestUploadInChunks(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		workers := []*bundle{b, b.on(b.worker())}
		for name, sizes := range map[string][]int{
			"in one":                {3 * mb},
			"in bits":               {1, 2, 100, 70_000, 1, 300_000},
			"of the recommended":    {6 * mb, 6 * mb, 1 * mb},
			"a part and some":       {8 * mb, 1},
			"parts in one":          {17*mb + 5},
			"bits that make a part": {3 * mb, 3 * mb, 3 * mb},
			"exactly two parts":     {16 * mb},
			"large after small":     {1 * mb, 9 * mb},
		} {
			total := 0
			for _, n := range sizes {
				total += n
			}
			data := random(total)
			path := b.begun(name, total)
			offset := 0
			for i, n := range sizes {
				at := workers[i%2]
				require.Equal(t, offset, at.offset(path))
				require.Equal(t, offset+n, at.patched(path, offset, data[offset:offset+n]), name)
				offset += n
			}
			o := b.has(name, data)
			require.Equal(t, b.user, o.OwnerID)
			require.NotEmpty(t, o.Metadata.ETag)
			a := b.head(path)
			require.Equal(t, http.StatusOK, a.Status, "a client that missed the last answer is told")
			require.Equal(t, strconv.Itoa(total), a.Header.Get("Upload-Offset"))
			require.Equal(t, total, b.patched(path, total, nil), "nothing is left to do")
		}
		b.tidy(8)
	})
}

// A client of little chunks makes no great stir: what is kept of its upload is neither read nor written again for each of them.
func TestLittleChunks(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		data := random(6*mb + 100)
		path := b.begun("little", len(data))
		offset := 0
		for i := range 80 {
			n := 1 + i%3
			offset = b.patched(path, offset, data[offset:offset+n])
			require.LessOrEqual(t, len(b.StoredKeys()), 33)
		}
		offset = b.patched(path, offset, data[offset:6*mb])
		require.Empty(t, b.StoredKeys(), "they are a part now")
		offset = b.patched(path, offset, data[offset:offset+10])
		b.patched(path, offset, data[offset:])
		b.has("little", data)
		b.tidy(1)
	})
}

func TestNoBytesAtAll(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		path := b.begun("empty", 0)
		b.has("empty", nil)
		require.Zero(t, b.offset(path))
		b.path(b.Call("POST", root, b.token, []byte{}, "Tus-Resumable", "1.0.0", "Upload-Length", "0", "Content-Type", chunkType,
			"Upload-Metadata", metadata("bucketName", "files", "objectName", b.name("empty too"))))
		b.has("empty too", nil)
		b.tidy(2)
	})
}

func TestCreation(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		said := metadata("bucketName", "files", "objectName", b.name("a b/ü.json"), "contentType", "application/json", "cacheControl", "3600", "metadata", `{"for":"you"}`)
		a := b.Call("POST", root, b.token, nil, "Tus-Resumable", "1.0.0", "Upload-Length", "5", "Upload-Metadata", said)
		path := b.path(a)
		require.Equal(t, "1.0.0", a.Header.Get("Tus-Resumable"))
		require.Equal(t, b.clock.now().Add(24*60*60*1e9).UTC().Format(http.TimeFormat), a.Header.Get("Upload-Expires"))
		require.Regexp(t, `^/upload/resumable/[A-Za-z0-9_-]{43}$`, path)

		a = b.head(path)
		require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
		require.Equal(t, "5", a.Header.Get("Upload-Length"))
		require.NotEmpty(t, a.Header.Get("Upload-Expires"))
		require.ElementsMatch(t, strings.Split(said, ","), strings.Split(a.Header.Get("Upload-Metadata"), ","))
		require.Equal(t, 5, b.patched(path, 0, "{\"a\"}"))
		o := b.has("a b/ü.json", []byte("{\"a\"}"))
		require.Equal(t, "application/json", o.Metadata.MimeType)
		require.Equal(t, "max-age=3600", o.Metadata.CacheControl)
		var user map[string]string
		require.NoError(t, json.Unmarshal(o.UserMetadata, &user))
		require.Equal(t, map[string]string{"for": "you"}, user)

		require.Equal(t, http.StatusConflict, b.begin("a b/ü.json", 1).Status, "the name is taken")
		path = b.begun("a b/ü.json", 1, "x-upsert", "true")
		require.Equal(t, 1, b.patched(path, 0, "x"))
		b.has("a b/ü.json", []byte("x"))
	})
}

func TestCreationWithUpload(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		data := random(9 * mb)
		create := func(name string, length int, body any, headers ...string) storagetest.Answer {
			return b.Call("POST", root, b.token, body, append([]string{"Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(length), "Content-Type", chunkType,
				"Upload-Metadata", metadata("bucketName", "files", "objectName", b.name(name))}, headers...)...)
		}
		a := create("half", len(data), data[:5*mb])
		path := b.path(a)
		require.Equal(t, strconv.Itoa(5*mb), a.Header.Get("Upload-Offset"))
		require.Equal(t, len(data), b.patched(path, 5*mb, data[5*mb:]))
		b.has("half", data)
		b.path(create("whole", len(data), data))
		b.has("whole", data)

		require.Equal(t, http.StatusRequestEntityTooLarge, create("long", 10, data[:11]).Status)
		require.Equal(t, http.StatusRequestEntityTooLarge, create("long", 10, io.MultiReader(bytes.NewReader(data[:11]))).Status)
		require.Equal(t, 460, create("other", 10, data[:10], "Upload-Checksum", sha1Of(data[1:11])).Status)
		require.GreaterOrEqual(t, create("torn", len(data), torn{bytes.NewReader(data[:6*mb]), io.ErrUnexpectedEOF}).Status, 400)
		require.Equal(t, 2, storagetest.One[int](b.Bundle, "select count(*) from resumable_uploads"), "of uploads that nobody can know of, nothing stays")
		b.tidy(2)
	})
}

func TestLengthThatIsToldLater(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		create := func(name string) string {
			return b.path(b.Call("POST", root, b.token, nil, "Tus-Resumable", "1.0.0", "Upload-Defer-Length", "1",
				"Upload-Metadata", metadata("bucketName", "files", "objectName", b.name(name))))
		}
		data := random(10 * mb)
		path := create("later")
		require.Equal(t, 9*mb, b.patched(path, 0, data[:9*mb]))
		a := b.head(path)
		require.Equal(t, "1", a.Header.Get("Upload-Defer-Length"))
		require.Empty(t, a.Header.Get("Upload-Length"))
		require.Equal(t, http.StatusBadRequest, b.patch(path, 9*mb, []byte{}, "Upload-Length", "5").Status, "less than there is")
		require.Equal(t, http.StatusRequestEntityTooLarge, b.patch(path, 9*mb, data[9*mb:], "Upload-Length", strconv.Itoa(51*mb)).Status)
		require.Equal(t, 10*mb, b.patched(path, 9*mb, data[9*mb:], "Upload-Length", strconv.Itoa(10*mb)))
		b.has("later", data)

		path = create("told alone")
		require.Equal(t, 9*mb, b.patched(path, 0, data[:9*mb]))
		require.Equal(t, 9*mb, b.patched(path, 9*mb, []byte{}, "Upload-Length", strconv.Itoa(9*mb)))
		b.has("told alone", data[:9*mb])

		path = create("small, told alone")
		require.Equal(t, 9, b.patched(path, 0, data[:9]))
		require.Equal(t, 9, b.patched(path, 9, []byte{}, "Upload-Length", "9"))
		b.has("small, told alone", data[:9])

		path = create("nothing")
		require.Equal(t, 0, b.patched(path, 0, []byte{}, "Upload-Length", "0"))
		b.has("nothing", nil)

		path = create("endless")
		require.Equal(t, http.StatusRequestEntityTooLarge, b.patch(path, 0, random(51*mb)).Status)
		require.Equal(t, http.StatusRequestEntityTooLarge, b.patch(path, 0, io.MultiReader(bytes.NewReader(random(51*mb)))).Status, "nor in a body of unknown length")
		require.LessOrEqual(t, b.offset(path), 50*mb)
		require.Equal(t, http.StatusNoContent, b.terminate(path).Status)
		b.tidy(4)
	})
}

func TestChecksum(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		data := random(20 * mb)
		path := b.begun("sums", len(data))
		require.Equal(t, 10*mb, b.patched(path, 0, data[:10*mb], "Upload-Checksum", sha1Of(data[:10*mb])))
		a := b.patch(path, 10*mb, data[10*mb:], "Upload-Checksum", sha1Of(data[:10*mb]))
		require.Equal(t, 460, a.Status)
		require.Equal(t, "ChecksumMismatch", a.Str("code"))
		require.Equal(t, 10*mb, b.offset(path), "nothing of the chunk was kept")
		a = b.patch(path, 10*mb, torn{bytes.NewReader(data[10*mb : 19*mb]), io.ErrUnexpectedEOF}, "Upload-Checksum", sha1Of(data[10*mb:]))
		require.GreaterOrEqual(t, a.Status, 400)
		require.Equal(t, 10*mb, b.offset(path), "nor of one that broke off")
		for header, status := range map[string]int{
			"crc32 AAAAAA==": 400, "sha1": 400, "sha1 !": 400, "sha1 AAAA": 400, "": 204,
		} {
			require.Equal(t, status, b.patch(path, 10*mb, []byte{}, "Upload-Checksum", header).Status, header)
		}
		require.Equal(t, 20*mb, b.patched(path, 10*mb, data[10*mb:], "Upload-Checksum", sha1Of(data[10*mb:])))
		b.has("sums", data)
		b.tidy(1)
	})
}

func TestTermination(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		data := random(10 * mb)
		for name, n := range map[string]int{"nothing": 0, "a bit": 10, "a part": 9 * mb} {
			path := b.begun(name, len(data))
			require.Equal(t, n, b.patched(path, 0, data[:n]))
			a := b.terminate(path)
			require.Equal(t, http.StatusNoContent, a.Status, a.Text)
			require.Equal(t, http.StatusNotFound, b.head(path).Status)
			require.Equal(t, http.StatusNotFound, b.patch(path, n, data[n:]).Status)
			require.Equal(t, http.StatusNotFound, b.terminate(path).Status)
		}
		b.tidy(0)
		path := b.begun("done", 3)
		b.patched(path, 0, "abc")
		require.Equal(t, http.StatusConflict, b.terminate(path).Status, "the object is not the upload's any more")
		b.has("done", []byte("abc"))
	})
}
