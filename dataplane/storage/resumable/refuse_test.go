package resumable_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/storage/sign"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

func TestOptions(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		for _, path := range []string{root, root + "/", root + "/x", root + "/sign"} {
			a := b.Call("OPTIONS", path, "", nil)
			require.Equal(t, http.StatusNoContent, a.Status)
			require.Equal(t, "1.0.0", a.Header.Get("Tus-Version"))
			require.Equal(t, "creation,creation-with-upload,creation-defer-length,termination,checksum,concatenation,expiration", a.Header.Get("Tus-Extension"))
			require.Equal(t, "52428800", a.Header.Get("Tus-Max-Size"))
			require.Equal(t, "sha1,sha256,sha512,md5", a.Header.Get("Tus-Checksum-Algorithm"))
		}
	})
}

func TestRefusals(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.Owner("update {storage}.buckets set file_size_limit = 100, allowed_mime_types = '{text/*}' where id = 'files'")
		mine := b.name("x.txt")
		path := b.begun("under way.txt", 10)
		good := []string{"Tus-Resumable", "1.0.0", "Upload-Length", "10", "Upload-Metadata", metadata("bucketName", "files", "objectName", mine, "contentType", "text/plain")}
		with := func(pairs ...string) []string { return append(append([]string{}, good...), pairs...) }
		said := func(pairs ...string) []string { return with("Upload-Metadata", metadata(pairs...)) }
		chunk := func(pairs ...string) []string {
			return append([]string{"Tus-Resumable", "1.0.0", "Content-Type", chunkType, "Upload-Offset", "0"}, pairs...)
		}
		for name, c := range map[string]struct {
			method, path, as string
			headers          []string
			body             string
			status           int
			code             string
		}{
			"no version":                  {"POST", root, b.token, with("Tus-Resumable", ""), "", 412, "TusVersion"},
			"another version":             {"POST", root, b.token, with("Tus-Resumable", "0.2.2"), "", 412, "TusVersion"},
			"no version to ask":           {"HEAD", path, b.token, nil, "", 412, ""},
			"no length":                   {"POST", root, b.token, with("Upload-Length", ""), "", 400, "InvalidRequest"},
			"a length below nought":       {"POST", root, b.token, with("Upload-Length", "-1"), "", 400, "InvalidRequest"},
			"a length that is none":       {"POST", root, b.token, with("Upload-Length", "ten"), "", 400, "InvalidRequest"},
			"both lengths":                {"POST", root, b.token, with("Upload-Defer-Length", "1"), "", 400, "InvalidRequest"},
			"a wrong deferral":            {"POST", root, b.token, with("Upload-Length", "", "Upload-Defer-Length", "2"), "", 400, "InvalidRequest"},
			"no metadata":                 {"POST", root, b.token, with("Upload-Metadata", ""), "", 400, "InvalidRequest"},
			"metadata that is no base64":  {"POST", root, b.token, with("Upload-Metadata", "bucketName !"), "", 400, "InvalidRequest"},
			"a key twice":                 {"POST", root, b.token, with("Upload-Metadata", good[5]+","+metadata("bucketName", "other")), "", 400, "InvalidRequest"},
			"metadata that is huge":       {"POST", root, b.token, said("bucketName", "files", "objectName", mine, "more", strings.Repeat("x", 13000)), "", 400, "InvalidRequest"},
			"no bucket":                   {"POST", root, b.token, said("objectName", mine), "", 400, "InvalidRequest"},
			"no name":                     {"POST", root, b.token, said("bucketName", "files"), "", 400, "InvalidRequest"},
			"a bucket that is not there":  {"POST", root, b.token, said("bucketName", "nowhere", "objectName", mine), "", 404, "NoSuchBucket"},
			"a name that climbs":          {"POST", root, b.token, said("bucketName", "files", "objectName", b.user+"/../x"), "", 400, "InvalidKey"},
			"a name with a zero":          {"POST", root, b.token, said("bucketName", "files", "objectName", mine+"\x00"), "", 400, "InvalidRequest"},
			"another's folder":            {"POST", root, b.token, said("bucketName", "files", "objectName", uuid.NewString()+"/x", "contentType", "text/plain"), "", 403, "AccessDenied"},
			"nobody":                      {"POST", root, "", good, "", 403, "AccessDenied"},
			"too large":                   {"POST", root, b.token, with("Upload-Length", "101"), "", 413, "EntityTooLarge"},
			"a type that is not allowed":  {"POST", root, b.token, said("bucketName", "files", "objectName", mine, "contentType", "image/png"), "", 415, "InvalidMimeType"},
			"no type, which is no text":   {"POST", root, b.token, said("bucketName", "files", "objectName", mine), "", 415, "InvalidMimeType"},
			"user metadata that is none":  {"POST", root, b.token, said("bucketName", "files", "objectName", mine, "contentType", "text/plain", "metadata", "[1]"), "", 400, "InvalidRequest"},
			"an upload to an upload":      {"POST", path, b.token, good, "", 405, "MethodNotAllowed"},
			"an unknown upload":           {"HEAD", root + "/" + strings.Repeat("A", 43), b.token, good[:2], "", 404, ""},
			"what is no id":               {"HEAD", root + "/sign", b.token, good[:2], "", 404, ""},
			"a chunk for an unknown one":  {"PATCH", root + "/" + strings.Repeat("A", 43), b.token, chunk(), "x", 404, "NoSuchUpload"},
			"an offset ahead":             {"PATCH", path, b.token, chunk("Upload-Offset", "1"), "x", 409, "OffsetMismatch"},
			"an offset beyond":            {"PATCH", path, b.token, chunk("Upload-Offset", "1000"), "x", 409, "OffsetMismatch"},
			"no offset":                   {"PATCH", path, b.token, chunk("Upload-Offset", ""), "x", 400, "InvalidRequest"},
			"an offset below nought":      {"PATCH", path, b.token, chunk("Upload-Offset", "-1"), "x", 400, "InvalidRequest"},
			"another type of chunk":       {"PATCH", path, b.token, chunk("Content-Type", "application/octet-stream"), "x", 415, "InvalidContentType"},
			"a chunk that is too long":    {"PATCH", path, b.token, chunk(), "01234567890", 413, "EntityTooLarge"},
			"a length told twice":         {"PATCH", path, b.token, chunk("Upload-Length", "10"), "x", 400, "InvalidRequest"},
			"reading by override":         {"POST", path, b.token, chunk("X-HTTP-Method-Override", "HEAD"), "", 405, "MethodNotAllowed"},
			"writing by reading":          {"HEAD", path, b.token, chunk("X-HTTP-Method-Override", "DELETE"), "", 405, ""},
			"a signature that is missing": {"POST", root + "/sign", b.token, good, "", 400, "InvalidSignature"},
			"a signature that is none":    {"POST", root + "/sign", b.token, with("x-signature", b.token), "", 400, "InvalidJWT"},
			"a final of nothing":          {"POST", root, b.token, with("Upload-Concat", "final;"), "", 400, "InvalidConcat"},
			"a final of what is none":     {"POST", root, b.token, with("Upload-Concat", "final;/x/y"), "", 400, "InvalidConcat"},
			"a final of no partial":       {"POST", root, b.token, with("Upload-Concat", "final;"+path), "", 400, "InvalidConcat"},
			"a final of unknown ones":     {"POST", root, b.token, with("Upload-Concat", "final;/"+strings.Repeat("A", 43)), "", 404, "NoSuchUpload"},
		} {
			a := b.Call(c.method, c.path, c.as, c.body, c.headers...)
			require.Equal(t, c.status, a.Status, "%s: %s", name, a.Text)
			require.Equal(t, "1.0.0", a.Header.Get("Tus-Resumable"), name)
			require.Empty(t, a.Header.Get("Location"), name)
			if c.method != "HEAD" {
				require.Equal(t, c.code, a.Str("code"), name)
			}
			if c.status == 412 {
				require.Equal(t, "1.0.0", a.Header.Get("Tus-Version"), name)
			}
		}
		require.Zero(t, b.offset(path), "nothing was written")
		require.Equal(t, 1, storagetest.One[int](b.Bundle, "select count(*) from resumable_uploads"))
		require.Equal(t, 1, storagetest.One[int](b.Bundle, "select count(*) from leases where worker = 'resumable'"))
		require.Empty(t, b.StoredKeys())
	})
}

