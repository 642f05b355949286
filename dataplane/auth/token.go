package auth

import (
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// token exchanges something for an access token; grant_type tells what.
func (s *Service) token(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	switch grantType := r.URL.Query().Get("grant_type"); grantType {
	case "password":
		return s.tokenByPassword(w, r, session)
	case "refresh_token":
		return s.tokenByRefreshToken(w, r, session)
	default:
		return fault.New(fault.Invalid, "INVALID_CREDENTIALS", "unsupported_grant_type")
	}
}
