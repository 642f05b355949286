package api

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// refusal is an error in the one shape of /api/v1.
type refusal struct {
	Error refusalBody `json:"error"`
}

type refusalBody struct {
	Code    string       `json:"code"`
	Message string       `json:"message"`
	Hint    string       `json:"hint,omitempty"`
	Fields  []fieldError `json:"fields,omitempty"`
}

// fieldError is what is wrong with a field of a body.
type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// hints tell what to do.
var hints = map[string]string{
	"ROUTE_NOT_FOUND": "The paths are in docs/storage-api.md.", "NO_SUCH_BUCKET": "It may be there and not be yours to see: policies on storage.buckets decide.",
	"NO_SUCH_KEY": "It may be there and not be yours to see: policies on storage.objects decide.", "KEY_ALREADY_EXISTS": "PUT replaces; copy takes \"upsert\": true.",
	"ACCESS_DENIED": "Policies on storage.objects and storage.buckets decide.", "RESOURCE_NOT_EMPTY": "Empty it by POST /buckets/{bucket}/empty.",
	"VALIDATION_FAILED": "Correct the fields that are named.", "QUOTA_STORAGE": "Delete files, or move to a larger plan.", "RATE_LIMITED": "Wait as long as Retry-After says.",
}

// statuses are those that this API has in place of the others' for a reason.
var statuses = map[string]int{"DATABASE_TIMEOUT": http.StatusGatewayTimeout, "RESOURCE_LOCKED": http.StatusConflict, "INFECTED_FILE": http.StatusUnprocessableEntity,
	"TOO_LARGE_TO_SCAN": http.StatusRequestEntityTooLarge, "INVALID_JWT": http.StatusUnauthorized, "QUOTA_STORAGE": http.StatusPaymentRequired}

// refuse answers with an error, and logs what is a defect.
func (s *service) refuse(w http.ResponseWriter, r *http.Request, session *projectdb.Session, err error) {
	switch {
	case errors.As(err, new(*fault.Error)):
	case errors.Is(err, context.Canceled):
		err = fault.Wrap(err, fault.Canceled, "CANCELED", "The request was canceled.")
	case errors.Is(err, context.DeadlineExceeded):
		err = fault.Wrap(err, fault.DeadlineExceeded, "TIMEOUT", "The request took too long.")
	}
	f := protocol.FromPostgres(err)
	told := protocol.Tell(f)
	status, code, message := told.Status, f.Reason, told.Message
	var fields []fieldError
	for _, name := range slices.Sorted(maps.Keys(f.Fields)) {
		fields = append(fields, fieldError{name, f.Fields[name]})
	}
	if own := statuses[f.Reason]; own != 0 && f.Kind != fault.Internal {
		status = own
	}
	if f.Kind == fault.Internal {
		code, fields = "INTERNAL", nil
		s.Log.LogAttrs(r.Context(), slog.LevelError, "storage request failed", slog.String("project", session.Project.Ref),
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	if prefix := session.Project.SchemaPrefix; prefix != "" { // which is nobody's business
		message = strings.ReplaceAll(message, prefix, "")
	}
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Disposition", "Content-Language", "Etag", "Last-Modified", "Cache-Control", "Expires",
		"Accept-Ranges", "Link", "Location"} {
		h.Del(name)
	}
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	if status == http.StatusForbidden && session.Caller.Role == "anon" {
		status = http.StatusUnauthorized // somebody who says who they are might
	}
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	protocol.WriteJSON(w, status, refusal{refusalBody{Code: code, Message: message, Hint: hints[code], Fields: fields}})
}