func TestStrangers(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		path := b.begun("mine", 10)
		_, other := b.User()
		for name, as := range map[string]string{"another user": other, "nobody": "", "a secret key": storagetest.Secret} {
			require.Equal(t, http.StatusNotFound, b.Call("HEAD", path, as, nil, "Tus-Resumable", "1.0.0").Status, name)
			a := b.Call("PATCH", path, as, "x", "Tus-Resumable", "1.0.0", "Content-Type", chunkType, "Upload-Offset", "0")
			require.Equal(t, http.StatusNotFound, a.Status, name)
			require.Equal(t, http.StatusNotFound, b.Call("DELETE", path, as, nil, "Tus-Resumable", "1.0.0").Status, name)
			require.Equal(t, http.StatusNotFound, b.Call("POST", path, as, nil, "Tus-Resumable", "1.0.0", "X-HTTP-Method-Override", "DELETE").Status, name)
		}
		token := b.sign(sign.Grant{Use: sign.Upload, Bucket: "files", Name: b.name("mine"), Owner: b.user, Upsert: true})
		signed := strings.Replace(path, root, root+"/sign", 1)
		require.Equal(t, http.StatusNotFound, b.Call("HEAD", signed, "", nil, "Tus-Resumable", "1.0.0", "x-signature", token).Status, "a token is no key to what a user began")
		require.Equal(t, 10, b.patched(path, 0, "0123456789"))
	})
}

