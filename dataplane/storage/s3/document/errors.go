package document

import (
	"encoding/xml"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Error is a refusal.
type Error struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string   `xml:"Code"`
	Message   string   `xml:"Message"`
	Resource  string   `xml:"Resource,omitempty"`
	RequestID string   `xml:"RequestId"`

	Status int `xml:"-"`
}

// said is how S3 tells a reason.
type said struct {
	code   string
	status int
}

// codes are the reasons that S3 tells otherwise than Supabase Storage does.
var codes = map[string]said{
	"ACCESS_DENIED":                        {"AccessDenied", http.StatusForbidden},
	"AUTHORIZATION_HEADER_MALFORMED":       {"AuthorizationHeaderMalformed", http.StatusBadRequest},
	"AUTHORIZATION_QUERY_PARAMETERS_ERROR": {"AuthorizationQueryParametersError", http.StatusBadRequest},
	"BAD_DIGEST":                           {"BadDigest", http.StatusBadRequest},
	"BUCKET_ALREADY_EXISTS":                {"BucketAlreadyExists", http.StatusConflict},
	"BUCKET_ALREADY_OWNED_BY_YOU":          {"BucketAlreadyOwnedByYou", http.StatusConflict},
	"CONNECTIONS_EXHAUSTED":                {"SlowDown", http.StatusServiceUnavailable},
	"ENTITY_TOO_LARGE":                     {"EntityTooLarge", http.StatusBadRequest},
	"ENTITY_TOO_SMALL":                     {"EntityTooSmall", http.StatusBadRequest},
	"EXPIRED_TOKEN":                        {"ExpiredToken", http.StatusBadRequest},
	"FEATURE_NOT_ENABLED":                  {"AccessDenied", http.StatusForbidden},
	"INVALID_ACCESS_KEY_ID":                {"InvalidAccessKeyId", http.StatusForbidden},
	"INVALID_CHUNK":                        {"InvalidRequest", http.StatusBadRequest},
	"INVALID_CHUNK_SIZE":                   {"InvalidChunkSizeError", http.StatusForbidden},
	"INVALID_MIME_TYPE":                    {"InvalidMimeType", http.StatusBadRequest},
	"INVALID_TOKEN":                        {"InvalidToken", http.StatusBadRequest},
	"INVALID_URI":                          {"InvalidURI", http.StatusBadRequest},
	"KEY_ALREADY_EXISTS":                   {"PreconditionFailed", http.StatusPreconditionFailed},
	"MALFORMED_TRAILER_ERROR":              {"MalformedTrailerError", http.StatusBadRequest},
	"MALFORMED_XML":                        {"MalformedXML", http.StatusBadRequest},
	"MAX_MESSAGE_LENGTH_EXCEEDED":          {"MaxMessageLengthExceeded", http.StatusBadRequest},
	"METADATA_TOO_LARGE":                   {"MetadataTooLarge", http.StatusBadRequest},
	"METHOD_NOT_ALLOWED":                   {"MethodNotAllowed", http.StatusMethodNotAllowed},
	"MISSING_CONTENT_LENGTH":               {"MissingContentLength", http.StatusLengthRequired},
	"NOT_IMPLEMENTED":                      {"NotImplemented", http.StatusNotImplemented},
	"OBJECT_STORE_UNREACHABLE":             {"ServiceUnavailable", http.StatusServiceUnavailable},
	"STORAGE_UNAVAILABLE":                  {"ServiceUnavailable", http.StatusServiceUnavailable},
	"QUOTA_STORAGE":                        {"QuotaExceeded", http.StatusForbidden},
	"REQUEST_TIME_TOO_SKEWED":              {"RequestTimeTooSkewed", http.StatusForbidden},
	"RESOURCE_ALREADY_EXISTS":              {"OperationAborted", http.StatusConflict},
	"RESOURCE_NOT_EMPTY":                   {"BucketNotEmpty", http.StatusConflict},
	"SIGNATURE_DOES_NOT_MATCH":             {"SignatureDoesNotMatch", http.StatusForbidden},
	"SLOW_DOWN":                            {"SlowDown", http.StatusServiceUnavailable},
	"TRANSACTION_ERROR":                    {"OperationAborted", http.StatusConflict},
	"X_AMZ_CONTENT_SHA256_MISMATCH":        {"XAmzContentSHA256Mismatch", http.StatusBadRequest},
	"INVALID_PART_NUMBER":                  {"InvalidPartNumber", http.StatusRequestedRangeNotSatisfiable},
	"INVALID_PART_ORDER":                   {"InvalidPartOrder", http.StatusBadRequest},
	"INVALID_PART":                         {"InvalidPart", http.StatusBadRequest},
	"INVALID_DIGEST":                       {"InvalidDigest", http.StatusBadRequest},
	"INVALID_TAG":                          {"InvalidTag", http.StatusBadRequest},
	"INCOMPLETE_BODY":                      {"IncompleteBody", http.StatusBadRequest},
	"ABORTED":                              {"RequestTimeout", http.StatusBadRequest},
	"BODY_STALLED":                         {"RequestTimeout", http.StatusBadRequest}, // of the gateway
}

// Tell finds how an error is told, of whatever layer it is.
func Tell(err error) Error {
	f := protocol.FromPostgres(err)
	told := protocol.Tell(f)
	out := Error{Code: told.Code, Message: told.Message, Status: told.Status}
	if known, ok := codes[f.Reason]; ok && f.Kind != fault.Internal {
		out.Code, out.Status = known.code, known.status
	}
	return out
}

// WriteError tells an error. HEAD's answers have no body.
func WriteError(w http.ResponseWriter, r *http.Request, session *projectdb.Session, err error) Error {
	out := Tell(err)
	h := w.Header()
	for name := range h {
		if strings.HasPrefix(name, "x-amz-meta-") || strings.HasPrefix(name, "X-Amz-Checksum-") {
			delete(h, name)
		}
	}
	for _, name := range []string{
		"Content-Length", "Content-Encoding", "Content-Disposition", "Content-Language", "Content-Range", "Content-Type", "Etag", "Last-Modified", "Cache-Control",
		"Expires", "Accept-Ranges",
	} {
		h.Del(name)
	}
	if wait := fault.From(err).RetryAfter; wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	if prefix := session.Project.SchemaPrefix; prefix != "" { // where projects share a database, it is nobody's business
		out.Message = strings.ReplaceAll(out.Message, prefix, "")
	}
	if r.Method == http.MethodHead || out.Status == http.StatusNotModified {
		w.WriteHeader(out.Status)
		return out
	}
	out.Resource, out.RequestID = r.URL.Path, r.Header.Get("X-Request-Id")
	Write(w, out.Status, out)
	return out
}
