package gateway

import (
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/internal/scope"
)

// storagePrefix is where storage speaks Supabase's protocol.
const storagePrefix = "/storage/v1"

// apiStoragePrefix is where it speaks as the rest of /api/v1, and apiStoragePublic what of that needs no key.
const (
	apiStoragePrefix = "/api/v1/storage"
	apiStoragePublic = "/public"
)

// openStorage are the paths of storage that need no key: what is public, and what carries a proof of its own. Without methods all are open.
var openStorage = []struct{ path, methods string }{
	{"/object/public", "GET HEAD"},
	{"/object/info/public", "GET HEAD"},
	{"/render/image/public", "GET HEAD"},
	{"/object/sign", "GET HEAD"},
	{"/render/image/sign", "GET HEAD"},
	{"/object/upload/sign", "PUT"},
	{"/upload/resumable/sign", ""},
	{"/upload/resumable", "OPTIONS"}, // asks what the server can do
	{storageS3, ""},
	{"/status", "GET HEAD"},
	{"/health", "GET HEAD"},
}

// storageAccess is what a request to storage asks for, by its path as it was sent: storage's routes go by that. Clients of TUS send a user's
// token and no key.
func storageAccess(method, path string) Access {
	for _, open := range openStorage {
		if below(path, open.path) && (open.methods == "" || hasWord(open.methods, method)) {
			return OpenAccess
		}
	}
	return EitherAccess
}

// storageKeys is where access keys of S3's protocol are made. They have all the rights of a secret key.
const storageKeys = "/s3-keys"

// storageScope is the scope that a request to storage needs of a bounded key; none opens the making of keys that are not bounded. Listing and signing for reading are asked for by POST, and
// nothing else that is: "/object/list/a/b" puts "b" into the bucket "list". Who may upload may ask how far an upload is.
func storageScope(method, path string) scope.Scope {
	read := method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
	switch {
	case below(cleaned(path), storageKeys):
		return 0
	case read && !below(path, "/upload"):
		return scope.StorageRead
	case method != http.MethodPost:
		return scope.StorageWrite
	}
	for _, folder := range []string{"/object/list/", "/object/list-v2/"} {
		if bucket, ok := strings.CutPrefix(path, folder); ok && bucket != "" && !strings.Contains(bucket, "/") {
			return scope.StorageRead
		}
	}
	if rest, ok := strings.CutPrefix(path, "/object/sign/"); ok && rest != "" && rest[0] != '/' {
		return scope.StorageRead
	}
	return scope.StorageWrite
}

// cleaned is a path that was sent, unescaped and without what is in it twice: what no router can take for more than it says.
func cleaned(sent string) string {
	if plain, err := url.PathUnescape(sent); err == nil {
		sent = plain
	}
	return path.Join("/", sent)
}

// apiStorageScope is the scope that a request to storage's part of /api/v1 needs of a bounded key. Signing for reading and archives are asked for by
// POST: "/buckets/a/sign".
func apiStorageScope(method, path string) scope.Scope {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return scope.StorageRead
	case http.MethodPost:
		if rest, ok := strings.CutPrefix(path, "/buckets/"); ok {
			if bucket, does, _ := strings.Cut(rest, "/"); bucket != "" && (does == "sign" || does == "archive") {
				return scope.StorageRead
			}
		}
	}
	return scope.StorageWrite
}

// hasWord reports whether a list of words, with blanks between them, has a word.
func hasWord(list, word string) bool {
	for s := range strings.FieldsSeq(list) {
		if s == word {
			return true
		}
	}
	return false
}

// passive are the types of files that do nothing when a browser opens them as a page, and that it shows badly or not at all in a sandbox:
// Chrome's viewer of PDFs does not start, players get no stream. Types that scripts can hide in, as SVG's and every other of XML's, are none.
var passive = map[string]bool{
	"application/pdf": true,
	"image/png":       true, "image/jpeg": true, "image/gif": true, "image/webp": true, "image/avif": true, "image/bmp": true, "image/apng": true,
	"image/tiff": true, "image/heic": true, "image/heif": true, "image/jxl": true, "image/x-icon": true, "image/vnd.microsoft.icon": true,
	"video/mp4": true, "video/webm": true, "video/ogg": true, "video/quicktime": true, "video/mpeg": true, "video/x-m4v": true, "video/3gpp": true,
	"video/x-matroska": true,
	"audio/mpeg":       true, "audio/mp4": true, "audio/aac": true, "audio/ogg": true, "audio/wav": true, "audio/x-wav": true, "audio/wave": true,
	"audio/webm": true, "audio/flac": true, "audio/x-flac": true, "audio/x-m4a": true, "audio/opus": true, "audio/3gpp": true,
}

// isPassive reports whether browsers take a Content-Type for one of the passive ones: of a list of types they take the last.
func isPassive(kind string) bool {
	name, parameters, _ := strings.Cut(kind, ";")
	return passive[strings.ToLower(strings.TrimSpace(name))] && !strings.Contains(parameters, ",")
}

// apiStorageAccess is storageAccess for /api/v1/storage.
func apiStorageAccess(method, path string) Access {
	if below(path, apiStoragePublic) && (method == http.MethodGet || method == http.MethodHead) {
		return OpenAccess
	}
	return EitherAccess
}

// judged is the path within the service that access and scopes go by. Storage's routes go by the path as it was sent, in which an escaped slash is
// no slash; the other services' by the path that it stands for.
func (x *exchange) judged() string {
	if x.service.Prefix != storagePrefix && x.service.Prefix != apiStoragePrefix {
		return x.inner
	}
	u := url.URL{Path: x.inner, RawPath: innerRaw(x.r.URL, x.prefix+x.service.Prefix)}
	return u.EscapedPath()
}

// mayOverride reports whether a request may say by a header that another method is meant. Only uploads by TUS may, where neither method asks for more.
func mayOverride(s *service, r *http.Request, inner string) bool {
	if s.Prefix != storagePrefix || r.Method != http.MethodPost || !below(inner, "/upload/resumable") {
		return false
	}
	meant := r.Header.Get("X-Http-Method-Override")
	return strings.EqualFold(meant, http.MethodPatch) || strings.EqualFold(meant, http.MethodDelete)
}

// storageErrors are Supabase's words for the statuses of refusals, where they differ from HTTP's.
var storageErrors = map[int]string{
	http.StatusUnauthorized: "Unauthorized", http.StatusForbidden: "Unauthorized", http.StatusNotFound: "not_found", http.StatusRequestEntityTooLarge: "Payload too large",
}

type storageBody struct {
	StatusCode string `json:"statusCode"`
	Code       string `json:"code"`
	Error      string `json:"error"`
	Message    string `json:"message"`
	Hint       string `json:"hint,omitempty"`
}

func (e *refusal) storageBody() storageBody {
	word, ok := storageErrors[e.status]
	if !ok {
		word = http.StatusText(e.status)
	}
	return storageBody{strconv.Itoa(e.status), e.code, word, e.message, e.hint}
}
