package resumable

import (
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Refusals.
var (
	errVersion     = fault.New(fault.FailedPrecondition, "TUS_VERSION", "The header Tus-Resumable must be 1.0.0.")
	errNoUpload    = fault.New(fault.NotFound, "NO_SUCH_UPLOAD", "The upload is not there: it was finished, terminated or has expired, or somebody else began it.")
	errExpired     = fault.New(fault.NotFound, "UPLOAD_EXPIRED", "The upload was left unfinished for too long. Begin a new one.")
	errContentType = fault.New(fault.Invalid, "INVALID_CONTENT_TYPE", "The header Content-Type must be application/offset+octet-stream.")
	errLocked      = &fault.Error{Kind: fault.FailedPrecondition, Reason: "RESOURCE_LOCKED", Message: "Another request goes on with this upload. Try again in a moment.", RetryAfter: time.Second}
	errTooLong     = fault.New(fault.Exhausted, "ENTITY_TOO_LARGE", "The body goes beyond the upload's length.")
	errTooLarge    = fault.New(fault.Exhausted, "ENTITY_TOO_LARGE", "The object exceeded the maximum allowed size")
	errChecksum    = fault.New(fault.Invalid, "CHECKSUM_MISMATCH", "The checksum is another than that of what arrived. Nothing of it was kept; send it again.")
	errFinished    = fault.New(fault.FailedPrecondition, "UPLOAD_FINISHED", "The upload is finished: delete the object instead.")
	errPartials    = fault.New(fault.Invalid, "INVALID_CONCAT", "The header Upload-Concat must be \"partial\", or \"final;\" and the addresses of one to %d partial uploads to the same bucket and name.", maxPartials)
)

func errHeader(name, message string) error {
	return fault.New(fault.Invalid, "INVALID_REQUEST", "The header %s %s", name, message)
}

// statusChecksum is TUS's own.
const statusChecksum = 460

// statuses are those that TUS's clients act on, where they are not those of storage.
var statuses = map[string]int{
	"TUS_VERSION": http.StatusPreconditionFailed, "UPLOAD_EXPIRED": http.StatusGone, "INVALID_CONTENT_TYPE": http.StatusUnsupportedMediaType,
	"CHECKSUM_MISMATCH": statusChecksum, "INVALID_MIME_TYPE": http.StatusUnsupportedMediaType, "UPLOAD_FINISHED": http.StatusConflict,
	"OFFSET_MISMATCH": http.StatusConflict,
}

// ofTusd are tusd's own refusals.
var ofTusd = map[string]*fault.Error{
	"ERR_MISMATCHED_OFFSET":           fault.New(fault.FailedPrecondition, "OFFSET_MISMATCH", "The header Upload-Offset is not where the upload is. Ask for it by HEAD, and go on from there."),
	"ERR_INVALID_OFFSET":              fault.New(fault.Invalid, "INVALID_REQUEST", "The header Upload-Offset must be a number of bytes."),
	"ERR_INVALID_UPLOAD_LENGTH":       fault.New(fault.Invalid, "INVALID_REQUEST", "The header Upload-Length must be a number of bytes, not below what was uploaded, and is given once."),
	"ERR_INVALID_UPLOAD_LENGTH_DEFER": fault.New(fault.Invalid, "INVALID_REQUEST", "The header Upload-Defer-Length must be 1."),
	"ERR_AMBIGUOUS_UPLOAD_LENGTH":     fault.New(fault.Invalid, "INVALID_REQUEST", "Send one of the headers Upload-Length and Upload-Defer-Length."),
	"ERR_UPLOAD_SIZE_EXCEEDED":        errTooLong,
	"ERR_UPLOAD_NOT_FINISHED":         fault.New(fault.Invalid, "INVALID_CONCAT", "One of the partial uploads is not finished."),
	"ERR_INVALID_CONCAT":              errPartials,
	"ERR_UPLOAD_NOT_FOUND":            errNoUpload,
	"ERR_MODIFY_FINAL":                fault.New(fault.Denied, "UPLOAD_FINAL", "An upload that is made of others takes no bytes of its own."),
	"ERR_UPLOAD_INTERRUPTED":          errLocked,
	"ERR_LOCK_TIMEOUT":                errLocked,
	"ERR_UNEXPECTED_EOF":              fault.New(fault.Canceled, "ABORTED", "The request's body ended before it was whole. What arrived is kept."),
	"ERR_CONNECTION_RESET":            fault.New(fault.Canceled, "ABORTED", "The connection broke. What arrived is kept."),
	"ERR_READ_TIMEOUT":                fault.New(fault.DeadlineExceeded, "REQUEST_TIMEOUT", "The body stood still for too long. What arrived is kept."),
}

// fromTusd finds the fault of an answer of tusd: its code, a colon and words.
func fromTusd(body string) error {
	code, words, _ := strings.Cut(body, ":")
	if known := ofTusd[code]; known != nil {
		return known
	}
	if strings.HasPrefix(code, "ERR_") && code != "ERR_INTERNAL_SERVER_ERROR" {
		return fault.New(fault.Invalid, "INVALID_REQUEST", "%s", strings.TrimSpace(words))
	}
	return fault.Wrap(nil, fault.Unavailable, "UPLOAD_INTERRUPTED", "The upload was interrupted. Ask by HEAD how far it is, and go on from there.")
}

type errorBody struct {
	StatusCode string `json:"statusCode"`
	Code       string `json:"code"`
	Error      string `json:"error"`
	Message    string `json:"message"`
}

// writeError tells an error in Supabase Storage's words, but by the status itself: clients of TUS go by it.
func (s *Service) writeError(w http.ResponseWriter, r *http.Request, session *projectdb.Session, err error) {
	f := protocol.FromPostgres(err)
	told := protocol.Tell(f)
	if f.Kind == fault.Internal || f.Kind == fault.Unavailable && f.Err != nil {
		s.d.Log.LogAttrs(r.Context(), slog.LevelError, "resumable upload failed", slog.String("project", session.Project.Ref),
			slog.String("method", r.Method), slog.Any("error", err)) // not the path: it is a key to the upload
	}
	status := told.Status
	if own, ok := statuses[f.Reason]; ok && f.Kind != fault.Internal {
		status = own
	}
	h := w.Header()
	for _, name := range []string{"Content-Length", "Upload-Offset", "Location"} {
		h.Del(name)
	}
	if f.Reason == errVersion.Reason {
		h.Set("Tus-Version", version)
	}
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	message := told.Message
	if prefix := session.Project.SchemaPrefix; prefix != "" {
		message = strings.ReplaceAll(message, prefix, "")
	}
	protocol.WriteJSON(w, status, errorBody{strconv.Itoa(status), told.Code, told.Older, message})
}
