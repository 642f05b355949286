package auth

import (
	"encoding/json"
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/token"
)

// jwks publishes the project's public keys, with which anyone can verify its users' tokens.
func (s *Service) jwks(w http.ResponseWriter, _ *http.Request, session *projectdb.Session) error {
	set, err := token.JWKS(session.Project.SigningKeys)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=600")
	writeJSON(w, http.StatusOK, json.RawMessage(set))
	return nil
}
