package protocol

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/fault"
)

func TestErrorShapes(t *testing.T) {
	t.Parallel()
	s := NewRouter(slog.New(slog.DiscardHandler))
	for name, c := range map[string]struct {
		err          error
		status       int
		dated, older string
	}{
		"a refusal": {ErrInvalidCredentials, 400,
			`{"code":"invalid_credentials","message":"Invalid login credentials"}`,
			`{"code":400,"error_code":"invalid_credentials","msg":"Invalid login credentials"}`},
		"an address that is taken": {ErrUserExists, 422,
			`{"code":"user_already_exists","message":"User already registered"}`,
			`{"code":422,"error_code":"user_already_exists","msg":"User already registered"}`},
		"a weak password": {ErrWeakPassword("length", "Too short."), 422,
			`{"code":"weak_password","message":"Too short.","weak_password":{"reasons":["length"]}}`,
			`{"code":422,"error_code":"weak_password","msg":"Too short.","weak_password":{"reasons":["length"]}}`},
		"too many requests": {ErrTooManyRequests(1500 * time.Millisecond), 429,
			`{"code":"over_request_rate_limit","message":"Request rate limit reached"}`,
			`{"code":429,"error_code":"over_request_rate_limit","msg":"Request rate limit reached"}`},
		"what took too long": {fault.New(fault.DeadlineExceeded, "STATEMENT_TIMEOUT", "The database took too long."), 504,
			`{"code":"request_timeout","message":"The database took too long."}`,
			`{"code":504,"error_code":"request_timeout","msg":"The database took too long."}`},
		"a defect, whose cause is not told": {fault.Wrap(errors.New("secret cause"), fault.Internal, "X", "Something went wrong."), 500,
			`{"code":"unexpected_failure","message":"Something went wrong."}`,
			`{"code":500,"error_code":"unexpected_failure","msg":"Something went wrong.","error_id":"req-1"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for asked, want := range map[string]string{"": c.older, "2023-12-31": c.older, "x024-01-01": c.older, "2024-01-01": c.dated, "2025-06-30": c.dated} {
				w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/token", nil)
				w.Header().Set("X-Request-Id", "req-1")
				if asked != "" {
					r.Header.Set(versionHeader, asked)
				}
				s.writeError(w, r, "ref", c.err)
				require.Equal(t, c.status, w.Code)
				require.JSONEq(t, want, w.Body.String(), asked)
				require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
				require.Equal(t, want == c.dated, w.Header().Get(versionHeader) == "2024-01-01")
				if c.status == 429 {
					require.Equal(t, "2", w.Header().Get("Retry-After"))
				}
			}
		})
	}
}