// Another project's id is nobody's here, even where both are in one database.
func TestAnotherProject(t *testing.T) {
	t.Parallel()
	one, other := setup(storagetest.New(t, true)), setup(storagetest.New(t, true))
	path := one.begun("x", 3)
	require.Equal(t, http.StatusNotFound, other.head(path).Status)
	require.Equal(t, http.StatusNotFound, other.Call("HEAD", path, storagetest.Secret, nil, "Tus-Resumable", "1.0.0").Status)
}

func TestRightThatWasTaken(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		path := b.begun("x", 3)
		b.Owner(`drop policy "own files" on {storage}.objects`)
		a := b.patch(path, 0, "abc")
		require.Equal(t, http.StatusForbidden, a.Status)
		require.Equal(t, "AccessDenied", a.Str("code"))
		require.Equal(t, http.StatusForbidden, b.head(path).Status, "it is not told to be finished")
		b.OwnFolders("files")
		require.Equal(t, 3, b.offset(path))
		b.has("x", []byte("abc"))

		path = b.begun("y", 3)
		b.Put("files", b.name("y"), "another came first")
		require.Equal(t, http.StatusConflict, b.patch(path, 0, "abc").Status)
		b.has("y", []byte("another came first"))
		require.Equal(t, http.StatusNoContent, b.terminate(path).Status)

		path = b.begun("z", 3)
		b.Owner("update {storage}.buckets set file_size_limit = 2 where id = 'files'")
		require.Equal(t, http.StatusRequestEntityTooLarge, b.patch(path, 0, "abc").Status)
	})
}

func (b *bundle) sign(g sign.Grant) string {
	b.T.Helper()
	if g.Expires.IsZero() {
		g.Expires = b.clock.now().Add(sign.UploadFor)
	}
	token, err := sign.Token(b.Project, g, b.clock.now())
	require.NoError(b.T, err)
	return token
}

