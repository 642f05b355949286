package gateway

import (
	"net/http"
	"strings"
)

// What Supabase's clients send, and what they read.
const (
	corsMethods = "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"
	corsHeaders = "authorization, x-client-info, apikey, content-type, accept, accept-profile, content-profile, prefer, range, range-unit, " +
		"x-supabase-api-version, x-region, x-request-id, if-match, if-none-match, if-modified-since, if-unmodified-since, if-range, " +
		"x-upsert, x-metadata, x-signature, cache-control, content-encoding, content-disposition, content-language, content-md5, " +
		"tus-resumable, upload-length, upload-defer-length, upload-offset, upload-metadata, upload-checksum, upload-concat, " +
		"x-amz-date, x-amz-content-sha256, x-amz-security-token, x-amz-user-agent, amz-sdk-invocation-id, amz-sdk-request"
	// corsExposed are those that PostgREST names, ownExposed the others.
	corsExposed = "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, Transfer-Encoding, Range-Unit"
	ownExposed  = "content-profile, content-length, etag, preference-applied, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, x-request-id, x-supabase-api-version, " +
		"x-total-count, x-affected-count, link, x-next-offset, x-next-before"
	// storageExposed are storage's: those that are known by name, and the metadata of S3's objects, which are not.
	storageExposed = "accept-ranges, cache-control, content-disposition, content-language, expires, last-modified, tus-resumable, tus-version, tus-extension, tus-max-size, " +
		"tus-checksum-algorithm, upload-offset, upload-length, upload-defer-length, upload-metadata, upload-expires, upload-concat, x-amz-request-id, x-amz-id-2, " +
		"x-amz-version-id, x-amz-delete-marker, x-amz-mp-parts-count, x-amz-tagging-count, x-amz-bucket-region, *"
)

var (
	anyOrigin = []string{"*"}
	exposed   = []string{corsExposed, ownExposed}
	// exposedFiles is for storage.
	exposedFiles = []string{corsExposed, ownExposed, storageExposed}
)

// overrides are headers, in canonical form, that would have a service take a request for another than the one that is judged here.
var overrides = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// cors allows every origin: keys and tokens are headers, and no cookie opens anything. Only a script of another origin is told what
// it may read.
func cors(h http.Header, r *http.Request) {
	h["Access-Control-Allow-Origin"] = anyOrigin
	if len(r.Header["Origin"]) > 0 {
		h["Access-Control-Expose-Headers"] = exposed
	}
}

// isPreflight tells a browser's question from an OPTIONS request that is meant.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// preflight answers a browser's question as PostgREST does. It needs no key, and tells nothing of the project.
func preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Max-Age", "86400")
	h.Add("Vary", "Access-Control-Request-Headers")
	allowed := corsHeaders
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" && headerNames(asked) {
		names := []string{"Authorization"}
		for name := range strings.SplitSeq(asked, ",") {
			names = append(names, strings.TrimSpace(name))
		}
		allowed = strings.Join(append(names, "Accept", "Accept-Language", "Content-Language"), ", ")
	}
	h.Set("Access-Control-Allow-Headers", allowed)
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}

// headerNames reports whether s is a short list of header names.
func headerNames(s string) bool {
	if len(s) > 1024 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("-_, ", rune(c)) {
			return false
		}
	}
	return true
}
