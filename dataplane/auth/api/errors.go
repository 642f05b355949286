package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// refusal is an error in the one shape of /api/v1. Its code is GoTrue's, in upper case.
type refusal struct {
	Error refusalBody `json:"error"`
}

type refusalBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Details any    `json:"details,omitempty"`
}

var errRoute = fault.New(fault.NotFound, "ROUTE_NOT_FOUND", "There is nothing at this path.")

func errMethod(method, allow string) error {
	return fault.New(fault.Unimplemented, "METHOD_NOT_ALLOWED", "This path does not answer to %s: it answers to %s.", method, allow)
}

// renamed are codes that /api/v1 has others for.
var renamed = map[string]string{"BAD_JSON": "INVALID_BODY", "NO_AUTHORIZATION": "TOKEN_REQUIRED", "OVER_REQUEST_RATE_LIMIT": "RATE_LIMITED"}

// hints tell what to do.
var hints = map[string]string{
	"INVALID_BODY": "Send a JSON object.", "TOKEN_REQUIRED": "Send the user's access token as Authorization: Bearer ….",
	"ROUTE_NOT_FOUND": "The paths are in docs/api.md, section Auth.", "RATE_LIMITED": "Wait as long as Retry-After says.",
	"OVER_EMAIL_SEND_RATE_LIMIT": "Wait as long as Retry-After says.", "OVER_SMS_SEND_RATE_LIMIT": "Wait as long as Retry-After says.",
	"OTP_EXPIRED": "Ask for another code or link.", "REFRESH_TOKEN_NOT_FOUND": "Sign in again.", "REFRESH_TOKEN_ALREADY_USED": "Sign in again.",
	"SESSION_EXPIRED": "Sign in again.", "SESSION_NOT_FOUND": "Sign in again.", "EMAIL_NOT_CONFIRMED": "Follow the link in the mail that confirms the address.",
	"INSUFFICIENT_AAL": "Sign in with the second factor first.", "CAPTCHA_FAILED": "Send the CAPTCHA's answer as captcha_token.",
	"REAUTHENTICATION_NEEDED": "Have a nonce sent by GET /auth/v1/reauthenticate, and send it as nonce.",
}

func (s *service) refuse(ctx context.Context, w http.ResponseWriter, bound *projectdb.Session, err error) {
	switch {
	case errors.As(err, new(*fault.Error)):
	case errors.Is(err, context.Canceled):
		err = fault.Wrap(err, fault.Canceled, "CANCELED", "The request was canceled.")
	case errors.Is(err, context.DeadlineExceeded):
		err = fault.Wrap(err, fault.DeadlineExceeded, "TIMEOUT", "The request took too long.")
	}
	f := fault.From(err)
	status, _, message := protocol.Answer(err)
	code := f.Reason
	if f.Kind == fault.Internal {
		code = "INTERNAL"
		s.d.Log.LogAttrs(ctx, slog.LevelError, "api request failed", slog.String("project", bound.Project.Ref), slog.Any("error", err))
	}
	if other, ok := renamed[code]; ok {
		code = other
	}
	out := refusal{refusalBody{Code: code, Message: message, Hint: hints[code]}}
	if f.Reason == "WEAK_PASSWORD" {
		out.Error.Details = map[string]any{"reasons": strings.Split(f.Fields["password"], ",")}
	}
	if retry := f.Fields["retry_after"]; retry != "" {
		w.Header().Set("Retry-After", retry)
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	protocol.WriteJSON(w, status, out)
}