func TestSigned(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		name := "signed/file.txt"
		token := b.sign(sign.Grant{Use: sign.Upload, Bucket: "files", Name: name, Owner: b.user})
		create := func(token, name string, more ...string) storagetest.Answer {
			return b.Call("POST", root+"/sign", "", nil, append([]string{"Tus-Resumable", "1.0.0", "Upload-Length", "3", "x-signature", token,
				"Upload-Metadata", metadata("bucketName", "files", "objectName", name, "contentType", "text/plain")}, more...)...)
		}
		path := b.path(create(token, name, "x-upsert", "true"))
		require.Contains(t, path, root+"/sign/")
		chunk := func(path, token, body string) storagetest.Answer {
			return b.Call("PATCH", path, "", body, "Tus-Resumable", "1.0.0", "Content-Type", chunkType, "Upload-Offset", "0", "x-signature", token)
		}
		require.Equal(t, http.StatusBadRequest, create(token, "signed/other.txt").Status)
		for why, other := range map[string]string{
			"for reading":      b.sign(sign.Grant{Use: sign.Download, Bucket: "files", Name: name, Owner: b.user}),
			"for another file": b.sign(sign.Grant{Use: sign.Upload, Bucket: "files", Name: "signed/other.txt", Owner: b.user}),
			"of another owner": b.sign(sign.Grant{Use: sign.Upload, Bucket: "files", Name: name, Owner: uuid.NewString()}),
			"that has expired": b.sign(sign.Grant{Use: sign.Upload, Bucket: "files", Name: name, Owner: b.user, Expires: b.clock.now().Add(-time.Second)}),
			"without end":      token + "x",
		} {
			require.Contains(t, []int{400, 404}, chunk(path, other, "abc").Status, why)
		}
		require.Equal(t, http.StatusNotFound, b.Call("HEAD", strings.Replace(path, "/sign", "", 1), b.token, nil, "Tus-Resumable", "1.0.0").Status, "not by the other way")
		require.Equal(t, http.StatusNoContent, chunk(path, token, "abc").Status)
		require.Equal(t, "abc", b.Read("files", name))
		o, err := b.Objects.Find(t.Context(), b.Service(), "files", name)
		require.NoError(t, err)
		require.Equal(t, b.user, o.OwnerID)

		a := create(token, name, "x-upsert", "true")
		require.Equal(t, http.StatusConflict, a.Status, "the token decides what is replaced: %s", a.Text)
		token = b.sign(sign.Grant{Use: sign.Upload, Bucket: "files", Name: name, Owner: b.user, Upsert: true})
		path = b.path(create(token, name))
		a = b.Call("HEAD", path, "", nil, "Tus-Resumable", "1.0.0", "x-signature", token)
		require.Equal(t, http.StatusOK, a.Status)
		require.Equal(t, "0", a.Header.Get("Upload-Offset"))
		require.Equal(t, http.StatusNoContent, chunk(path, token, "xyz").Status)
		require.Equal(t, "xyz", b.Read("files", name))
		path = b.path(create(token, name))
		require.Equal(t, http.StatusNoContent, b.Call("DELETE", path, "", nil, "Tus-Resumable", "1.0.0", "x-signature", token).Status)
		require.Equal(t, "xyz", b.Read("files", name))
	})
}

func TestMethodOverride(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		path := b.begun("x", 6)
		a := b.Call("POST", path, b.token, "abc", "Tus-Resumable", "1.0.0", "Content-Type", chunkType, "Upload-Offset", "0", "X-HTTP-Method-Override", "PATCH")
		require.Equal(t, http.StatusNoContent, a.Status, a.Text)
		require.Equal(t, 3, b.offset(path))
		a = b.Call("POST", path, b.token, nil, "Tus-Resumable", "1.0.0", "X-HTTP-Method-Override", "DELETE")
		require.Equal(t, http.StatusNoContent, a.Status, a.Text)
		require.Equal(t, http.StatusNotFound, b.head(path).Status)

		token := b.sign(sign.Grant{Use: sign.Upload, Bucket: "files", Name: "signed"})
		path = b.path(b.Call("POST", root+"/sign", "", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "3", "x-signature", token))
		a = b.Call("POST", path, "", "abc", "Tus-Resumable", "1.0.0", "Content-Type", chunkType, "Upload-Offset", "0", "X-HTTP-Method-Override", "PATCH", "x-signature", token)
		require.Equal(t, http.StatusNoContent, a.Status, a.Text)
		require.Equal(t, "abc", b.Read("files", "signed"))
	})
}

func TestAddresses(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		own := strings.TrimPrefix(b.Project.URL, "http://")
		for name, c := range map[string]struct{ host, prefix, want string }{
			"by the project's host": {own, "", b.Project.URL + "/storage/v1" + root + "/"},
			"by another host":       {"files.example.com", "", "/storage/v1" + root + "/"},
			"by path":               {"localhost", "/p/" + b.Project.Ref, "/p/" + b.Project.Ref + "/storage/v1" + root + "/"},
		} {
			h := []string{"Tus-Resumable", "1.0.0", "Upload-Length", "1", "X-Forwarded-Host", "evil.example.com", "X-Forwarded-Proto", "gopher",
				"Upload-Metadata", metadata("bucketName", "files", "objectName", b.name(name))}
			r := b.request("POST", root, h...)
			r.Host = c.host
			if c.prefix != "" {
				r.Header.Set("X-Forwarded-Prefix", c.prefix)
			}
			a := b.Do(r, b.token)
			require.Equal(t, http.StatusCreated, a.Status, a.Text)
			require.True(t, strings.HasPrefix(a.Header.Get("Location"), c.want), "%s: %s", name, a.Header.Get("Location"))
		}
	})
}

// TestBodiesOfUnknownLengthKeepToTheRoom: neither the upload says its length nor the request.
func TestBodiesOfUnknownLengthKeepToTheRoom(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.Bundle = b.Limited(directory.Limits{StorageBytes: 20 << 20})
		b.Handler = b.worker()
		var open []string
		for _, name := range []string{"one", "other"} {
			open = append(open, b.path(b.Call("POST", root, b.token, nil, "Tus-Resumable", "1.0.0", "Upload-Defer-Length", "1",
				"Upload-Metadata", metadata("bucketName", "files", "objectName", b.name(name)))))
		}
		require.Equal(t, 13<<20, b.patched(open[0], 0, random(13<<20)))
		a := b.patch(open[1], 0, io.MultiReader(bytes.NewReader(random(16<<20))))
		require.Equal(t, http.StatusPaymentRequired, a.Status, a.Text)
	})
}

func TestBounds(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.Bundle = b.Limited(directory.Limits{StorageBytes: 1000})
		b.Handler = b.worker()
		b.begun("600", 600)
		a := b.begin("500", 500)
		require.Equal(t, http.StatusPaymentRequired, a.Status, "what is under way counts: %s", a.Text)
		require.Equal(t, "QuotaExceeded", a.Str("code"))
		path := b.begun("400", 400)
		require.Equal(t, http.StatusPaymentRequired, b.begin("1", 1).Status)
		require.Equal(t, 400, b.patched(path, 0, random(400)))
		require.Equal(t, http.StatusPaymentRequired, b.begin("1", 1).Status)
		b.Bundle = b.Limited(directory.Limits{StorageBytes: 1200})
		b.Handler = b.worker()
		var open []string
		for _, name := range []string{"open", "open too"} {
			open = append(open, b.path(b.Call("POST", root, b.token, nil, "Tus-Resumable", "1.0.0", "Upload-Defer-Length", "1",
				"Upload-Metadata", metadata("bucketName", "files", "objectName", b.name(name)))))
		}
		require.Equal(t, 150, b.patched(open[0], 0, random(150)))
		require.Equal(t, http.StatusPaymentRequired, b.patch(open[1], 0, random(51)).Status, "also of those whose size nobody knows")
		for _, path := range open {
			require.Equal(t, http.StatusNoContent, b.terminate(path).Status)
		}

		b.Bundle = b.Limited(directory.Limits{})
		b.Handler = b.worker()
		for range 99 {
			b.begun("same", 1)
		}
		a = b.begin("same", 1)
		require.Equal(t, http.StatusTooManyRequests, a.Status)
		require.Equal(t, "SlowDown", a.Str("code"))
		user := b.user
		b.user, b.token = b.User()
		b.begun("another user's", 1)
		require.NotEqual(t, user, b.user)
	})
}
